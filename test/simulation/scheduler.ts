import type { Steady } from '../../src/runtime/steady.ts';
import type { Random } from './random.ts';

/** A time of its own: nothing happens but what is due in it, one thing after the other, each with all that follows at once. */
export interface Scheduler {
  /** Milliseconds since the beginning. */
  now(): number;
  /** Calls once after so many milliseconds; of those due together, in the order in which they were asked for. */
  after(ms: number, run: () => void): () => void;
  sleep(ms: number): Promise<void>;
  /** Lets time pass until the promise is kept. Rejects if it cannot be, or after `mostMs`, or with what a call threw. */
  run<T>(main: Promise<T>, mostMs: number): Promise<T>;
  /** How many things have happened. */
  steps(): number;
}

interface Entry {
  readonly due: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Turns of the event loop that are asked for at once: what one call leads to at once is run before the next one. */
const turnsAtOnce = 64;

export function openScheduler(): Scheduler {
  const heap = openHeap();
  let [now, order, steps] = [0, 0, 0];

  function after(ms: number, run: () => void): () => void {
    order += 1;
    const entry: Entry = { due: now + Math.max(0, ms), order, run };
    heap.add(entry);
    return () => {
      entry.run = undefined;
    };
  }

  return {
    now: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    steps: () => steps,
    run: (main, mostMs) =>
      new Promise((resolve, reject) => {
        let isOver = false;
        const end = (settle: () => void) => {
          if (isOver) return;
          isOver = true;
          settle();
        };
        main.then(
          (value) => end(() => resolve(value)),
          (failure) => end(() => reject(failure)),
        );
        const turn = () => {
          if (isOver) return;
          let next = heap.take();
          while (next && !next.run) next = heap.take();
          if (!next) return end(() => reject(new Error(`at ${now} ms nothing is left to happen`)));
          now = Math.max(now, next.due);
          steps += 1;
          if (now > mostMs) return end(() => reject(new Error(`it is not over after ${mostMs} ms`)));
          try {
            next.run?.();
          } catch (failure) {
            end(() => reject(failure));
          }
        };
        const pump = () => {
          if (isOver) return;
          for (let count = 0; count < turnsAtOnce; count += 1) setImmediate(turn);
          setImmediate(pump);
        };
        setImmediate(pump);
      }),
  };
}

/** The steady time of a process: what it waits for is forgotten when it is killed. */
export function steadyOf({ now, after }: Scheduler, isAlive: () => boolean): Steady {
  const living = (run: () => void) => () => {
    if (isAlive()) run();
  };
  return {
    now,
    after: (ms, run) => after(ms, living(run)),
    every(ms, run) {
      let stop = () => {};
      const again = () => {
        stop = after(ms, () => {
          if (!isAlive()) return;
          again();
          run();
        });
      };
      again();
      return () => stop();
    },
    soon: (run) => void after(0, living(run)),
  };
}

/** How long things take on the way: mostly nothing, now and then long. */
export function delay(random: Random, usual: number, longest: number): number {
  const share = random.share();
  if (share < 0.6) return 0;
  return share < 0.95 ? random.share() * usual : random.share() * longest;
}

function openHeap() {
  const entries: Entry[] = [];
  const isBefore = (one: Entry, other: Entry) =>
    one.due < other.due || (one.due === other.due && one.order < other.order);
  const at = (index: number) => entries[index] as Entry;
  return {
    add(entry: Entry): void {
      let index = entries.push(entry) - 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!isBefore(entry, at(parent))) break;
        entries[index] = at(parent);
        index = parent;
      }
      entries[index] = entry;
    },
    take(): Entry | undefined {
      const first = entries[0];
      const last = entries.pop();
      if (!last || entries.length === 0) return first;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= entries.length) break;
        if (child + 1 < entries.length && isBefore(at(child + 1), at(child))) child += 1;
        if (!isBefore(at(child), last)) break;
        entries[index] = at(child);
        index = child;
      }
      entries[index] = last;
      return first;
    },
  };
}
