import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { openJournal } from '../../test/support/journal.ts';
import { type NatsServer, natsMissing as skip, startNatsServer } from '../../test/support/nats.ts';
import { property } from '../../test/support/property.ts';
import {
  type Ear,
  join,
  kept,
  openStage,
  openTalk,
  quiet,
  type Stage,
  subscribedEar,
  type Talk,
  talkOf,
} from '../../test/support/push.ts';
import type { Bus, News } from '../bus/bus.ts';
import { type NatsBus, openNatsBus } from '../bus/nats.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';

/** What becomes of news on their way to a node's hub. */
type Fate = 'arrives' | 'is lost' | 'comes twice' | 'comes late' | 'comes bare';

/** A hub on a connection of its own, and the one chat of the test as this node takes part in it. */
interface Node {
  readonly bus: NatsBus;
  readonly stage: Stage;
  readonly talk: Talk;
  readonly ways: Ways;
}

interface Ways {
  fate: Fate;
  readonly late: (() => void)[];
}

interface World extends AsyncDisposable {
  readonly store: Store;
  readonly nodes: readonly [Node, Node];
  /** Resolves when all that was published on any node has come to the other. */
  arrived(): Promise<void>;
}

let worlds = 0;

/** Two nodes with one store. Each compares its chats with the store once it is connected again. */
async function openWorld({ url }: NatsServer, settings = {}): Promise<World> {
  worlds += 1;
  const prefix = `nodes-${worlds}`;
  const store = openSqlite(':memory:', systemSteady);
  const fences = openJournal<string>();
  const fenceKey = 1_000_000;
  async function open(name: string): Promise<Omit<Node, 'talk'>> {
    const bus = await openNatsBus({ servers: [url], prefix }, { steady: systemSteady, log: silentLog });
    const ways: Ways = { fate: 'arrives', late: [] };
    const stage = openStage(settings, { store, bus: faulty(bus, ways) });
    bus.onReconnected(() => stage.hub.resync());
    await bus.subscribe(fenceKey, (news) => fences.add(`${name} hears ${news.kind === 'event' && news.id}`));
    return { bus, stage, ways };
  }
  const [one, other] = [await open('one'), await open('other')];
  const talk = await openTalk(one.stage);
  const nodes = [
    { ...one, talk },
    { ...other, talk: talkOf(other.stage, talk.key, talk.id) },
  ] as const;
  let count = 0;
  return {
    store,
    nodes,
    async arrived() {
      count += 1;
      const awaited: string[] = [];
      for (const { bus } of nodes) {
        const id = `${count} of ${bus === one.bus ? 'one' : 'other'}`;
        bus.publish({ kind: 'event', chat: fenceKey, after: 0, id, time: 0, contentType: 'fence' });
        awaited.push(`one hears ${id}`, `other hears ${id}`);
      }
      for (const each of awaited) await fences.until(each, (fence) => fence === each);
    },
    async [Symbol.asyncDispose]() {
      for (const { stage, bus } of nodes) {
        await stage[Symbol.asyncDispose]();
        await bus[Symbol.asyncDispose]();
      }
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The bus, but for what becomes of what is heard. */
function faulty(bus: Bus, ways: Ways): Bus {
  return {
    ...bus,
    subscribe: (chat, heard) =>
      bus.subscribe(chat, (news) => {
        if (ways.fate === 'is lost') return;
        if (ways.fate === 'comes late') return void ways.late.push(() => heard(news));
        const passed: News = ways.fate === 'comes bare' && news.kind === 'items' ? { ...news, items: undefined } : news;
        heard(passed);
        if (ways.fate === 'comes twice') heard(passed);
      }),
  };
}

/** What comes late comes now, in the other order. */
function release({ ways }: Node): void {
  for (const hear of ways.late.splice(0).reverse()) hear();
}

describe('hubs of two nodes', { skip }, () => {
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer();
  });
  after(() => server[Symbol.asyncDispose]());

  test('[BU12] hear each other without reading the log', async () => {
    await using world = await openWorld(server);
    const [one, other] = world.nodes;
    const ears = [await subscribedEar(one.stage, one.talk, 'ann'), await subscribedEar(other.stage, other.talk, 'bob')];
    await one.talk.say('ann', '1');
    await world.arrived();
    await other.talk.say('bob', '2');
    await world.arrived();
    await one.talk.type('ann');
    await world.arrived();
    for (const ear of ears) assert.deepEqual(ear.lines(), ['1', '2', 'typing']);
    assert.deepEqual([one.stage.reads.items, other.stage.reads.items], [[], []]);
  });

  test('[BU12] have everything once and in order again after the server was killed', async () => {
    await using own = await startNatsServer();
    await using world = await openWorld(own);
    const [one, other] = world.nodes;
    const ears = [await subscribedEar(one.stage, one.talk, 'ann'), await subscribedEar(other.stage, other.talk, 'bob')];
    const said: string[] = [];
    const sayOnBoth = async () => {
      for (const [node, author] of [
        [one, 'ann'],
        [other, 'bob'],
      ] as const) {
        said.push(`${said.length}`);
        await node.talk.say(author, String(said.at(-1)));
      }
    };
    const hasAll = (lines: string[]) => lines.length >= said.length;
    for (let round = 0; round < 2; round += 1) {
      for (let count = 0; count < 10; count += 1) await sayOnBoth();
      const killed = own.kill();
      for (let count = 0; count < 10; count += 1) await sayOnBoth();
      await killed;
      await sayOnBoth();
      const back = [one, other].map(({ bus }) => bus.counts().reconnects);
      await own.restart();
      for (const ear of ears) assert.deepEqual(await ear.until('all that was said', hasAll), said);
      assert.deepEqual(
        [one, other].map(({ bus }) => bus.counts().reconnects),
        back.map((each) => each + 1),
      );
      await world.arrived();
    }
    for (const ear of ears) assert.deepEqual(ear.lines(), said);
  });

  test('[BU5, BU12] find in the log what the other said while there is no server', async () => {
    await using own = await startNatsServer();
    await using world = await openWorld(own);
    const [one, other] = world.nodes;
    const ear = await subscribedEar(other.stage, other.talk, 'bob');
    await own.kill();
    await one.talk.say('ann', '1');
    // The first sweep passes over what was just let in.
    for (let sweeps = 0; sweeps < 2; sweeps += 1) {
      other.stage.steady.advance(5_000);
      await quiet();
    }
    assert.deepEqual(ear.lines(), ['1'], 'the sweep');
    const late = await subscribedEar(other.stage, other.talk, 'ann');
    await one.talk.say('ann', '2');
    await other.talk.say('bob', '3');
    other.stage.steady.advance(20);
    await quiet();
    assert.deepEqual(ear.lines(), ['1', '2', '3'], 'the number that is missing');
    assert.deepEqual(late.lines(), ['2', '3']);
  });

  const fate = fc.constantFrom<Fate>('arrives', 'is lost', 'comes twice', 'comes late', 'comes bare');
  const which = fc.nat(1);
  const happening = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), which }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('enter' as const, 'type' as const, 'read' as const), which }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const), which, fate }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'release' as const), which }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('arrive' as const, 'pause' as const), which }) },
  );
  type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never;

  async function happen(world: World, ears: { ear: Ear; after: number }[], what: Happening, count: number) {
    const node = world.nodes[what.which === 0 ? 0 : 1];
    const { talk, stage, ways } = node;
    switch (what.do) {
      case 'say':
        await talk.say('ann', `message ${count}`);
        break;
      case 'enter':
        await talk.enter(`guest ${count}`);
        break;
      case 'type':
        await talk.type('bob');
        break;
      case 'read':
        await talk.mark('bob', 'read', await talk.say('ann', `read ${count}`));
        break;
      case 'turn':
        ways.fate = what.fate;
        break;
      case 'join': {
        const { last } = await talk.now();
        const ear = await join(stage, talk, 'bob');
        ear.subscribe();
        ears.push({ ear, after: last });
        break;
      }
      case 'release':
        release(node);
        break;
      case 'arrive':
        await world.arrived();
        break;
      case 'pause':
        stage.steady.advance(25);
        await quiet();
    }
  }

  test('[BU12] give each socket each item once and in order, whatever is lost, repeated, late, crossed or bare', async () => {
    const settings = { pageItems: 3, maxWaiting: 4, sendsPerTurn: 7, socketsPerParticipant: 1000 };
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 60 }), async (happenings) => {
        await using world = await openWorld(server, settings);
        const ears: { ear: Ear; after: number }[] = [];
        for (const { stage, talk } of world.nodes)
          ears.push({ ear: await subscribedEar(stage, talk, 'ann'), after: 0 });
        for (const [count, what] of happenings.entries()) await happen(world, ears, what, count);
        await world.arrived();
        for (const node of world.nodes) release(node);
        // Two sweeps, since the first passes over what was heard of; and turns for what waits for one.
        for (let count = 0; count < 30; count += 1) {
          for (const { stage } of world.nodes) if (count < 2) stage.steady.advance(5_000);
          await quiet();
        }
        const items = await world.store.items(world.nodes[0].talk.key, { newestFirst: false, limit: 1000 });
        for (const { ear, after } of ears) {
          assert.deepEqual(
            kept(ear),
            items.slice(after).map((item) => item.id),
          );
          assert.equal(ear.closed, undefined);
        }
        for (const { stage } of world.nodes) assert.deepEqual(stage.complaints, []);
      }),
      property(40),
    );
  });
});
