/** What all measurements share: processes on cores of their own, rounds that take turns, medians, tables. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One of the things that `npm run bench` measures. */
export interface Measurement {
  /** For `--only`. */
  readonly name: string;
  /** Too long for the short set: only with `--full`, or by name. */
  readonly isLong?: boolean;
  run(how: Run): Promise<readonly Table[]>;
}

export interface Run {
  readonly isFull: boolean;
  /** Counted rounds; each measurement adds its own to warm up. */
  readonly rounds: number;
  /** Tells a person what is being done. */
  progress(text: string): void;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences below it. */
  readonly notes?: readonly string[];
}

export const project = fileURLToPath(new URL('..', import.meta.url));

/** Servers that are measured run on the first core, the load program on the second; unpinned where that cannot be. */
export const cores = { server: '0', load: '1' } as const;
export const isPinned = availableParallelism() > 1 && canPin();
/** What a server is started by: it ends with the load program, also where that is killed. */
const pinning = isPinned ? ['taskset', '-c', cores.server, 'setpriv', '--pdeathsig', 'KILL'] : [];

/** Folder that every server writes a CPU profile to when it ends, for the developer tools of Chromium. */
const profiles = process.env.BENCH_PROFILES;

function canPin(): boolean {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' });
    execFileSync('taskset', ['-pc', cores.load, String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A server that is measured: a process that prints a line with its port, and ends with the measurement. */
export interface Subject extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
}

/** Starts `node …args` on the servers' core. `ready` has the port as its first group. `{directory}` is a new folder. */
export async function startSubject(
  args: readonly string[],
  ready: RegExp,
  environment: Readonly<Record<string, string>> = {},
  root = project,
): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
  const own = Object.entries(process.env).filter(([name]) => !/^(NODE_|TERTULIA_|AWS_)/.test(name));
  const given = Object.entries(environment).map(([name, value]) => [name, value.replace('{directory}', directory)]);
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const command = [process.execPath, ...profiling, ...args.map((each) => each.replace('{directory}', directory))];
  const [program = '', ...rest] = [...pinning, ...command];
  const child = spawn(program, rest, {
    cwd: root,
    env: Object.fromEntries([...own, ...given]),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await printed(child, ready);
  return {
    port,
    pid: child.pid ?? 0,
    directory,
    async [Symbol.asyncDispose]() {
      child.kill(profiles === undefined ? 'SIGKILL' : 'SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function printed(child: ChildProcess, ready: RegExp): Promise<number> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    const [, port] = ready.exec(text) ?? [];
    if (port === undefined) continue;
    child.stdout?.resume();
    return Number(port);
  }
  throw new Error(`a server ended before it was ready: ${text}`);
}

/** Tertulia as `npm start` has it, with a data directory of its own; of another clone, if its folder is named. */
export function startTertulia(
  environment: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
  root?: string,
): Promise<Subject> {
  const own = { TERTULIA_PORT: '0', TERTULIA_DATA_DIR: '{directory}', TERTULIA_LOG: 'error', ...environment };
  return startSubject([...flags, 'src/main.ts', 'start'], /endpoint\s+http:\/\/[^:]+:(\d+)/, own, root);
}

/** CPU that a process has used so far, in seconds, in steps of a hundredth. 0 for one that is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Processes whose command begins so, such as those of a database that was there before. */
export function processesOf(command: string): number[] {
  return readdirSync('/proc')
    .filter((each) => /^\d+$/.test(each))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith(command);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Runs everything once a round, one after the other, so that the machine's noise is in all of them. */
export async function takeTurns<T>(
  subjects: readonly T[],
  rounds: { readonly warming: number; readonly counted: number },
  turn: (subject: T, isCounted: boolean, round: number) => Promise<void>,
): Promise<void> {
  for (let round = -rounds.warming; round < rounds.counted; round += 1) {
    for (const subject of subjects) await turn(subject, round >= 0, round);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] =
    sorted.length % 2 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}

/** Ratios of each round, `of` to `to`: noise that lasts for a round is in both. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  return of.map((value, index) => value / (to[index] ?? Number.NaN));
}

/** Median, and in brackets what lies lowest and highest. */
export function shown(values: readonly number[], digits = 0): string {
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

/** At which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
