import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Chat } from '../../src/domain/chat.ts';
import type { Settlement } from '../../src/domain/outbox.ts';
import type { Lane } from '../../src/store/lanes.ts';
import type { Store } from '../../src/store/store.ts';
import { property } from '../support/property.ts';
import { chatNow, noon, startChat, type WithStore } from './store-fixtures.ts';
import { change, closeLane, events, laneIfAny, openLane, pass, say, settle, way } from './store-lanes-fixtures.ts';

/**
 * Lanes held against what ought to come out of them: a worker that reads a lane, and settles what it read then or later,
 * whatever is committed meanwhile, delivers everything of its time once and in order; and what is left is due or parked.
 */

type Wish =
  | { readonly do: 'say' }
  | { readonly do: 'pass' }
  | { readonly do: 'redrive' }
  | { readonly do: 'change'; readonly items: number; readonly notices: number }
  | LaneWish;

type LaneWish =
  | { readonly do: 'open' | 'read'; readonly lane: number }
  | { readonly do: 'close'; readonly lane: number; readonly items: number }
  /** Of what was read, so many are delivered: then the lane is let go, is tried again later, or is parked. */
  | { readonly do: 'settle'; readonly lane: number; readonly most: number; readonly and: 'go on' | 'retry' | 'park' };

const which = fc.integer({ min: 0, max: 2 });
const few = fc.integer({ min: 0, max: 2 });
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('say' as const) }), weight: 6 },
  { arbitrary: fc.record({ do: fc.constant('pass' as const) }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('redrive' as const) }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('change' as const), items: few, notices: few }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('open' as const), lane: which }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('read' as const), lane: which }), weight: 5 },
  { arbitrary: fc.record({ do: fc.constant('close' as const), lane: which, items: few }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      lane: which,
      most: fc.integer({ min: 0, max: 4 }),
      and: fc.constantFrom('go on' as const, 'go on' as const, 'go on' as const, 'retry' as const, 'park' as const),
    }),
    weight: 7,
  },
);

/** Things that the worker reads at once. */
const batch = 3;

export function laneModelRules(withStore: WithStore): void {
  test(
    '[ST26, ST27, ST28, OB1, OB2] lets everything of a lane out once and in order, whatever is committed meanwhile',
    withStore(async (store) => {
      await fc.assert(
        fc.asyncProperty(fc.array(wish, { minLength: 5, maxLength: 40 }), (wishes) => walk(store, wishes)),
        property(120),
      );
    }),
  );
}

/** One thing that was read, and where the lane stands after it. */
interface Step {
  readonly name: string;
  readonly to: Partial<Pick<Settlement, 'number' | 'time' | 'noticed'>>;
}

/** A lane as it ought to be. */
interface Track {
  isOpen: boolean;
  /** What is to come out of it, in order. */
  readonly owed: string[];
  readonly delivered: string[];
  /** What the worker has read and not settled. */
  held: { readonly lane: Lane; readonly steps: readonly Step[] } | undefined;
}

interface World {
  readonly store: Store;
  readonly chat: Chat;
  readonly tracks: Map<string, Track>;
  passed: number;
}

async function walk(store: Store, wishes: readonly Wish[]): Promise<void> {
  const world: World = { store, chat: await startChat(store), tracks: new Map(), passed: 0 };
  for (const each of wishes) {
    await grant(world, each);
    await check(world);
  }
  await store.redrive(undefined, noon, 1000);
  for (const [id, track] of world.tracks) {
    // Of each turn at least one thing comes out; the last finds nothing.
    for (let turns = track.owed.length + 2; turns > 0; turns -= 1) {
      await read(world, id, track);
      await finish(world, track, batch, 'go on');
    }
    assert.deepEqual(track.delivered, track.owed);
    assert.equal((await laneIfAny(store, world.chat, id))?.due, undefined);
  }
  await check(world);
}

async function grant(world: World, wanted: Wish): Promise<void> {
  const { store, chat, tracks } = world;
  const open = [...tracks].filter(([, { isOpen }]) => isOpen);
  if (wanted.do === 'say') {
    await say(store, chat);
    await owe(world, 1, []);
  } else if (wanted.do === 'pass') {
    const parcels = passing(world, 1);
    await pass(
      store,
      chat,
      parcels,
      open.map(([id]) => way(id)),
    );
    await owe(world, 0, parcels);
  } else if (wanted.do === 'change') {
    const parcels = passing(world, wanted.notices);
    const owed = open.map(([id]) => ({ lane: way(id), parcels, isBeforeItems: true }));
    await change(store, chat, { items: events(wanted.items), owed });
    await owe(world, wanted.items, parcels);
  } else if (wanted.do === 'redrive') {
    await store.redrive(undefined, noon, 10);
  } else await atLane(world, wanted);
}

async function atLane(world: World, wanted: LaneWish): Promise<void> {
  const { store, chat, tracks } = world;
  const id = `lane ${wanted.lane}`;
  const track = tracks.get(id);
  if (wanted.do === 'open' && !track) {
    await openLane(store, chat, id, { items: events(wanted.lane) });
    await owe(world, wanted.lane, []);
    tracks.set(id, { isOpen: true, owed: [], delivered: [], held: undefined });
  } else if (wanted.do === 'close' && track?.isOpen) {
    await closeLane(store, chat, id, {
      items: events(wanted.items),
      owed: [{ lane: way(id), closes: true }],
    });
    await owe(world, wanted.items, []);
    track.isOpen = false;
  } else if (wanted.do === 'read' && track && !track.held) {
    await read(world, id, track);
  } else if (wanted.do === 'settle' && track) {
    if (!track.held) await read(world, id, track);
    await finish(world, track, wanted.most, wanted.and);
  }
}

function passing(world: World, count: number): string[] {
  return Array.from({ length: count }, () => {
    world.passed += 1;
    return `passes ${world.passed}`;
  });
}

/** What has just been committed ought to come out of every open lane. */
async function owe({ store, chat, tracks }: World, items: number, parcels: readonly string[]): Promise<void> {
  const { last } = await chatNow(store, chat);
  const names = Array.from({ length: items }, (_, index) => `item ${last - items + 1 + index}`);
  for (const track of tracks.values()) if (track.isOpen) track.owed.push(...parcels, ...names);
}

/** As much of a due lane as is read at once: each notice after the items that it comes after. */
async function read({ store, chat }: World, id: string, track: Track): Promise<void> {
  const lane = await laneIfAny(store, chat, id);
  if (lane?.due === undefined) return;
  const items = await store.items(chat.key, { after: lane.time, newestFirst: false, limit: batch });
  const passed = await store.notices(lane.key, batch);
  const steps = [
    ...items
      .filter(({ number }) => number <= (lane.until ?? number))
      .map(({ number, time }) => ({ place: number, name: `item ${number}`, to: { number, time } })),
    ...passed.map(({ key, after, parcel }) => ({ place: after + 0.5, name: parcel, to: { noticed: key } })),
  ];
  track.held = { lane, steps: steps.sort((one, other) => one.place - other.place).slice(0, batch) };
}

/** Says what became of the lane as it was read. What was delivered counts once that is taken. */
async function finish(
  { store }: World,
  track: Track,
  most: number,
  and: Extract<LaneWish, { readonly do: 'settle' }>['and'],
): Promise<void> {
  if (!track.held) return;
  const { lane, steps } = track.held;
  track.held = undefined;
  const delivered = steps.slice(0, most);
  const outcome = await settle(store, lane, {
    ...Object.assign({}, ...delivered.map(({ to }) => to)),
    ...(and === 'retry' ? { retryAt: noon + 1000, attempts: 1 } : {}),
    ...(and === 'park' ? { isParked: true } : {}),
  });
  if ('done' in outcome) track.delivered.push(...delivered.map(({ name }) => name));
  else assert.deepEqual(outcome, { stale: true });
}

/** What is left in a lane is due or parked, and what came out is the beginning of what was owed. */
async function check({ store, chat, tracks }: World): Promise<void> {
  for (const [id, { isOpen, owed, delivered }] of tracks) {
    assert.deepEqual(delivered, owed.slice(0, delivered.length), id);
    const lane = await laneIfAny(store, chat, id);
    const isWaiting = lane !== undefined && (lane.due !== undefined || lane.isParked);
    if (delivered.length < owed.length) assert(isWaiting, `${id} is due or parked`);
    if (isOpen) assert(lane, `${id} is there`);
    assert(!lane?.isParked || lane.due === undefined, `${id} is not due while it is parked`);
  }
}
