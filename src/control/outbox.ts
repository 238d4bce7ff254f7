import type { Clock } from '../runtime/clock.ts';
import { integer, query, string, structure } from '../shape/shape.ts';
import type { Store } from '../store/store.ts';
import { isoTime } from '../wire/time.ts';
import { type Route, route } from './route.ts';

export interface OutboxParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Has what waits for a destination tried now. */
  readonly hurry: (destination: string) => Promise<void>;
  /** What development's own topic got after `past`, oldest first. */
  readonly notifications: (
    past: number,
    limit: number,
  ) => readonly { readonly number: number; readonly notification: object }[];
}

/** The ARN of a topic, or what the configuration calls it: sixteen servers of NATS and a subject are the longest. */
const destination = string({ min: 1, max: 5000 });
const page = {
  MaxResults: query('maxResults', integer({ min: 1, max: 1000 })),
  After: query('after', integer({ min: 0 })),
};
/** Rows that one step of re-driving moves. */
const batch = 500;

/** Looking at what is to leave, and setting going again what was given up. */
export function outboxRoutes({ store, clock, hurry, notifications }: OutboxParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '/_tertulia/outbox',
      input: structure({}),
      handle: async () => ({ Destinations: (await store.laneSummary()).map(described) }),
    }),
    route({
      method: 'GET',
      path: '/_tertulia/outbox/dead-letters',
      input: structure({ Destination: query('destination', destination), ...page }),
      async handle({ Destination, MaxResults = 100, After = 0 }) {
        const letters = await store.deadLetters(Destination, After, MaxResults + 1);
        const shown = letters.slice(0, MaxResults);
        return {
          DeadLetters: shown.map((each) => ({
            Destination: each.destination,
            DiedAt: isoTime(each.diedAt),
            Attempts: each.attempts,
            Error: each.error,
            Parcel: JSON.parse(each.parcel),
          })),
          next: letters.length > MaxResults ? shown.at(-1)?.key : undefined,
        };
      },
    }),
    route({
      method: 'POST',
      path: '/_tertulia/outbox/redrive',
      input: structure({ Destination: destination }),
      async handle({ Destination }) {
        const redriven = { Lanes: 0, DeadLetters: 0 };
        for (let count = batch; count === batch; ) {
          const { lanes, deadLetters } = await store.redrive(Destination, clock.now(), batch);
          redriven.Lanes += lanes;
          redriven.DeadLetters += deadLetters;
          count = lanes + deadLetters;
        }
        // Whoever asks for it has mended something: what is between two attempts need not wait for the next.
        const all = Destination === undefined ? await store.laneDestinations(Number.MAX_SAFE_INTEGER) : [Destination];
        for (const each of all) await hurry(each);
        return redriven;
      },
    }),
    route({
      method: 'GET',
      path: '/_tertulia/streams',
      isDevelopmentOnly: true,
      input: structure(page),
      async handle({ MaxResults = 100, After = 0 }) {
        const kept = notifications(After, MaxResults + 1);
        const shown = kept.slice(0, MaxResults);
        return {
          Notifications: shown.map(({ notification }) => notification),
          // Also of the last page: what comes later is read from there.
          next: shown.at(-1)?.number ?? After,
          more: kept.length > MaxResults,
        };
      },
    }),
  ];
}

function described(each: Awaited<ReturnType<Store['laneSummary']>>[number]): object {
  return {
    Destination: each.destination,
    Waiting: each.waiting,
    Parked: each.parked,
    DeadLetters: each.deadLetters,
    WaitingSince: each.since === undefined ? undefined : isoTime(each.since),
    Error: each.error,
  };
}
