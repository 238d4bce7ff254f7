import type { MovableClock } from '../runtime/movable-clock.ts';
import type { Steady } from '../runtime/steady.ts';
import { string, structure } from '../shape/shape.ts';
import { isoTime } from '../wire/time.ts';
import { invalid, type Route, route } from './route.ts';

/** What moving the clock needs to know of the rest of the server. */
export interface TimeParts {
  readonly clock: MovableClock;
  readonly steady: Steady;
  readonly runDue: () => Promise<number>;
  /** When something is due next; with `past`, what is due by then left out. */
  readonly nextDue: (past?: number) => Promise<number | undefined>;
  /** Resolves when everything that is committed has been pushed to the sockets of this server. */
  readonly delivered: () => Promise<void>;
  /** Why neither may be done, where nodes share a store: a clock is moved and a store emptied under all of them. */
  readonly refusal?: string | undefined;
  /** Empties the server: store, sockets, clock; seeds come back. */
  readonly reset: () => Promise<void>;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** setTimeout's reach: a chatjs session whose token is further away than that asks for a new one without end. */
const chatjsReach = 20 * 86_400_000;
/** How much real time, and how many moments at which something is due, one move may take. */
const longestMs = 30_000;
const mostSteps = 100_000;
/** Times are shown with years of four digits, also those of what is far ahead. */
const latest = Date.UTC(9000, 0);

/** Reads and moves the test clock: what takes days happens in a call. And starts everything afresh. */
export function timeRoutes(parts: TimeParts): Route[] {
  const { clock } = parts;
  const inTurn = openTurns();
  return [
    route({
      method: 'GET',
      path: '/_tertulia/clock',
      isDevelopmentOnly: true,
      input: structure({}),
      handle: async () => reading(clock),
    }),
    route({
      method: 'POST',
      path: '/_tertulia/clock',
      isDevelopmentOnly: true,
      input: structure({ advance: string({ max: 100 }), set: string({ max: 100 }) }),
      handle: ({ advance, set }) =>
        inTurn(async () => {
          if (parts.refusal) throw invalid(parts.refusal);
          const moved = await move(parts, targetOf(clock.now(), advance, set));
          return { ...reading(clock), ...moved };
        }),
    }),
    route({
      method: 'POST',
      path: '/_tertulia/reset',
      isDevelopmentOnly: true,
      input: structure({}),
      handle: () =>
        inTurn(async () => {
          if (parts.refusal) throw invalid(parts.refusal);
          await parts.reset();
          return { reset: true };
        }),
    }),
  ];
}

/** One after the other: of two moves at once the earlier target would set the clock back. */
function openTurns(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const mine = last.then(run);
    last = mine.catch(() => {});
    return mine;
  };
}

function reading(clock: MovableClock): object {
  const ahead = clock.ahead();
  const warning =
    Math.abs(ahead) > chatjsReach
      ? "The clock is more than 20 days from the machine's: running chatjs sessions will ask for new connections in a loop."
      : undefined;
  return { now: isoTime(clock.now()), aheadMs: Math.round(ahead), warning };
}

function targetOf(now: number, advance: string | undefined, set: string | undefined): number {
  if ((advance === undefined) === (set === undefined)) {
    throw invalid('Give either advance, such as {"advance":"15s"}, or set, such as {"set":"2026-12-31T12:00:00Z"}.');
  }
  const time = advance === undefined ? Date.parse(withZone.exec(set ?? '')?.[0] ?? '') : now + lengthOf(advance);
  if (Number.isNaN(time)) throw invalid('set must be a time with its zone, such as "2026-12-31T12:00:00Z".');
  if (time < now) throw invalid(`set is before the present test time, ${isoTime(now)}; the clock only goes forward.`);
  if (time > latest) throw invalid(`The clock goes no further than ${isoTime(latest)}.`);
  return time;
}

/** Without a zone it would be the time of wherever the server runs. */
const withZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function lengthOf(advance: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(advance) ?? [];
  if (amount === undefined || unit === undefined) {
    throw invalid('advance must be a whole number and a unit, ms, s, m, h or d, such as "15s" or "25h".');
  }
  return Number(amount) * (units[unit] ?? 0);
}

/** Steps from one due moment to the next, doing what is due there and what follows from that, up to the target. */
async function move(parts: TimeParts, target: number): Promise<object> {
  const { clock, steady, runDue, nextDue } = parts;
  const deadline = steady.now() + longestMs;
  let ran = 0;
  // What fails stays due. It is passed over, so that it holds up neither the clock nor what is due after it.
  let past: number | undefined;
  try {
    for (let steps = 0; ; steps += 1) {
      const next = await nextDue(past);
      if (next === undefined || next > target) break;
      if (steady.now() >= deadline || steps >= mostSteps) {
        const stillDue = isoTime(next);
        return {
          ran,
          busy: true,
          stillDue,
          message: `Still busy: what is due at ${stillDue} is not done. Call again.`,
        };
      }
      past = Math.max(next, clock.now());
      clock.stopAt(past);
      ran += await runDue();
    }
    clock.goOnFrom(Math.max(target, clock.now()));
    await delivered(parts, deadline);
    const left = await nextDue();
    if (left === undefined || left > target) return { ran, busy: false };
    const message = 'Something that is due could not be done; the log says why.';
    return { ran, busy: false, stillDue: isoTime(left), message };
  } finally {
    // Whatever happened, it must not stand still.
    clock.goOnFrom(clock.now());
  }
}

/** A chat in which people go on talking is never quiet: then it is left at that. */
async function delivered({ steady, delivered }: TimeParts, deadline: number): Promise<void> {
  let callOff = () => {};
  const late = new Promise<void>((resolve) => {
    callOff = steady.after(Math.max(0, deadline - steady.now()), resolve);
  });
  await Promise.race([delivered(), late]);
  callOff();
}
