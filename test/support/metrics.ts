import { type Metric, renderMetrics } from '../../src/runtime/metrics.ts';
import { systemSteady } from '../../src/runtime/steady.ts';

/** The lines of an answer of `/metrics`, as `name{label="value"}`. */
export function linesOf(text: string): Record<string, number> {
  return Object.fromEntries(
    [...text.matchAll(/^([a-z_]+(?:\{.*\})?) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  );
}

/** What somebody who looks would see of these. */
export async function shown(...sources: readonly (() => readonly Metric[])[]): Promise<Record<string, number>> {
  // Asked now: rendering takes a while the first time.
  const taken = sources.map((source) => source());
  const { text } = await renderMetrics(
    taken.map((each) => () => each),
    systemSteady,
  );
  return linesOf(text);
}

/** What is counted of one metric, by its labels; of a histogram how many there were. */
export function of(lines: Record<string, number>, name: string): Record<string, number> {
  const found = Object.entries(lines).flatMap(([line, value]) => {
    const [, own, labels = ''] = /^([a-z_]+)(?:\{(.*)\})?$/.exec(line) ?? [];
    return own === name ? [[labels.replaceAll(/\w+="([^"]*)"/g, '$1'), value] as const] : [];
  });
  return Object.fromEntries(found);
}
