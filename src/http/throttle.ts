import { type Bucket, type QuotaProfile, type Rate, sharedBucket, take } from '../domain/quota.ts';
import { commonFault, Fault } from '../fault.ts';
import type { Operation } from '../operations/operation.ts';
import { by, type Metric } from '../runtime/metrics.ts';

/** How often operations may be called. One a process. */
export interface Throttle {
  /** Takes one call by `who` from its bucket; throws the 429 of an empty one. */
  take(operation: Operation, who: string, now: number): void;
  /** The same for one participant token's connections, in every profile. */
  takeConnection(operation: Operation, token: string, now: number): void;
  /** Calls refused since the start, by operation. */
  counts(): Readonly<Record<string, number>>;
  metrics(): readonly Metric[];
}

/** Buckets kept: those that were not used for longest go first, for they are the likeliest to be full again. */
const most = 100_000;
/** So many go at once: finding the oldest steps over every one that was deleted before it, 30 µs at the worst. */
const atOnce = 10_000;

/**
 * Of several nodes each gives out its share of a rate, so that together they give out no more than the whole; a caller
 * whose requests all meet one node gets that share alone.
 */
export function openThrottle(profile: QuotaProfile, connections: Rate, nodes: () => number = () => 1): Throttle {
  const buckets = new Map<string, Bucket>();
  const refused: Record<string, number> = {};

  function spend(operation: Operation, name: string, whole: Rate, now: number): void {
    const count = nodes();
    const rate = count === 1 ? whole : { rate: whole.rate / count, burst: Math.ceil(whole.burst / count) };
    const { bucket, waitMs } = take(buckets.get(name), now, rate);
    buckets.delete(name);
    if (buckets.size >= most) for (const old of [...buckets.keys()].slice(0, atOnce)) buckets.delete(old);
    buckets.set(name, bucket);
    if (waitMs === 0) return;
    refused[operation.name] = (refused[operation.name] ?? 0) + 1;
    throw tooMany(operation, whole, waitMs);
  }

  return {
    take(operation, who, now) {
      const name = sharedBucket[operation.name] ?? operation.name;
      const rate = profile.rates[name] ?? (operation.service === 'connect' ? profile.rates.default : undefined);
      if (rate) spend(operation, `${who} ${name}`, rate, now);
    },
    takeConnection(operation, token, now) {
      spend(operation, token, connections, now);
    },
    counts: () => ({ ...refused }),
    metrics: () => [
      {
        name: 'tertulia_throttled_total',
        help: 'Requests that were refused with 429.',
        kind: 'counter',
        values: by('operation', refused),
      },
    ],
  };
}

function tooMany(operation: Operation, { rate, burst }: Rate, waitMs: number): Fault {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const message = `Rate exceeded: ${operation.name} may be called ${rate} times a second, ${burst} at once. Try again in ${seconds} s.`;
  return operation.errors.includes('ThrottlingException')
    ? new Fault('ThrottlingException', 429, message, { retryAfterSeconds: seconds })
    : commonFault('TooManyRequestsException', message, seconds);
}
