import { longestPause, restAfter } from '../domain/outbox.ts';
import type { Lane } from '../store/lanes.ts';
import type { Store } from '../store/store.ts';

/** How destinations do: what was delivered there since the start, and which are down. */
export interface Standing {
  readonly counts: Map<string, Counts>;
  /** Destinations whose last attempts failed in a row, that of `lane` last: those that are down are left alone until then. */
  readonly down: Map<string, { failures: number; lane: number; until: number }>;
}

export interface Counts {
  delivered: number;
  failed: number;
  dead: number;
  parked: number;
}

/** Destinations that are counted by name: topics may be many. */
const mostCounted = 1000;

export function openStanding(): Standing {
  return { counts: new Map(), down: new Map() };
}

/** A destination that answers, if only to reject: whatever waits for it is tried now. */
export async function isThere(
  { down }: Standing,
  destination: string,
  now: number,
  store: Pick<Store, 'hurry'>,
): Promise<void> {
  const known = down.get(destination);
  if (!known) return;
  down.delete(destination);
  if (known.until > 0) await store.hurry(destination, now);
}

/**
 * Another failure in a row. What was at work when a destination went down says nothing new, and one lane that fails again
 * and again nothing of others: its own pauses are enough.
 */
export function failed({ down }: Standing, { destination, key }: Lane, now: number, share: number): void {
  const before = down.get(destination);
  if (before && (before.until > now || (before.until === 0 && before.lane === key))) return;
  const failures = (before?.failures ?? 0) + 1;
  const rest = restAfter(failures, share);
  down.set(destination, { failures, lane: key, until: rest === undefined ? 0 : now + rest });
}

/** As `setRight`: no destination is left alone for that long. */
export function forgetFuture({ down }: Standing, now: number): void {
  for (const [destination, { until }] of down) if (until > now + 2 * longestPause) down.delete(destination);
}

/** Lanes of a destination that is down are due, but are not tried before its time. */
export async function nextDue(
  standing: Standing,
  past: number,
  now: number,
  store: Pick<Store, 'nextLaneDue' | 'dueLanes'>,
): Promise<number | undefined> {
  forgetFuture(standing, now);
  const { down } = standing;
  const resting = [...down].filter(([, { until }]) => until > past);
  const names = resting.map(([destination]) => destination);
  const times = [await store.nextLaneDue(past, names)];
  for (const [destination, { until }] of resting) {
    const [first] = await store.dueLanes(destination, Number.MAX_SAFE_INTEGER, 1);
    if (first?.due !== undefined) times.push(Math.max(first.due, until));
  }
  return times.reduce((one, other) =>
    one === undefined || other === undefined ? (one ?? other) : Math.min(one, other),
  );
}

export function count({ counts }: Standing, destination: string): Counts {
  const name = counts.has(destination) || counts.size < mostCounted ? destination : 'other';
  let found = counts.get(name);
  if (!found) {
    found = { delivered: 0, failed: 0, dead: 0, parked: 0 };
    counts.set(name, found);
  }
  return found;
}
