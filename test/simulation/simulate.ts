import { parseArgs } from 'node:util';
import { simulate } from './nodes.ts';

/**
 * Simulates several nodes from many seeds, or shows what happens from one.
 *
 *   npm run simulate -- --seeds 10000 [--from 1]
 *   npm run simulate -- --seed 1383
 */
const usage = 'npm run simulate -- --seeds <how many> [--from <first seed>], or --seed <one, with all that happens>';
/** A line of progress after so many. */
const progress = 100;
/** A broken program fails from every seed: so many are enough to see it. */
const mostFailures = 20;

function whole(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`"${text}" is no whole number. ${usage}`);
  return process.exit(2);
}

async function show(seed: number): Promise<number> {
  const { trace, problems, counts, hash } = await simulate(seed, { isTraced: true });
  for (const line of trace) console.log(line);
  console.log(JSON.stringify(counts), `histories ${hash}`);
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

async function search(from: number, count: number): Promise<number> {
  const sums: Record<string, number> = {};
  let failures = 0;
  const began = performance.now();
  for (let done = 0; done < count && failures < mostFailures; done += 1) {
    const { seed, problems, counts } = await simulate(from + done);
    for (const [name, value] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + value;
    if (problems.length > 0) {
      failures += 1;
      console.error(`seed ${seed} fails; npm run simulate -- --seed ${seed} shows how:\n  ${problems.join('\n  ')}`);
    }
    if ((done + 1) % progress === 0) {
      const each = (performance.now() - began) / (done + 1);
      console.log(`${done + 1} of ${count} seeds, ${failures} failed, ${each.toFixed(0)} ms each`);
    }
  }
  for (const [name, value] of Object.entries(sums)) console.log(`${String(value).padStart(10)} ${name}`);
  console.log(`${failures} of the seeds from ${from} failed`);
  return failures === 0 ? 0 : 1;
}

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { seeds: text, seed: text, from: text } });
process.exitCode =
  values.seed === undefined
    ? await search(whole(values.from, 1), whole(values.seeds, 1000))
    : await show(whole(values.seed, 1));
