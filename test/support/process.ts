import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { within } from './journal.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** How a program ended, and all that it wrote. */
export interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly end: Promise<End>;
  /** Resolves when what was written holds it; rejects if the program ends before. */
  until(what: RegExp): Promise<RegExpExecArray>;
}

/** The environment of a child: that of a user's shell, without what makes it part of a test run or configures a server. */
export function cleanEnvironment(more: Record<string, string>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NODE_|TERTULIA_|AWS_)/.test(name));
  return { ...Object.fromEntries(own), ...more };
}

function run(args: readonly string[], environment: Record<string, string>): Running {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as End);
  return {
    child,
    stdout: () => stdout,
    end,
    until: (what) =>
      within(
        `${args.join(' ')} to write ${what}`,
        new Promise((resolve, reject) => {
          const look = () => {
            const found = what.exec(stdout);
            if (found) resolve(found);
          };
          look();
          child.stdout.on('data', look);
          void end.then((ended) => reject(new Error(`it ended: ${JSON.stringify(ended)}`)));
        }),
        () => ({ stdout, stderr }),
      ),
  };
}

/** Runs `src/main.ts` with a command, and what follows it, to its end. */
export function runMain(command: string, environment: Record<string, string> = {}, ...more: string[]): Promise<End> {
  return toEnd(['src/main.ts', command, ...more], environment);
}

/** Runs a program given as text to its end, as a module of the project folder. */
export function runProgram(text: string, environment: Record<string, string> = {}): Promise<End> {
  return toEnd(['--input-type=module', '--eval', text], environment);
}

async function toEnd(args: readonly string[], environment: Record<string, string>): Promise<End> {
  const { child, end } = run(args, environment);
  try {
    return await within(`${args.join(' ').slice(0, 80)} to end`, end);
  } finally {
    child.kill('SIGKILL');
  }
}

/** `src/main.ts start` as a process of its own, with a data directory and a port that it keeps over restarts. */
export interface TestProcess extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly directory: string;
  pid(): number | undefined;
  /** What it wrote to standard output since it was started last. */
  banner(): string;
  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void;
  /** Resolves when the process has ended. */
  end(): Promise<End>;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts again after an end, with what else or otherwise is set; resolves when it accepts requests. */
  restart(more?: Record<string, string>): Promise<void>;
  /** Resolves once nothing listens on the port. */
  refusing(): Promise<void>;
}

export async function startProcess(environment: Record<string, string> = {}): Promise<TestProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-test-'));
  let port = 0;
  let running: Running;
  const start = async (more: Record<string, string> = {}) => {
    running = run(['src/main.ts', 'start'], {
      TERTULIA_DATA_DIR: directory,
      TERTULIA_PORT: String(port),
      ...environment,
      ...more,
    });
    const [, inProduction, inDevelopment] = await running.until(
      /production mode.*websocket\s+\S+:(\d+).*flow .*\n|websocket\s+wss?:\/\/127\.0\.0\.1:(\d+).*npm run demo/s,
    );
    port = Number(inProduction ?? inDevelopment);
  };
  const kill = async () => {
    running.child.kill('SIGKILL');
    await running.end;
  };
  await start();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    directory,
    pid: () => running.child.pid,
    banner: () => running.stdout(),
    signal: (name) => void running.child.kill(name),
    end: () => within('the server process to end', running.end),
    kill,
    restart: start,
    refusing: () => within('the port to be closed', refusing(port)),
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(directory, { recursive: true });
    },
  };
}

async function refusing(port: number): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    const outcome = await once(socket, 'connect').then(
      () => 'open',
      (failure: NodeJS.ErrnoException) => failure.code,
    );
    socket.destroy();
    if (outcome === 'ECONNREFUSED') return;
  }
}
