/**
 * Cold start: from spawning the process to its banner and to its first healthy answer, and what it holds in memory then.
 *
 *   npm run bench:start
 *
 * Medians of nine runs, each with a new data directory; the machine's noise is in them. One run goes before them that
 * is not counted: it fills the compile cache that `npm start` keeps.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runs = 9;
/** As `npm start` begins, on the Node that runs this. */
const start = ['scripts/bootstrap.mjs', 'src/main.ts', 'start'];
const project = fileURLToPath(new URL('..', import.meta.url));

interface Run {
  readonly bannerMs: number;
  readonly healthyMs: number;
  readonly residentMb: number;
}

async function once(): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-start-'));
  const began = performance.now();
  const child = spawn(process.execPath, start, {
    cwd: project,
    env: { ...process.env, TERTULIA_PORT: '0', TERTULIA_DATA_DIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += chunk;
      if (printed.includes('npm run demo')) break;
    }
    const bannerMs = performance.now() - began;
    const url = /endpoint\s+(\S+)/.exec(printed)?.[1];
    const health = await fetch(`${url}/_tertulia/health`);
    if (!health.ok) throw new Error(`not healthy: ${health.status}`);
    const healthyMs = performance.now() - began;
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    return { bannerMs, healthyMs, residentMb: Number(resident) / 1024 };
  } finally {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await once();
const results: Run[] = [];
for (let run = 0; run < runs; run += 1) results.push(await once());
for (const key of ['bannerMs', 'healthyMs', 'residentMb'] as const) {
  const values = results.map((each) => each[key]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  console.log(
    `${key.padEnd(12)} median ${median(values).toFixed(0).padStart(5)}   ${low.toFixed(0)} to ${high.toFixed(0)}`,
  );
}
