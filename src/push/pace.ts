import type { Steady } from '../runtime/steady.ts';

/** Runs at most `most` at once; the others wait in the order in which they came. */
export function openLimit(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      // Whoever waits takes over the place, so that nobody who comes now can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

/** How much may still be done before other work gets its turn. */
export interface Turn {
  spend(): void;
  isSpent(): boolean;
  /** The next turn of the event loop. */
  next(): Promise<void>;
}

export function openTurn(steady: Steady, most: number): Turn {
  let spent = 0;
  return {
    spend() {
      if (spent === 0) {
        steady.soon(() => {
          spent = 0;
        });
      }
      spent += 1;
    },
    isSpent: () => spent >= most,
    next: () => new Promise((resolve) => steady.soon(resolve)),
  };
}
