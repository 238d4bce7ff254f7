import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { developmentInstance } from '../../src/config.ts';
import type { Chat } from '../../src/domain/chat.ts';
import { Rejected } from '../../src/outbox/destination.ts';
import type { OutboxParts } from '../../src/outbox/worker.ts';
import { seed as seedInstances } from '../../src/seeds.ts';
import type { Lane } from '../../src/store/lanes.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { Parcel } from '../../src/wire/parcel.ts';
import { checkHistories, type Verdict } from '../support/checker.ts';
import type { ChatHistory, Notified } from '../support/history.ts';
import { openNetwork } from './bus.ts';
import { openChat, type SimChat } from './chat.ts';
import { openClient } from './client.ts';
import { dial } from './line.ts';
import { openNode, type SimNode } from './node.ts';
import type { PersonParts } from './person.ts';
import { openRandom, type Random } from './random.ts';
import { delay, openScheduler, type Scheduler, steadyOf } from './scheduler.ts';
import { drawWeather, fairWeather, type Weather } from './weather.ts';

/**
 * Several nodes of one service in one process, on a clock and with chances that follow from a seed: the real operations,
 * hub, workers and store; what is simulated is what lies between them. Everything that happens is the same for the same seed.
 */
export interface Outcome extends Verdict {
  readonly seed: number;
  readonly histories: readonly ChatHistory[];
  /** Of all histories. */
  readonly hash: string;
  /** What happened, one line each; empty unless it was asked for. */
  readonly trace: readonly string[];
}

export interface SimulateOptions {
  readonly isTraced?: boolean;
  /** Stands before the store that all nodes share: what a test breaks. */
  readonly wrap?: (store: Store) => Store;
}

const noon = Date.parse('2026-01-31T12:00:00.000Z');
/** No run lasts that long by its own clock: what does, waits for something that never comes. */
const mostMs = 60 * 60_000;
/** Clocks differ by up to 450 ms each; jobs look once a second, and a node or its store may be away, and come late. */
const slack = { clocks: 1_100, jobs: 30_000 };

interface World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly store: Store;
  readonly nodes: readonly SimNode[];
  readonly taken: Map<string, Notified[]>;
  readonly complaints: string[];
  readonly note: (what: string) => void;
  weather: Weather;
}

export async function simulate(seed: number, { isTraced = false, wrap = (store) => store }: SimulateOptions = {}) {
  const scheduler = openScheduler();
  const trace: string[] = [];
  const note = (what: string) => {
    if (isTraced) trace.push(`${scheduler.now().toFixed(3).padStart(11)} ${what}`);
  };
  const store = openSqlite(
    ':memory:',
    steadyOf(scheduler, () => true),
  );
  try {
    const world = openWorld(seed, scheduler, wrap(store), note);
    const histories = await scheduler.run(play(world), mostMs);
    const { problems, counts } = checkHistories(histories, slack);
    const hash = createHash('sha256').update(JSON.stringify(histories)).digest('hex');
    const all = [...problems, ...world.complaints];
    return { seed, histories, hash, trace, problems: all, counts: { ...counts, steps: scheduler.steps() } } as Outcome;
  } catch (failure) {
    const problems = [failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)];
    return { seed, histories: [], hash: '', trace, problems, counts: {} } as Outcome;
  } finally {
    store.database.close();
  }
}

/** Rejects with what is wrong, and how to see it. */
export async function held(seed: number): Promise<Outcome['counts']> {
  const { problems, counts } = await simulate(seed);
  assert.deepEqual(problems, [], `npm run simulate -- --seed ${seed} shows how`);
  return counts;
}

function openWorld(seed: number, scheduler: Scheduler, store: Store, note: World['note']): World {
  const random = openRandom(seed);
  const world: { -readonly [Name in keyof World]: World[Name] } = {
    ...{ random, scheduler, store, note, nodes: [], taken: new Map(), complaints: [] },
    weather: drawWeather(random.fork('weather')),
  };
  const weather = () => world.weather;
  const network = openNetwork(scheduler, random.fork('network'), weather, note);
  const signing = { id: 'k1', secret: random.bytes(32), from: 0 };
  const count = 2 + random.below(3);
  world.nodes = Array.from({ length: count }, (_, index) =>
    openNode({
      ...{ store, network, scheduler, weather, signing, note, name: `node ${index + 1}` },
      random: random.fork(`node ${index}`),
      now: () => noon + scheduler.now(),
      destinationOf: destinations(world),
      complain: (what) => void world.complaints.push(what),
    }),
  );
  return world;
}

async function play(world: World): Promise<ChatHistory[]> {
  const { scheduler, random, nodes, store, note } = world;
  await seedInstances(store, [developmentInstance], noon);
  for (const node of nodes) node.start();
  const parts = { scheduler, nodes, note, weather: () => world.weather, now: () => noon + scheduler.now() };
  const dialAny: PersonParts['dial'] = (url, own) =>
    dial(own.random.pick(nodes), new URL(url).searchParams.get('token') ?? '', scheduler, own);
  const chats = Array.from({ length: 1 + random.below(2) }, (_, index) => {
    const name = `chat ${index + 1}`;
    const parcels = (topic: string) => world.taken.get(topic) ?? [];
    const own = { ...parts, random: random.fork(name) };
    return openChat({ ...own, name, parcels, dial: dialAny, client: (who) => openClient(own, who) });
  });
  const evil = befall(world, chats);
  await Promise.all(chats.map(({ played }) => played));
  // What the time brings is brought under the same sky, and then all calms down.
  const waitMs = Math.max(...chats.map((each) => each.waitMs));
  if (waitMs > 0) await scheduler.sleep(waitMs);
  evil.stop();
  world.weather = fairWeather;
  note('all is well');
  for (const node of nodes) {
    if (!node.isUp()) node.start();
    node.healBus();
    node.healStore();
  }
  await calm(world, waitMs > 0);
  const histories: ChatHistory[] = [];
  for (const chat of chats) {
    const history = await chat.history();
    if (history) histories.push(history);
    for (const person of chat.people) person.rest();
  }
  return histories;
}

/** Until clients are connected again, two sweeps have passed and everything owed is delivered. */
async function calm({ scheduler, store }: World, isTimed: boolean): Promise<void> {
  await scheduler.sleep(isTimed ? 60_000 : 25_000);
  for (let rounds = 0; rounds < 60; rounds += 1) {
    if ((await store.nextLaneDue()) === undefined) return;
    await scheduler.sleep(10_000);
  }
}

/** Nodes are killed and started, cut off and healed; sockets break. */
function befall(world: World, chats: readonly SimChat[]): { stop: () => void } {
  const { scheduler, nodes } = world;
  const random = world.random.fork('evil');
  let isOver = false;
  const later = (ms: number, run: () => void) =>
    scheduler.after(ms * random.share(), () => {
      if (!isOver) run();
    });
  const happen = () => {
    const node = random.pick(nodes);
    const what = random.below(8);
    if (what === 0 && node.isUp()) {
      node.kill();
      later(6_000, () => node.isUp() || node.start());
    } else if (what === 1) {
      node.cutBus();
      later(8_000, () => node.healBus());
    } else if (what === 2) {
      node.loseStore();
      later(4_000, () => node.healStore());
    } else {
      const people = chats.flatMap((each) => each.people);
      if (people.length > 0) random.pick(people).breakLine();
    }
    next();
  };
  const next = () => {
    if (Number.isFinite(world.weather.misfortuneMs)) later(world.weather.misfortuneMs * 2, happen);
  };
  next();
  return {
    stop() {
      isOver = true;
    },
  };
}

/** Topics lead to one that keeps what it gets, over a network. */
function destinations(world: World): (isAlive: () => boolean) => OutboxParts['destinationOf'] {
  const { scheduler, taken, note } = world;
  const random = world.random.fork('destinations');
  const deliver = async (parcel: Parcel, signal: AbortSignal) => {
    const { parcelRefused, receiptLost, parcelHangs } = world.weather;
    await scheduler.sleep(0.5 + delay(random, 5, 800));
    if (random.chance(parcelHangs)) await aborted(signal);
    if (random.chance(parcelRefused)) throw random.chance(0.2) ? new Rejected('403') : new Error('connection refused');
    const { topic, id, body, attributes } = parcel;
    taken.set(topic, [...(taken.get(topic) ?? []), { id, body, attributes }]);
    note(`${topic} gets ${id}`);
    if (random.chance(receiptLost)) throw new Error('connection reset');
    await scheduler.sleep(0.5 + delay(random, 5, 100));
  };
  return (isAlive) =>
    async ({ kind }: Lane, _chat: Chat) => ({
      limitMs: 10_000,
      destination: {
        async deliver(parcel, signal) {
          if (kind === 'archive') return;
          await deliver(parcel, signal);
          if (!isAlive()) await new Promise(() => {});
        },
      },
    });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it was broken off')));
  });
}
