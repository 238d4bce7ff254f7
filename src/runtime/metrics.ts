/** What a server counts and measures, in Prometheus's form. */

/** One metric with what it is now, by labels. */
export interface Metric {
  readonly name: `tertulia_${string}`;
  readonly help: string;
  /** A counter only grows, and its name ends with `_total`. */
  readonly kind: 'counter' | 'gauge';
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Asked whenever somebody looks: what is counted elsewhere is only shown here. */
export type MetricSource = () => Promise<readonly Metric[]> | readonly Metric[];

/** The library is loaded with the first look: a start without one is 15 ms shorter. */
export async function renderMetrics(sources: readonly MetricSource[]): Promise<{ contentType: string; text: string }> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  for (const source of sources) {
    for (const { name, help, kind, values } of await source()) {
      const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
      const about = { name, help, labelNames, registers: [registry] };
      if (kind === 'counter') {
        const counter = new Counter(about);
        for (const { labels, value } of values) counter.inc(labels, value);
      } else {
        const gauge = new Gauge(about);
        for (const { labels, value } of values) gauge.set(labels, value);
      }
    }
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
