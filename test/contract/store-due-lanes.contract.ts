import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done, noon, type WithStore } from './store-fixtures.ts';
import { bury, lane, laned, notices, openLane, pass, settle, topic, waiting, way } from './store-lanes-fixtures.ts';

/** Which lanes wait, how they stand, and how they are removed. */
export function dueLaneRules(withStore: WithStore): void {
  finding(withStore);
  parking(withStore);
  removing(withStore);
}

const ever = Number.MAX_SAFE_INTEGER;

function finding(withStore: WithStore): void {
  test(
    '[ST29] gives the lanes of one destination that are due by a time, in the order of due and key, up to a limit',
    withStore(async (store) => {
      const keys: number[] = [];
      for (const at of [3, 1, 2, 1]) keys.push((await lane(store, await waiting(store, 'one', noon + at))).key);
      await laned(store, 'one');
      await waiting(store, 'two', noon + 1);
      const due = async (by: number, limit = 10) => (await store.dueLanes('one', by, limit)).map(({ key }) => key);
      const inOrder = [1, 3, 2, 0].map((index) => keys[index] as number);
      assert.deepEqual(await due(noon + 3), inOrder);
      assert.deepEqual(await due(noon + 3, 2), inOrder.slice(0, 2));
      assert.deepEqual([await due(noon + 2), await due(noon + 1)], [inOrder.slice(0, 3), inOrder.slice(0, 2)]);
      assert.deepEqual([await due(noon), await store.dueLanes('three', ever, 10)], [[], []]);
      const [first] = await store.dueLanes('one', ever, 1);
      assert(first);
      assert.deepEqual([first], await store.lanesOf(first.chat), 'a lane is read whole');
    }),
  );

  test(
    '[ST29] names each destination that has lanes due by a time, once, and no other',
    withStore(async (store) => {
      assert.deepEqual(await store.laneDestinations(ever), []);
      for (const [destination, at] of [
        ['one', 5],
        ['two', 1],
        ['two', 2],
        ['é', 1],
        ['three', 9],
      ] as const)
        await waiting(store, destination, noon + at);
      await laned(store, 'four');
      const parked = await waiting(store, 'five');
      done(await settle(store, await lane(store, parked), { isParked: true }));
      const by = async (at: number) => (await store.laneDestinations(noon + at)).toSorted();
      assert.deepEqual([await by(0), await by(1)], [[], ['two', 'é']]);
      assert.deepEqual(
        [await by(5), await by(9)],
        [
          ['one', 'two', 'é'],
          ['one', 'three', 'two', 'é'],
        ],
      );
    }),
  );

  test(
    '[ST29] tells when a lane is due next, also past what is due already, of whatever destination',
    withStore(async (store) => {
      assert.deepEqual([await store.nextLaneDue(), await store.nextLaneDue(noon)], [undefined, undefined]);
      for (const [destination, at] of [
        ['one', 5],
        ['one', 8],
        ['two', 7],
        ['two', 2],
      ] as const)
        await waiting(store, destination, noon + at);
      const next = async (past?: number) => ((await store.nextLaneDue(past)) ?? 0) - noon;
      assert.equal(await next(), 2);
      for (const [past, due] of [
        [1, 2],
        [2, 5],
        [5, 7],
        [7, 8],
      ] as const)
        assert.equal(await next(noon + past), due);
      assert.equal(await store.nextLaneDue(noon + 8), undefined);
      assert.deepEqual(
        [await store.nextLaneDue(-1, ['two']), await store.nextLaneDue(noon + 5, ['three', 'two'])],
        [noon + 5, noon + 8],
      );
      assert.equal(await store.nextLaneDue(-1, ['two', 'one']), undefined);
    }),
  );

  test(
    '[ST29] gives the lanes of one chat, due or not',
    withStore(async (store) => {
      const chat = await waiting(store);
      await openLane(store, chat, 'second', { destination: 'elsewhere' });
      await waiting(store);
      assert.deepEqual(
        (await store.lanesOf(chat.key)).map(({ id, chat: of, due, destination }) => [id, of, due, destination]),
        [
          ['lane', chat.key, noon, topic],
          ['second', chat.key, undefined, 'elsewhere'],
        ],
      );
      assert.deepEqual(await store.lanesOf(chat.key + 1000), []);
    }),
  );
}

function parking(withStore: WithStore): void {
  test(
    '[ST29, OB6] parks the lanes that wait longest, so that no more than so many of a destination wait',
    withStore(async (store) => {
      const chats = [];
      for (const at of [4, 2, 1, 3]) chats.push(await waiting(store, 'one', noon + at));
      await laned(store, 'one');
      const other = await waiting(store, 'two');
      assert.deepEqual([await store.parkOldest('one', 4), await store.parkOldest('three', 0)], [0, 0]);
      const [, second, first] = chats;
      assert(first && second);
      const read = await lane(store, first);
      // Tried again later: it waits all the same, since it began to.
      done(await settle(store, read, { attempts: 3, error: 'down', retryAt: noon + 60_000 }));
      assert.equal(await store.parkOldest('one', 2), 2);
      for (const each of chats) {
        const { isParked, due } = await lane(store, each);
        const isOldest: boolean = [first, second].includes(each);
        assert.deepEqual([isParked, due === undefined], [isOldest, isOldest]);
      }
      assert.deepEqual([(await lane(store, first)).error, (await lane(store, first)).attempts], ['down', 3]);
      assert('stale' in (await settle(store, read)), 'who was at work on it finds it changed');
      assert.equal((await lane(store, other)).isParked, false);
      assert.equal(await store.parkOldest('one', 2), 0);
    }),
  );

  test(
    '[ST29] makes the lanes of a destination due now that wait for their next try, and no other',
    withStore(async (store) => {
      const retried = async (destination: string, retryAt: number, more: { isParked?: boolean } = {}) => {
        const chat = await waiting(store, destination);
        done(await settle(store, await lane(store, chat), { attempts: 3, error: 'down', retryAt, ...more }));
        return chat;
      };
      const late = await retried('one', noon + 60_000);
      const past = await retried('one', noon - 5);
      const parked = await retried('one', noon, { isParked: true });
      const idle = await laned(store, 'one');
      const other = await retried('two', noon + 60_000);
      const before = await lane(store, late);
      await store.hurry('one', noon + 7);
      const dues = await Promise.all(
        [late, past, parked, idle, other].map(async (each) => (await lane(store, each)).due),
      );
      assert.deepEqual(dues, [noon + 7, noon - 5, undefined, undefined, noon + 60_000]);
      assert.deepEqual(await lane(store, late), { ...before, due: noon + 7 }, 'nothing else is changed');
      done(await settle(store, before, { retryAt: noon }));
    }),
  );

  test(
    '[ST29, OB9] tells how each destination stands that anything waits for, is parked at or was lost to',
    withStore(async (store) => {
      assert.deepEqual(await store.laneSummary(), []);
      await laned(store, 'idle');
      await waiting(store, 'waits', noon + 7);
      const failing = await waiting(store, 'waits', noon + 3);
      done(await settle(store, await lane(store, failing), { attempts: 1, error: 'down', retryAt: noon + 9000 }));
      const parked = await waiting(store, 'parked', noon + 5);
      done(await settle(store, await lane(store, parked), { isParked: true, error: 'too long' }));
      const lost = await laned(store, 'lost');
      for (const parcel of ['a', 'b']) await bury(store, lost, parcel);
      const of = (destination: string) => ({ destination, waiting: 0, parked: 0, deadLetters: 0 });
      assert.deepEqual(JSON.parse(JSON.stringify(await store.laneSummary())), [
        { ...of('lost'), deadLetters: 2 },
        { ...of('parked'), parked: 1, since: noon + 5, error: 'too long' },
        { ...of('waits'), waiting: 2, since: noon + 3, error: 'down' },
      ]);
    }),
  );
}

function removing(withStore: WithStore): void {
  test(
    '[ST29, OB13] removes lanes, what is in them and dead letters of a chat that is erased, so many at a time',
    withStore(async (store) => {
      const [chat, other] = [await waiting(store), await waiting(store)];
      await openLane(store, chat, 'second');
      for (const each of [chat, other]) {
        for (const parcel of ['dead', 'dead too']) await bury(store, each, parcel);
        await pass(store, each, ['a', 'b', 'c', 'd']);
      }
      await pass(store, chat, ['e'], [way('second')]);
      const owed: number[] = [];
      for (let isDone = false; !isDone; ) {
        const erased = await store.erase({ key: chat.key }, 3);
        assert(erased);
        owed.push(erased.owed);
        isDone = erased.isDone;
        assert(owed.length < 10, 'it ends');
      }
      // Five notices, two dead letters, two lanes.
      assert.equal(
        owed.reduce((sum, each) => sum + each),
        9,
      );
      assert.deepEqual(await store.lanesOf(chat.key), []);
      assert.deepEqual(
        (await store.deadLetters(undefined, 0, 10)).map((each) => each.chat),
        [other.key, other.key],
      );
      assert.deepEqual(await notices(store, other), ['1 a', '1 b', '1 c', '1 d']);
      assert.deepEqual(
        (await store.dueLanes(topic, ever, 10)).map((each) => each.chat),
        [other.key],
      );
      await pass(store, chat, ['late'], [way('lane'), way('second')]);
      assert.deepEqual(await store.lanesOf(chat.key), []);
    }),
  );

  test(
    '[ST29] has nothing due and nothing dead once it was cleared, and settles nothing of before',
    withStore(async (store) => {
      const chat = await waiting(store);
      await bury(store, chat, 'dead');
      await pass(store, chat, ['notice']);
      const read = await lane(store, chat);
      await store.clear();
      assert.deepEqual([await store.lanesOf(chat.key), await store.notices(read.key, 10)], [[], []]);
      assert.deepEqual([await store.deadLetters(undefined, 0, 10), await store.laneSummary()], [[], []]);
      assert.deepEqual([await store.laneDestinations(ever), await store.nextLaneDue()], [[], undefined]);
      assert.deepEqual(await settle(store, read, { dead: { parcel: 'x', error: 'x', attempts: 8 } }), { stale: true });
      assert.deepEqual(await store.deadLetters(undefined, 0, 10), []);
      const again = await waiting(store);
      assert(again.key > chat.key);
      assert((await lane(store, again)).key > read.key);
    }),
  );
}
