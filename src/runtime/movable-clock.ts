import type { Clock } from './clock.ts';

/** A clock that follows another, some way ahead, and can be stopped at a moment. For tests of what takes days. */
export interface MovableClock extends Clock {
  /** Stands still at `time` until the next call. */
  stopAt(time: number): void;
  /** Shows `time` now, and goes on from there. */
  goOnFrom(time: number): void;
  /** Shows the machine's own time again. */
  follow(): void;
  /** How far ahead of the machine's own clock it is. Milliseconds. */
  ahead(): number;
}

export function movableClock(machine: Clock): MovableClock {
  let ahead = 0;
  let stoppedAt: number | undefined;
  const now = () => stoppedAt ?? machine.now() + ahead;
  return {
    now,
    stopAt(time) {
      stoppedAt = time;
    },
    goOnFrom(time) {
      stoppedAt = undefined;
      ahead = time - machine.now();
    },
    follow() {
      stoppedAt = undefined;
      ahead = 0;
    },
    ahead: () => (stoppedAt === undefined ? ahead : stoppedAt - machine.now()),
  };
}
