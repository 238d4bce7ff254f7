import type { Chat } from '../domain/chat.ts';
import { afterFailure, longestPause, type Settlement, type Verdict } from '../domain/outbox.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Lane } from '../store/lanes.ts';
import type { Lease, Store } from '../store/store.ts';
import type { Parcel } from '../wire/parcel.ts';
import { type Destination, Rejected } from './destination.ts';
import { type Counts, count, failed, forgetFuture, isThere, nextDue, openStanding, type Standing } from './standing.ts';
import { type Step, stepsOf } from './steps.ts';

/**
 * Delivers what is owed: takes lanes that are due, some of each destination at once, and of each lane one parcel after
 * the other. What became of a lane is committed once a batch; what happens before that is repeated after a crash.
 */
export interface Outbox extends AsyncDisposable {
  /** Begins: nothing is delivered before, when nobody could ask this server back. */
  start(): void;
  /** Something may be due now. Cheap: many calls are one look. */
  wake(): void;
  /** What waits for a destination to be tried again is tried now: it has said that it is there. */
  hurry(destination: string): Promise<void>;
  /** Tries all that is due by now, and what follows from that. Resolves to how many lanes were worked on. */
  runDue(): Promise<number>;
  /** When something is due next, by the clock; with `past`, what is due by then left out. */
  nextDue(past?: number): Promise<number | undefined>;
  /** What was done since the start, by destination. */
  counts(): ReadonlyMap<string, Counts>;
  /**
   * Empties the store by `clear` while nothing is being delivered: what is, is broken off, and what was learnt of
   * destinations is forgotten, as its times are of a clock that may be set back.
   */
  startAfresh(clear: () => Promise<void>): Promise<void>;
}

export interface OutboxParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly steady: Steady;
  readonly ids: Ids;
  readonly log: Log;
  /** Where a lane leads, and how long one attempt there may take; undefined if nothing is configured for it. */
  readonly destinationOf: (lane: Lane, chat: Chat) => Promise<Way | undefined>;
  /** Of a store that several nodes share: which of them delivers a lane. */
  readonly lease?: Lease | undefined;
  /** Lanes of one destination that may wait. */
  readonly maxLanes: number;
}

export interface Way {
  readonly destination: Pick<Destination, 'deliver'>;
  readonly limitMs: number;
}

/** Lanes of one destination at work at once: sixteen connections saturate an endpoint that answers in milliseconds. */
const lanesAtOnce = 16;
/** Only what nobody woke it for waits for this: tries again, and what another node committed. */
const pollMs = 1000;
/** How long a lane that the store would not settle is left alone. */
const brokenMs = 1000;
const keptDeadMs = 14 * 24 * 60 * 60_000;
const deadBatch = 500;
const longestError = 200;

interface State extends Standing {
  readonly parts: OutboxParts;
  /** By destination, the lanes at work, each with its run. */
  readonly active: Map<string, Map<number, Lane>>;
  readonly running: Set<Promise<void>>;
  /** Lanes that the store would not settle, for a while. */
  readonly broken: Set<number>;
  /** How often a destination has said that it is there: it may do so while an attempt there fails. */
  readonly hurries: Map<string, number>;
  /** Replaced when everything starts afresh. */
  stopping: AbortController;
  looking: Promise<void> | undefined;
  isWoken: boolean;
  worked: number;
}

export function openOutbox(parts: OutboxParts): Outbox {
  const { store, steady, log } = parts;
  const state: State = {
    parts,
    active: new Map(),
    running: new Set(),
    broken: new Set(),
    ...openStanding(),
    hurries: new Map(),
    stopping: new AbortController(),
    looking: undefined,
    isWoken: false,
    worked: 0,
  };
  const wake = () => {
    if (!stopPolling || state.isWoken || state.stopping.signal.aborted) return;
    state.isWoken = true;
    steady.soon(() => {
      state.isWoken = false;
      look(state, wake).catch((failure: unknown) => log.error({ err: failure }, 'what is owed could not be read'));
    });
  };
  let stopPolling: (() => void) | undefined;
  let stopRenewing = () => {};
  let forgetting: Promise<void> | undefined;
  let isClosed = false;
  const stop = async () => {
    state.stopping.abort();
    await state.looking?.catch(() => {});
    await Promise.allSettled([...state.running, forgetting]);
  };
  return {
    start() {
      // The first look waits for it.
      state.looking = setRight(parts)
        .catch((failure: unknown) => log.error({ err: failure }, 'what was put off too far could not be found'))
        .finally(() => {
          state.looking = undefined;
        });
      stopPolling = steady.every(pollMs, () => {
        wake();
        forgetting ??= forget(state)
          .catch((failure: unknown) => log.error({ err: failure }, 'old dead letters could not be removed'))
          .finally(() => {
            forgetting = undefined;
          });
      });
      const { lease } = parts;
      if (lease) stopRenewing = steady.every(lease.forMs / 3, () => renew(state, lease));
      wake();
    },
    wake,
    async hurry(destination) {
      state.down.delete(destination);
      state.hurries.set(destination, (state.hurries.get(destination) ?? 0) + 1);
      await store.hurry(destination, parts.clock.now());
      wake();
    },
    async runDue() {
      const before = state.worked;
      do {
        await Promise.allSettled(state.running);
        await look(state, wake);
      } while (state.running.size > 0 && !state.stopping.signal.aborted);
      await forget(state);
      return state.worked - before;
    },
    nextDue: (past = -1) => nextDue(state, past, parts.clock.now(), store),
    counts: () => state.counts,
    async startAfresh(clear) {
      await stop();
      try {
        await clear();
      } finally {
        for (const each of [state.down, state.broken, state.hurries]) each.clear();
        if (!isClosed) state.stopping = new AbortController();
        wake();
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      stopPolling?.();
      stopRenewing();
      await stop();
    },
  };
}

/** No pause is that long: who waits for longer was told so by a clock that has been set back since. */
async function setRight({ store, clock }: OutboxParts): Promise<void> {
  const now = clock.now();
  if ((await store.nextLaneDue(now + 2 * longestPause)) === undefined) return;
  for (const each of await store.laneDestinations(Number.MAX_SAFE_INTEGER)) await store.hurry(each, now);
}

/** What takes longer than its lease must not be done by another node meanwhile. */
function renew({ parts: { store, log }, active }: State, lease: Lease): void {
  const keys = [...active.values()].flatMap((each) => [...each.keys()]);
  if (keys.length === 0) return;
  store.renewLanes(keys, lease).catch((failure: unknown) => log.warn({ err: failure }, 'leases could not be renewed'));
}

async function forget({ parts: { store, clock }, stopping }: State): Promise<void> {
  for (let count = deadBatch; count === deadBatch && !stopping.signal.aborted; ) {
    count = await store.forgetDeadLetters(clock.now() - keptDeadMs, deadBatch);
  }
}

/** Puts lanes that are due to work, as many of each destination as may be. One look at a time; a look after this began sees all. */
async function look(state: State, wake: () => void): Promise<void> {
  while (state.looking) await state.looking.catch(() => {});
  state.looking = lookOnce(state, wake).finally(() => {
    state.looking = undefined;
  });
  await state.looking;
}

async function lookOnce(state: State, wake: () => void): Promise<void> {
  const { store, clock, steady, log, lease } = state.parts;
  if (state.stopping.signal.aborted) return;
  const now = clock.now();
  forgetFuture(state, now);
  for (const destination of await store.laneDestinations(now)) {
    const active = state.active.get(destination) ?? new Map<number, Lane>();
    const down = state.down.get(destination);
    const isDown = down !== undefined && down.until > 0;
    if (isDown && (now < down.until || active.size > 0)) continue;
    // Of one that is down one lane tries whether it is there again.
    const atOnce = isDown ? 1 : lanesAtOnce;
    // With a lease those at work are not among them, and none is taken that cannot begin.
    const most = lease ? atOnce - active.size : lanesAtOnce + state.broken.size;
    // What is at work as the lanes are read may be settled before the answer, which then is of before.
    // Whoever got a lease has it alone: then its last run has settled, and is about to end.
    const atWork = new Set(lease ? [] : active.keys());
    // What was taken as the store went away, and never heard of, need not wait for its lease to end.
    const known = [...active.keys(), ...state.broken];
    const due = active.size < atOnce ? await store.dueLanes(destination, now, most, lease && { ...lease, known }) : [];
    for (const lane of due.filter(({ key }) => !atWork.has(key) && !state.broken.has(key))) {
      if (active.size >= atOnce || state.stopping.signal.aborted) break;
      active.set(lane.key, lane);
      state.active.set(destination, active);
      const running = work(state, lane)
        .catch((failure: unknown) => {
          state.broken.add(lane.key);
          steady.after(brokenMs, () => state.broken.delete(lane.key));
          log.error(
            { err: failure, lane: lane.key, destination },
            'what is owed could not be read or settled; it is tried again',
          );
        })
        .finally(() => {
          state.running.delete(running);
          if (active.get(lane.key) === lane) active.delete(lane.key);
          if (active.size === 0) state.active.delete(destination);
          wake();
        });
      state.running.add(running);
    }
  }
}

/** What a lane has come to, as it is worked on. */
interface Progress {
  number: number;
  time: number;
  noticed: number | undefined;
  since: number;
  attempts: number;
  rejections: number;
}

async function work(state: State, lane: Lane): Promise<void> {
  const { parts, stopping } = state;
  state.worked += 1;
  const { number, time, since, attempts, rejections } = lane;
  const progress: Progress = { number, time, noticed: undefined, since, attempts, rejections };
  const load = await stepsOf(parts.store, lane);
  // Its chat is being erased, and takes the lane with it.
  if (!load) return settle(parts, lane, progress, { retryAt: parts.clock.now() + brokenMs });
  const hurries = state.hurries.get(lane.destination);
  // An archive that was broken off is not seen to be left by any row of its own.
  const later = () => settle(parts, lane, progress, { retryAt: parts.clock.now() });
  for (const each of load.owed) {
    if (stopping.signal.aborted) return later();
    const failure = await attempt(state, lane, load.chat, each.parcel);
    if (stopping.signal.aborted && failure) return later();
    if (failure) return fail(state, lane, progress, each, failure, hurries);
    count(state, lane.destination).delivered += 1;
    await isThere(state, lane.destination, parts.clock.now(), parts.store);
    advance(progress, each);
  }
  await settle(parts, lane, progress, {});
}

function advance(progress: Progress, { parcel, item, notice }: Step): void {
  if (item) Object.assign(progress, { number: item.number, time: item.time });
  if (notice) progress.noticed = notice.key;
  progress.since = Math.max(progress.since, parcel.time);
  progress.attempts = 0;
  progress.rejections = 0;
}

/** Undefined once it was taken; else why not. */
async function attempt({ parts, stopping }: State, lane: Lane, chat: Chat, parcel: Parcel): Promise<Error | undefined> {
  const limit = new AbortController();
  let callOff = () => {};
  let isLate = false;
  try {
    const way = await parts.destinationOf(lane, chat);
    if (!way) throw new Error('nothing in the configuration is for this destination any more');
    callOff = parts.steady.after(way.limitMs, () => {
      isLate = true;
      limit.abort();
    });
    await way.destination.deliver(parcel, AbortSignal.any([limit.signal, stopping.signal]));
    return undefined;
  } catch (failure) {
    if (isLate) return new Error('it took too long');
    return failure instanceof Error ? failure : new Error(String(failure));
  } finally {
    callOff();
  }
}

async function fail(
  state: State,
  lane: Lane,
  progress: Progress,
  step: Step,
  failure: Error,
  hurries: number | undefined,
): Promise<void> {
  const { parts } = state;
  const counts = count(state, lane.destination);
  const now = parts.clock.now();
  const isRejected = failure instanceof Rejected && lane.kind !== 'archive';
  progress.attempts += 1;
  if (isRejected) progress.rejections += 1;
  // What was before it in the lane may have waited longer, but has left.
  progress.since = Math.max(progress.since, step.parcel.time);
  const { attempts, rejections, since } = progress;
  const share = parts.ids.secret(2).readUInt16BE() / 65_536;
  // It has said meanwhile that it is there: that this one failed is of before.
  const hasHurried = () => state.hurries.get(lane.destination) !== hurries;
  if (isRejected) await isThere(state, lane.destination, parts.clock.now(), parts.store);
  // An archive that is refused is one instance's trouble: what it has configured leads nowhere.
  else if (!(failure instanceof Rejected) && !hasHurried()) failed(state, lane, now, share);
  // Addresses that all failed are one error without a message.
  const said = failure.message || (failure as NodeJS.ErrnoException).code || failure.name;
  const error = (said.split('\n')[0] ?? '').slice(0, longestError) || failure.name;
  const verdict = afterFailure({ attempts, rejections: isRejected ? rejections : 0, since }, now, share);
  counts.failed += 1;
  // Of what is tried for a day every attempt would be more than anybody reads.
  const isNews = !('retryAt' in verdict) || Number.isInteger(Math.log2(attempts));
  const fields = { destination: lane.destination, lane: lane.id, attempts, error };
  parts.log[isNews ? 'warn' : 'info'](fields, consequence(verdict));
  if ('retryAt' in verdict) {
    const retryAt = hasHurried() ? now : verdict.retryAt;
    await settle(parts, lane, progress, { retryAt, error });
    const parked = await parts.store.parkOldest(lane.destination, parts.maxLanes);
    counts.parked += parked;
  } else if (verdict.is === 'parked') {
    counts.parked += 1;
    // The next one has waited as long, perhaps: what is not tried is not parked.
    const down = state.down.get(lane.destination);
    if (down && down.until > 0) down.until = now;
    await settle(parts, lane, progress, { isParked: true, error });
  } else {
    counts.dead += 1;
    advance(progress, step);
    await settle(parts, lane, progress, { error, dead: { parcel: JSON.stringify(step.parcel), error, attempts } });
  }
}

function consequence(verdict: Verdict): string {
  if ('retryAt' in verdict) return 'a delivery failed; it is tried again';
  if (verdict.is === 'dead') return 'a delivery was rejected too often; it is a dead letter now';
  return 'a delivery failed for a day; its lane is parked until it is re-driven';
}

type Outcome = Pick<Settlement, 'retryAt' | 'error' | 'isParked' | 'dead'>;

/** A lane that was changed meanwhile is still due, and is read again. */
async function settle(
  { store, clock }: OutboxParts,
  { key, fence }: Lane,
  progress: Progress,
  outcome: Outcome,
): Promise<void> {
  await store.commit({ now: clock.now(), settled: { key, fence, ...progress, ...outcome } });
}
