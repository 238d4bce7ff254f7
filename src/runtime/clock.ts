/** The chat's time: item times, tokens, jobs, quotas. Epoch milliseconds. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** The machine's own time, for what must not follow a moved clock: log lines, signatures, `Date` headers. */
export function machineTime(): number {
  return Date.now();
}
