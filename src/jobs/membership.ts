import { machineTime } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';

/** This node among those that share its store: it says that it is there, and learns how many others are. */
export interface Membership extends AsyncDisposable {
  /** How many nodes there are, as far as is known; at least one. */
  nodes(): number;
  /** Why this node cannot serve, in a few words; undefined while it can. */
  problem(): string | undefined;
}

export interface MembershipParts {
  readonly store: Pick<Store, 'beat'>;
  readonly steady: Steady;
  readonly log: Log;
  readonly node: string;
  /** The machine's own clock. */
  readonly time?: () => number;
}

const beatMs = 2000;
/** A node counts this long after it was last heard of: two beats may be lost. */
const heardMs = 6000;
/** Times of items are made by the nodes: clocks that differ by more would show, and a late beat must not. */
const mostSkewMs = 1000;

export async function openMembership({
  store,
  steady,
  log,
  node,
  time = machineTime,
}: MembershipParts): Promise<Membership> {
  let nodes = 1;
  let heardAt = steady.now();
  let skew: number | undefined;

  async function beat(): Promise<void> {
    const [before, began] = [time(), steady.now()];
    const answer = await store.beat(node, heardMs);
    heardAt = steady.now();
    nodes = answer.nodes;
    // The store's time is of some moment between asking and being answered.
    const slack = heardAt - began;
    const ahead = answer.time === undefined ? 0 : before + slack / 2 - answer.time;
    skew = Math.abs(ahead) - slack / 2 > mostSkewMs ? Math.round(ahead) : undefined;
  }

  let beating: Promise<void> | undefined;
  const stop = steady.every(beatMs, () => {
    beating ??= beat()
      .catch((failure: unknown) => log.warn({ err: failure }, 'the store could not be told that this node is there'))
      .finally(() => {
        beating = undefined;
      });
  });
  await beat();

  return {
    nodes: () => nodes,
    problem() {
      if (steady.now() - heardAt > heardMs) return 'the store cannot be reached';
      if (skew === undefined) return undefined;
      return `the clock of this machine is ${Math.abs(skew)} ms ${skew > 0 ? 'ahead of' : 'behind'} the store's`;
    },
    async [Symbol.asyncDispose]() {
      stop();
      await beating;
    },
  };
}
