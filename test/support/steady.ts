import { type Steady, systemSteady } from '../../src/runtime/steady.ts';

/** Steady time that stands still until it is told to move. Turns of the event loop are real. */
export interface ManualSteady extends Steady {
  /** Moves on, running what falls due in its order. */
  advance(ms: number): void;
}

export function manualSteady(): ManualSteady {
  const timers = new Set<{ due: number; readonly every?: number; readonly run: () => void }>();
  let now = 0;

  function add(due: number, run: () => void, every?: number): () => void {
    const timer = { due, run, ...(every === undefined ? {} : { every }) };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  return {
    now: () => now,
    after: (ms, run) => add(now + ms, run),
    every: (ms, run) => add(now + ms, run, ms),
    soon: systemSteady.soon,
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [timer] = [...timers].filter((each) => each.due <= end).sort((one, other) => one.due - other.due);
        if (!timer) break;
        now = Math.max(now, timer.due);
        if (timer.every === undefined) timers.delete(timer);
        else timer.due += timer.every;
        timer.run();
      }
      now = end;
    },
  };
}
