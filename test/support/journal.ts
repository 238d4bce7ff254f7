import { inspect } from 'node:util';

/** What happened, in order, for tests that wait for something to happen. */
export interface Journal<T> {
  readonly all: readonly T[];
  add(entry: T): void;
  /**
   * The first entry at `from` or later that is the one looked for, whether it is there or yet to come. `what` is named
   * when it never comes.
   */
  until(what: string, isIt: (entry: T) => boolean, from?: number): Promise<T>;
}

/** Nothing that a test waits for takes a second: this ends only tests that fail. */
const patienceMs = 30_000;

export function openJournal<T>(): Journal<T> {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  return {
    all,
    add(entry) {
      all.push(entry);
      for (const look of waiting) look();
    },
    until(what, isIt, from = 0) {
      return within(
        what,
        new Promise<T>((resolve) => {
          let next = from;
          const look = () => {
            for (; next < all.length; next += 1) {
              const entry = all[next] as T;
              if (!isIt(entry)) continue;
              waiting.delete(look);
              resolve(entry);
              return;
            }
          };
          waiting.add(look);
          look();
        }),
        () => all,
      );
    },
  };
}

/** Says what was waited for, where a test would only hang. */
export async function within<T>(what: string, promise: Promise<T>, instead: () => unknown = () => ''): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seen = inspect(instead(), { depth: 4, maxArrayLength: 50, maxStringLength: 200 });
      reject(new Error(`waited ${patienceMs / 1000} s for ${what}; there was ${seen}`));
    }, patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
