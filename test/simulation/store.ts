import { UnknownOutcome } from '../../src/domain/unknown-outcome.ts';
import type { Store } from '../../src/store/store.ts';
import type { Random } from './random.ts';
import { delay, type Scheduler } from './scheduler.ts';
import type { Weather } from './weather.ts';

/** What the simulation does to a node: whoever complains of it has nothing to be blamed for. */
export class Outage extends Error {}

/** A node's way to the store that all share. */
export interface StoreLink {
  /** The weather as it is now. */
  readonly weather: () => Weather;
  readonly isAlive: () => boolean;
  /** The node reaches the store no more, for a while. */
  readonly isAway: () => boolean;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly note: (what: string) => void;
}

/** What changes something; the rest may be asked as often as one likes. */
const writes = new Set([
  ...['append', 'commit', 'forgetMessageTokens', 'forgetTokens', 'erase', 'clear'],
  ...['parkOldest', 'hurry', 'redrive', 'forgetDeadLetters'],
]);
/** How long a node waits for a store that it does not reach. */
const patienceMs = 2_000;
/** How much later than its answer, that it is unknown, a change may arrive. */
const lateMs = 3_000;

/** The store as one node sees it: over a network, with answers that are lost, until the node is killed. */
export function linkedStore(store: Store, link: StoreLink): Store {
  return new Proxy(store, {
    get(target, name, receiver) {
      const own = Reflect.get(target, name, receiver);
      if (typeof own !== 'function' || typeof name === 'symbol') return own;
      return (...args: unknown[]) => call(link, name, () => own.apply(target, args) as Promise<unknown>);
    },
  });
}

async function call(link: StoreLink, name: string, ask: () => Promise<unknown>): Promise<unknown> {
  const { random, scheduler, note, isAlive } = link;
  const isWrite = writes.has(name);
  const { failsBefore, failsAfter, arrivesLate, storeMs, storeMostMs } = link.weather();
  const leg = async () => {
    const ms = delay(random, storeMs, storeMostMs);
    if (ms > 0) await scheduler.sleep(ms);
  };
  const fate = random.share();
  const isSent = !link.isAway();
  await leg();
  // Whoever is killed may have sent it before.
  if (!isAlive() && !(isSent && isWrite && random.chance(0.5))) return never();
  if (!isSent || link.isAway()) {
    await scheduler.sleep(patienceMs * random.share());
    return isAlive() ? lost(link, `${name} does not reach the store`) : never();
  }
  if (fate < failsBefore) return lost(link, `${name} fails before`);
  if (isWrite && fate < failsBefore + arrivesLate) {
    note(`${name} arrives late`);
    scheduler.after(lateMs * random.share(), () => void ask().catch(() => {}));
    throw new UnknownOutcome('the connection was lost');
  }
  const answer = await ask();
  if (fate > 1 - failsAfter) {
    note(`${name} fails after`);
    throw isWrite ? new UnknownOutcome('the connection was lost') : new Outage('the connection was lost');
  }
  await leg();
  if (!isAlive()) return never();
  if (link.isAway()) {
    note(`${name} loses its answer`);
    throw isWrite ? new UnknownOutcome('the connection was lost') : new Outage('the connection was lost');
  }
  return answer;
}

function lost({ note }: StoreLink, what: string): never {
  note(what);
  throw new Outage('the store cannot be reached');
}

/** What a killed process waits for. */
function never(): Promise<never> {
  return new Promise(() => {});
}
