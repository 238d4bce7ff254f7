import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** kill -9 for a child that leads a group of its own, and for all that it started. */
export function killGroup(child: ChildProcess): void {
  const isRunning = child.exitCode === null && child.signalCode === null;
  if (child.pid === undefined || !isRunning) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (failure) {
    // It has ended and we were not told yet.
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure;
  }
}

/** Lets so many in at once; the others wait in their order, each until its signal. Answers the way out. */
export function openGate(most: number): (signal: AbortSignal) => Promise<() => void> {
  const waiting = new Set<() => void>();
  let inside = 0;
  const leave = () => {
    inside -= 1;
    const [next] = waiting;
    next?.();
  };
  return async (signal) => {
    signal.throwIfAborted();
    if (inside >= most) {
      await new Promise<void>((resolve, reject) => {
        const enter = () => {
          waiting.delete(enter);
          signal.removeEventListener('abort', abort);
          // Taken here and not after the promise, when another may have come in.
          inside += 1;
          resolve();
        };
        const abort = () => {
          waiting.delete(enter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', abort, { once: true });
        waiting.add(enter);
      });
    } else inside += 1;
    return leave;
  };
}

/** What of a line is passed on: more than any line for people. */
const maxLine = 8192;

/** Passes on what a program prints, line by line. The rest of a long line is left out, so nothing is kept of it. */
export function passOn(from: Readable, name: string, write: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let line = '';
  const add = (text: string) => {
    line = (line + text).slice(0, maxLine);
  };
  const end = () => {
    write(`${name}: ${line}\n`);
    line = '';
  };
  from.on('data', (chunk: Buffer) => {
    const [first = '', ...others] = decoder.write(chunk).split('\n');
    add(first);
    for (const each of others) {
      end();
      add(each);
    }
  });
  from.on('end', () => line && end());
  from.on('error', () => {});
  // What a program has left running may keep its output open for ever.
  if (from instanceof Socket) from.unref();
}
