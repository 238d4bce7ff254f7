import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that a test started, and that ends with it. */
export interface Child extends AsyncDisposable {
  /** The next line it wrote; undefined when it has ended and all was read. */
  line(): Promise<string | undefined>;
  /** All lines that were not read yet, up to its end. */
  rest(): Promise<string[]>;
  /** Ends the waiting of one that waits for its input. */
  go(): void;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs a script of this folder by this Node. `before` is a command that runs it, such as a tracer. */
export function startChild(script: string, args: readonly string[], before: readonly string[] = []): Child {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const [command = '', ...rest] = [...before, process.execPath, file, ...args];
  // The environment of the test runner would make the child speak the runner's protocol.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(command, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string | undefined;
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  child.stdin.on('error', () => {});
  return {
    line,
    async rest() {
      const all: string[] = [];
      for (let next = await line(); next !== undefined; next = await line()) all.push(next);
      await ended;
      return all;
    },
    go: () => void child.stdin.write('go\n'),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** Resolves when no such process runs; one that was killed stays in the table until it is waited for. */
export async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return;
    } catch {
      return;
    }
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
