/**
 * Cold start: from spawning the process, as `npm start` begins, to its banner and to its first healthy answer, and what
 * it holds in memory then. With nothing stored, and with a million contacts. Not pinned: a start uses both cores.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filledDirectory } from './fill.ts';
import { cpuSeconds, type Measurement, project, residentBytes, shown, takeTurns } from './measure.ts';

/** The compile cache of `npm start` is filled by the first. */
const warming = 2;
const million = 1_000_000;

interface Subject {
  readonly contacts: number;
  /** What is stored; undefined for a new folder at each start. */
  readonly directory: string | undefined;
  readonly banner: number[];
  readonly healthy: number[];
  readonly cpu: number[];
  readonly megabytes: number[];
}

export const measurement: Measurement = {
  name: 'start',
  async run({ isFull, rounds, progress }) {
    using stack = new DisposableStack();
    const subjects = [subject(0, undefined)];
    if (isFull) {
      const directory = filledDirectory(million, progress);
      stack.defer(() => rmSync(directory, { recursive: true }));
      subjects.push(subject(million, directory));
    }
    await takeTurns(subjects, { warming, counted: rounds }, start);
    return [
      {
        title: 'start: from spawning the process',
        columns: [
          'contacts stored',
          'to the banner, ms',
          'to the first healthy answer, ms',
          'CPU until then, ms',
          'resident then, MB',
        ],
        rows: subjects.map(({ contacts, banner, healthy, cpu, megabytes }) => [
          contacts.toLocaleString('en'),
          ...[banner, healthy, cpu, megabytes].map((each) => shown(each)),
        ]),
        notes: ['Targets: ready in at most 600 ms, with at most 100 MB.'],
      },
    ];
  },
};

function subject(contacts: number, directory: string | undefined): Subject {
  return { contacts, directory, banner: [], healthy: [], cpu: [], megabytes: [] };
}

async function start({ directory, banner, healthy, cpu, megabytes }: Subject, isCounted: boolean): Promise<void> {
  const folder = directory ?? mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
  const own = Object.entries(process.env).filter(([name]) => !/^(NODE_|TERTULIA_|AWS_)/.test(name));
  const began = performance.now();
  const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'src/main.ts', 'start'], {
    cwd: project,
    env: { ...Object.fromEntries(own), TERTULIA_PORT: '0', TERTULIA_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += chunk;
      if (printed.includes('npm run demo')) break;
    }
    const bannerMs = performance.now() - began;
    const [, url] = /endpoint\s+(\S+)/.exec(printed) ?? [];
    const health = await fetch(`${url}/_tertulia/health`);
    if (!health.ok) throw new Error(`not healthy: ${health.status}`);
    const healthyMs = performance.now() - began;
    const [spent, resident] = [cpuSeconds(child.pid ?? 0) * 1000, residentBytes(child.pid ?? 0) / 1e6];
    if (!isCounted) return;
    cpu.push(spent);
    banner.push(bannerMs);
    healthy.push(healthyMs);
    megabytes.push(resident);
  } finally {
    child.kill('SIGTERM');
    await exited;
    if (directory === undefined) rmSync(folder, { recursive: true });
  }
}
