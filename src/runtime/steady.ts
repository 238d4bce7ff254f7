/**
 * Monotonic time that nothing moves: pings, handshake and request timeouts, sweeps, group commit.
 * The only owner of timers. Timers never keep the process alive: what must stay alive holds a socket or a file.
 */
export interface Steady {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls once after `ms`; returns the way to call it off. */
  after(ms: number, run: () => void): () => void;
  /** Calls again and again; returns the way to stop. */
  every(ms: number, run: () => void): () => void;
  /** Calls after the present turn of the event loop has read what had arrived. */
  soon(run: () => void): void;
}

export const systemSteady: Steady = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, ms).unref();
    return () => clearInterval(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
