import type { Metric as Registered } from 'prom-client';
import type { Distribution } from './histogram.ts';
import type { Steady } from './steady.ts';

/** What a server counts and measures, in Prometheus's form. docs/metrics.md has a row for each. */

/** One metric with what it is now, by labels. Labels have few values, and none that a client chooses. */
export type Metric = { readonly name: `tertulia_${string}`; readonly help: string } & (
  | {
      /** A counter only grows, and its name ends with `_total`. */
      readonly kind: 'counter' | 'gauge';
      readonly values: readonly Sample<number>[];
    }
  | { readonly kind: 'histogram'; readonly values: readonly Sample<Distribution>[] }
);

export interface Sample<Value> {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Value;
}

/** Asked whenever somebody looks: what is counted elsewhere is only shown here. */
export type MetricSource = () => Promise<readonly Metric[]> | readonly Metric[];

/** The only value of a metric without labels. */
export function plain<Value>(value: Value): readonly Sample<Value>[] {
  return [{ labels: {}, value }];
}

/** A value for each of a label's. */
export function by<Value>(label: string, values: Readonly<Record<string, Value>>): readonly Sample<Value>[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** A collector gives up after ten seconds, and then has nothing: a store that is away must not cost it the rest. */
const sourceTimeout = 2_000;

/**
 * What all sources say; one that fails or takes too long is left out, and counted. The library is loaded with the first
 * look: a start without one is 15 ms shorter.
 */
export async function renderMetrics(
  sources: readonly MetricSource[],
  steady: Pick<Steady, 'after'>,
): Promise<{ contentType: string; text: string }> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const asked = await Promise.all(sources.map((source) => inTime(source, steady)));
  for (const metric of [...asked.flatMap((each) => each ?? []), missing(asked)]) {
    const { name, help, kind } = metric;
    const values = metric.kind === 'histogram' ? metric.values.flatMap((each) => lines(name, each)) : metric.values;
    // All that the registry asks of a metric. Its own classes count by themselves.
    const shown = { name, get: async () => ({ name, help, type: kind, values }) };
    registry.registerMetric(shown as unknown as Registered);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function missing(asked: readonly unknown[]): Metric {
  return {
    name: 'tertulia_metrics_missing',
    help: 'Groups of metrics that are left out of this answer, as the store could not be read in time.',
    kind: 'gauge',
    values: plain(asked.filter((each) => each === undefined).length),
  };
}

async function inTime(source: MetricSource, steady: Pick<Steady, 'after'>): Promise<readonly Metric[] | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = steady.after(sourceTimeout, () => resolve(undefined));
  try {
    return await Promise.race([source(), promise]);
  } catch {
    return undefined;
  } finally {
    stop();
  }
}

/** A histogram's lines: each bucket with those below it, their sum, and how many there are. */
function lines(name: string, { labels, value: { bounds, counts, sum } }: Sample<Distribution>) {
  let count = 0;
  const buckets = Array.from(counts, (inBucket, index) => {
    count += inBucket;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(bounds[index] ?? '+Inf') },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
