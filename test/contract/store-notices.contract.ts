import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeadLetter } from '../../src/store/lanes.ts';
import type { Store } from '../../src/store/store.ts';
import { chatNow, done, noon, startChat, type WithStore } from './store-fixtures.ts';
import {
  bury,
  change,
  closeLane,
  deliver,
  dueKeys,
  events,
  isDue,
  lane,
  laned,
  laneIfAny,
  notices,
  openLane,
  pass,
  say,
  settle,
  topic,
  waiting,
  way,
} from './store-lanes-fixtures.ts';

/** What lanes hold beside items, and what was given up. */
export function noticeRules(withStore: WithStore): void {
  losing(withStore);
  ordering(withStore);
  bounding(withStore);
  burying(withStore);
  redriving(withStore);
}

const all = (store: Store): Promise<DeadLetter[]> => store.deadLetters(undefined, 0, 10_000);
const parcels = (letters: readonly DeadLetter[]) => letters.map(({ parcel }) => parcel);

function losing(withStore: WithStore): void {
  test(
    '[ST27] parks a lane, which loses nothing and is due no more',
    withStore(async (store) => {
      const chat = await waiting(store);
      await pass(store, chat, ['notice']);
      done(await settle(store, await lane(store, chat), { isParked: true, error: 'too long', attempts: 9 }));
      await pass(store, chat, ['more']);
      await say(store, chat);
      await closeLane(store, chat, 'lane');
      const { isParked, due, error, until } = await lane(store, chat);
      assert.deepEqual([isParked, due, error, until], [true, undefined, 'too long', 2]);
      assert.deepEqual(await notices(store, chat), ['1 notice', '1 more']);
      assert.deepEqual([await dueKeys(store), await store.nextLaneDue()], [[], undefined]);
    }),
  );

  test(
    '[ST27] keeps what is given up as a dead letter, in the commit that moves the lane past it',
    withStore(async (store) => {
      const chat = await waiting(store);
      await bury(store, chat, '{"id":"x"}', noon + 60);
      const [letter, ...others] = await store.deadLetters(undefined, 0, 10);
      assert(letter);
      assert.deepEqual(letter, {
        key: letter.key,
        chat: chat.key,
        lane: 'lane',
        destination: topic,
        parcel: '{"id":"x"}',
        error: 'rejected {"id":"x"}',
        attempts: 8,
        diedAt: noon + 60,
      });
      assert.deepEqual([others, await isDue(store, chat)], [[], false]);
    }),
  );

  test(
    '[ST27] is gone once it is empty, where it follows no chat, and is made anew by what comes then',
    withStore(async (store) => {
      const chat = await startChat(store);
      const events = way('hook', 'hook', 'events');
      const owe = (parcel: string) => change(store, chat, { owed: [{ lane: events, opens: true, parcels: [parcel] }] });
      await owe('first');
      await say(store, chat);
      const read = await lane(store, chat, 'hook');
      const [first] = await store.notices(read.key, 10);
      await owe('second');
      done(await settle(store, read, { noticed: first?.key }));
      const left = await lane(store, chat, 'hook');
      assert.deepEqual([left.due, await notices(store, chat, 'hook')], [noon, ['1 second']]);
      const [second] = await store.notices(read.key, 10);
      done(await settle(store, left, { noticed: second?.key }));
      assert.deepEqual(await store.lanesOf(chat.key), []);
      await owe('third');
      assert.deepEqual(await notices(store, chat, 'hook'), ['1 third']);
    }),
  );

  test(
    '[ST27] asks for an archive again that changed while somebody wrote it',
    withStore(async (store) => {
      const chat = await startChat(store);
      const archive = way('archive', 'archive', 'archive');
      const owe = () => change(store, chat, { owed: [{ lane: archive, opens: true }] });
      await owe();
      const read = await lane(store, chat, 'archive');
      assert.equal(read.due, noon);
      await owe();
      assert.deepEqual(await settle(store, read), { stale: true });
      done(await settle(store, await lane(store, chat, 'archive')));
      assert.deepEqual(await store.lanesOf(chat.key), []);
    }),
  );
}

function ordering(withStore: WithStore): void {
  test(
    '[ST28] gives what is no item in the order it went in, each after the items that were there, so many at a time',
    withStore(async (store) => {
      const chat = await laned(store);
      await pass(store, chat, ['a', 'b']);
      await say(store, chat);
      await pass(store, chat, ['c'], undefined, noon + 6);
      await change(store, chat, {
        items: events(2),
        owed: [
          { lane: way('lane'), parcels: ['before'], isBeforeItems: true },
          { lane: way('lane'), parcels: ['after'] },
        ],
      });
      await pass(store, chat, ['d']);
      const inOrder = ['0 a', '0 b', '1 c', '1 before', '3 after', '3 d'];
      assert.deepEqual(await notices(store, chat), inOrder);
      assert.deepEqual(await notices(store, chat, 'lane', 3), inOrder.slice(0, 3));
      const { key, due } = await lane(store, chat);
      assert.equal(due, noon);
      const third = (await store.notices(key, 3))[2];
      await deliver(store, chat, 'lane', { noticed: third?.key });
      assert.deepEqual(await notices(store, chat), inOrder.slice(3));
      assert.deepEqual(await store.notices(key + 1, 10), []);
    }),
  );

  test(
    '[ST28] is due for a notice alone, in each lane that it was given to, and tells it as it was given',
    withStore(async (store) => {
      const chat = await laned(store);
      for (const id of ['second', 'third']) await openLane(store, chat, id);
      const text = JSON.stringify({ body: 'é😀\u{10ffff}"\\' });
      await pass(store, chat, [text], [way('lane'), way('third')], noon + 3);
      const lanes = await store.lanesOf(chat.key);
      assert.deepEqual(
        lanes.map(({ due, since }) => [due, since]),
        [
          [noon + 3, noon + 3],
          [undefined, noon],
          [noon + 3, noon + 3],
        ],
      );
      for (const id of ['lane', 'third']) assert.deepEqual(await notices(store, chat, id), [`0 ${text}`]);
      assert.deepEqual(await notices(store, chat, 'second'), []);
      const { revision, last } = await chatNow(store, chat);
      await pass(store, chat, ['x']);
      const after = await chatNow(store, chat);
      assert.deepEqual([after.revision, after.last], [revision, last], 'the chat is as it was');
    }),
  );
}

function bounding(withStore: WithStore): void {
  const many = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `n${from + index}`);

  test(
    '[ST28, OB6] keeps 1,000 in a lane of events; of more, the oldest becomes a dead letter, in the same commit',
    withStore(async (store) => {
      const chat = await laned(store);
      const events = way('events', 'there', 'events');
      done(
        await store.commit({
          now: noon,
          owedBy: chat.key,
          owed: [{ lane: events, opens: true, parcels: many(1, 1000) }],
        }),
      );
      await pass(store, chat, ['kept']);
      assert.deepEqual(await all(store), []);
      await pass(store, chat, ['n1001'], [events], noon + 8);
      await pass(store, chat, many(1002, 1004), [events], noon + 9);
      assert.deepEqual(
        await notices(store, chat, 'events'),
        many(5, 1004).map((each) => `0 ${each}`),
      );
      const letters = await all(store);
      assert.deepEqual(parcels(letters), many(1, 4));
      assert.deepEqual(
        letters.map(({ diedAt }) => diedAt - noon),
        [8, 9, 9, 9],
      );
      for (const each of letters) {
        assert.match(each.error, /more than 1000/);
        assert.deepEqual([each.chat, each.lane, each.destination, each.attempts], [chat.key, 'events', 'there', 0]);
      }
      assert.deepEqual(await notices(store, chat), ['0 kept']);
    }),
  );

  test(
    '[ST28, OB6] keeps the last 1,000 in a stream, also of more that come at once, and of a parked one too',
    withStore(async (store) => {
      const chat = await laned(store);
      done(await settle(store, await lane(store, chat), { isParked: true }));
      await pass(store, chat, many(1, 1003));
      assert.deepEqual(await all(store), []);
      const kept = await notices(store, chat);
      assert.deepEqual([kept.length, kept[0], kept.at(-1)], [1000, '0 n4', '0 n1003']);
      assert.equal((await lane(store, chat)).due, undefined);
    }),
  );
}

function burying(withStore: WithStore): void {
  /** Ten dead letters, each a millisecond after the other, by turns at two destinations. */
  async function graves(store: Store): Promise<void> {
    const [one, two] = [await laned(store, 'one'), await laned(store, 'two')];
    for (let count = 0; count < 10; count += 1) await bury(store, count % 2 ? two : one, `p${count}`, noon + count);
  }

  test(
    '[ST28] lists dead letters in the order they died, in pages, of one destination or of all',
    withStore(async (store) => {
      await graves(store);
      for (const [destination, wanted] of [
        [undefined, ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9']],
        ['one', ['p0', 'p2', 'p4', 'p6', 'p8']],
        ['two', ['p1', 'p3', 'p5', 'p7', 'p9']],
        ['three', []],
      ] as const) {
        for (const size of [1, 3, 10]) {
          const joined: string[] = [];
          let past = 0;
          for (;;) {
            const page = await store.deadLetters(destination, past, size);
            joined.push(...parcels(page));
            if (page.length < size) break;
            past = page.at(-1)?.key ?? past;
          }
          assert.deepEqual(joined, wanted);
        }
      }
    }),
  );

  test(
    '[ST28] forgets dead letters that died before a time, so many at a time, and no other',
    withStore(async (store) => {
      await graves(store);
      assert.equal(await store.forgetDeadLetters(noon, 10), 0);
      assert.deepEqual([await store.forgetDeadLetters(noon + 5, 3), (await all(store)).length], [3, 7]);
      assert.equal(await store.forgetDeadLetters(noon + 5, 3), 2);
      assert.equal(await store.forgetDeadLetters(noon + 5, 3), 0);
      assert.deepEqual(parcels(await all(store)), ['p5', 'p6', 'p7', 'p8', 'p9']);
    }),
  );
}

function redriving(withStore: WithStore): void {
  test(
    '[ST28] makes a dead letter due again in its lane, before the items that wait there',
    withStore(async (store) => {
      const chat = await laned(store);
      for (const parcel of ['first', 'second']) {
        await say(store, chat);
        await bury(store, chat, parcel);
      }
      await say(store, chat, noon + 5);
      const before = await lane(store, chat);
      done(await settle(store, before, { attempts: 5, error: 'down', retryAt: noon + 60_000 }));
      assert.deepEqual(await store.redrive(undefined, noon + 9, 10), { lanes: 0, deadLetters: 2 });
      assert.deepEqual(await all(store), []);
      const { key, number, due, since, attempts } = await lane(store, chat);
      assert.deepEqual([key, number, due, since, attempts], [before.key, 2, noon + 9, noon + 9, 0]);
      assert.deepEqual(await notices(store, chat), ['0 first', '0 second']);
      assert('stale' in (await settle(store, before)), 'who was at work on it reads it again');
    }),
  );

  test(
    '[ST28] makes a lane that is gone for its dead letters alone, of a stream or of events, and it is gone after them',
    withStore(async (store) => {
      const chat = await waiting(store);
      await bury(store, chat, 'of stream');
      await say(store, chat);
      const hook = way('hook', 'hook', 'events');
      await change(store, chat, { owed: [{ lane: hook, opens: true, parcels: ['of events'] }] });
      await closeLane(store, chat, 'lane');
      await deliver(store, chat);
      const [notice] = await store.notices((await lane(store, chat, 'hook')).key, 1);
      const dead = { parcel: 'of events', error: 'no', attempts: 8 };
      done(await settle(store, await lane(store, chat, 'hook'), { noticed: notice?.key, dead }));
      assert.deepEqual(await store.lanesOf(chat.key), []);
      assert.deepEqual(await store.redrive(undefined, noon + 9, 10), { lanes: 0, deadLetters: 2 });
      await say(store, chat);
      for (const [id, kind, destination, parcel] of [
        ['lane', 'stream', topic, 'of stream'],
        ['hook', 'events', 'hook', 'of events'],
      ] as const) {
        const made = await lane(store, chat, id);
        assert.deepEqual([made.kind, made.destination, made.due], [kind, destination, noon + 9]);
        assert.deepEqual(await notices(store, chat, id), [`0 ${parcel}`]);
        const [only] = await store.notices(made.key, 2);
        done(await settle(store, made, { noticed: only?.key }));
        assert.equal(await laneIfAny(store, chat, id), undefined, id);
      }
    }),
  );

  test(
    '[ST28] makes parked lanes due again, with all that is in them',
    withStore(async (store) => {
      const chat = await waiting(store);
      await pass(store, chat, ['notice']);
      done(await settle(store, await lane(store, chat), { isParked: true, attempts: 40, error: 'down' }));
      await say(store, chat);
      assert.deepEqual(await store.redrive(undefined, noon + 9, 10), { lanes: 1, deadLetters: 0 });
      const { due, since, attempts, isParked, number } = await lane(store, chat);
      assert.deepEqual([due, since, attempts, isParked, number], [noon + 9, noon + 9, 0, false, 0]);
      assert.deepEqual(await notices(store, chat), ['1 notice']);
      assert.deepEqual(await store.redrive(undefined, noon + 9, 10), { lanes: 0, deadLetters: 0 });
    }),
  );

  test(
    '[ST28] makes so many due at a time, of one destination or of all',
    withStore(async (store) => {
      for (const destination of ['one', 'one', 'two']) {
        const chat = await waiting(store, destination);
        await bury(store, chat, `of ${destination}`);
        const parked = await waiting(store, destination);
        done(await settle(store, await lane(store, parked), { isParked: true }));
      }
      const redrive = async (destination: string | undefined, limit: number) => {
        const { lanes, deadLetters } = await store.redrive(destination, noon + 9, limit);
        return [lanes, deadLetters];
      };
      assert.deepEqual(await redrive('three', 10), [0, 0]);
      assert.deepEqual(await redrive('one', 1), [0, 1]);
      assert.deepEqual(await redrive('one', 2), [1, 1]);
      assert.deepEqual(
        [await redrive('one', 10), await redrive('one', 10)],
        [
          [1, 0],
          [0, 0],
        ],
      );
      assert.deepEqual(parcels(await all(store)), ['of two']);
      assert.deepEqual(await redrive(undefined, 10), [1, 1]);
      const waitings = (await store.laneSummary()).map((each) => [each.destination, each.waiting, each.parked]);
      assert.deepEqual(waitings, [
        ['one', 4, 0],
        ['two', 2, 0],
      ]);
    }),
  );
}
