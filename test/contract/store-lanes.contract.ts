import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatNow, done, message, newChat, noon, plain, startChat, type WithStore } from './store-fixtures.ts';
import {
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

/** Lanes as they are opened, made due, closed and settled. */
export function laneRules(withStore: WithStore): void {
  opening(withStore);
  waking(withStore);
  closing(withStore);
  settling(withStore);
}

function opening(withStore: WithStore): void {
  test(
    '[ST26] opens a lane with a change of its chat, after what is committed by then, with nothing in it',
    withStore(async (store) => {
      const chat = await startChat(store);
      for (let count = 0; count < 3; count += 1) await say(store, chat);
      const after = await openLane(store, chat, 'lane', { items: events(2), now: noon + 50 });
      const opened = await lane(store, chat);
      assert.deepEqual(plain(opened), {
        key: opened.key,
        chat: chat.key,
        id: 'lane',
        kind: 'stream',
        destination: topic,
        number: 5,
        time: after.lastTime,
        since: noon + 50,
        attempts: 0,
        rejections: 0,
        isParked: false,
        fence: opened.fence,
      });
      assert.deepEqual([await store.laneDestinations(Number.MAX_SAFE_INTEGER), await dueKeys(store)], [[], []]);
      assert.equal(await store.nextLaneDue(), undefined);
    }),
  );

  test(
    '[ST26] opens a lane with a change without items after the last item, also with the chat itself',
    withStore(async (store) => {
      const created = { ...newChat(), streams: [{ id: 'lane', topic, startedAt: noon }] };
      const owed = [{ lane: way('lane'), opens: true }];
      done(await store.commit({ now: noon, chat: { created }, owed }));
      const chat = await chatNow(store, created);
      const first = await lane(store, chat);
      assert.deepEqual([first.number, first.time, first.due], [0, 0, undefined]);
      await say(store, chat, noon + 9);
      assert.equal(await isDue(store, chat), true);
      await openLane(store, chat, 'other');
      const { number, time, due } = await lane(store, chat, 'other');
      assert.deepEqual([number, time, due], [1, noon + 9, undefined]);
    }),
  );

  test(
    '[ST26] leaves a lane alone that is opened again',
    withStore(async (store) => {
      const chat = await waiting(store);
      const before = await lane(store, chat);
      await change(store, chat, { now: noon + 5, items: events(1), owed: [{ lane: way('lane', 'x'), opens: true }] });
      assert.deepEqual(await store.lanesOf(chat.key), [before]);
    }),
  );

  test(
    '[ST26, OB1] owes nothing by a change that is stale, whose token was used, or whose debtor is not there',
    withStore(async (store) => {
      const chat = await laned(store);
      const token = { scope: 's', value: 'v', request: 'r', answer: {}, expiresAt: noon + 1000 };
      done(await store.commit({ now: noon, token }));
      const owed = [
        { lane: way('new'), opens: true, parcels: ['a'] },
        { lane: way('lane'), parcels: ['b'], closes: true },
      ];
      const stale = { expected: chat.revision - 1, after: chat };
      assert.deepEqual(await store.commit({ now: noon, chat: stale, items: events(1), owed }), { stale: true });
      const sound = { expected: chat.revision, after: chat };
      assert.deepEqual(await store.commit({ now: noon, chat: sound, owed, token }), { again: true });
      assert.deepEqual(await store.commit({ now: noon, owed, owedBy: chat.key + 1_000_000 }), { stale: true });
      await assert.rejects(store.commit({ now: noon, owed }), /nobody owes/);
      const { due, until } = await lane(store, chat);
      assert.deepEqual([(await store.lanesOf(chat.key)).length, due, until], [1, undefined, undefined]);
      assert.deepEqual(await notices(store, chat), []);
    }),
  );
}

function waking(withStore: WithStore): void {
  test(
    '[ST26] makes a lane due with an append, from the first one that waits',
    withStore(async (store) => {
      const chat = await laned(store);
      await say(store, chat, noon + 5);
      const { due, since, number } = await lane(store, chat);
      assert.deepEqual([due, since, number], [noon + 5, noon + 5, 0]);
      await say(store, chat, noon + 9);
      const later = await lane(store, chat);
      assert.deepEqual([later.due, later.since], [noon + 5, noon + 5]);
      await deliver(store, chat);
      assert.equal(await isDue(store, chat), false);
      await say(store, chat, noon + 20);
      const again = await lane(store, chat);
      assert.deepEqual([again.due, again.since, again.number], [noon + 20, noon + 20, 2]);
    }),
  );

  test(
    '[ST26] makes a lane due with a change that has items, and with no other',
    withStore(async (store) => {
      const chat = await laned(store);
      await change(store, chat, {}, { attributes: { other: 'value' } });
      done(await store.commit({ now: noon, mark: { chat: chat.key, reader: 'ann', kind: 'read', number: 1 } }));
      assert.deepEqual(await store.append(message(chat.key, 'nobody')), { refused: 'not-connected' });
      assert.equal(await isDue(store, chat), false);
      await change(store, chat, { now: noon + 7, items: events(1) });
      assert.equal((await lane(store, chat)).due, noon + 7);
    }),
  );

  test(
    '[ST26] makes a lane not due by an append that was made already',
    withStore(async (store) => {
      const chat = await laned(store);
      const sent = message(chat.key, 'ann');
      const first = done(await store.append(sent));
      await deliver(store, chat);
      const again = done(await store.append(sent));
      assert.deepEqual([first.isStreamed, again.again, again.isStreamed], [true, true, false]);
      assert.equal(await isDue(store, chat), false);
    }),
  );

  test(
    '[ST26] says of an append whether its chat is streamed: not before it is, and not once it is no more',
    withStore(async (store) => {
      const chat = await startChat(store);
      const isStreamed = async () => done(await store.append(message(chat.key, 'ann'))).isStreamed;
      assert.equal(await isStreamed(), false);
      await openLane(store, chat, 'lane');
      assert.equal(await isStreamed(), true);
      await openLane(store, chat, 'other');
      await closeLane(store, chat, 'lane');
      assert.equal(await isStreamed(), true);
      await closeLane(store, chat, 'other');
      assert.equal(await isStreamed(), false);
    }),
  );

  test(
    '[ST26] makes all open lanes of a chat due, and none of another, none that is parked and none that is closed',
    withStore(async (store) => {
      const [chat, other] = [await laned(store), await laned(store)];
      for (const id of ['second', 'parked', 'closed']) await openLane(store, chat, id);
      done(await settle(store, await lane(store, chat, 'parked'), { isParked: true }));
      await closeLane(store, chat, 'closed');
      // What it was closed with is settled while something is left of it: then it would be gone.
      done(await settle(store, await lane(store, chat, 'closed'), { isParked: true }));
      await say(store, chat);
      await change(store, chat, { items: events(1) });
      assert.deepEqual(
        (await store.lanesOf(chat.key)).map(({ id, due, isParked }) => [id, due !== undefined, isParked]),
        [
          ['lane', true, false],
          ['second', true, false],
          ['parked', false, true],
          ['closed', false, true],
        ],
      );
      assert.equal(await isDue(store, other), false);
    }),
  );
}

function closing(withStore: WithStore): void {
  test(
    '[ST26, ST27] delivers to a closed lane what was committed by then, the items of that change with it, and then it is gone',
    withStore(async (store) => {
      const chat = await waiting(store);
      await closeLane(store, chat, 'lane', { items: events(2) });
      await say(store, chat);
      assert.equal((await lane(store, chat)).until, 3);
      const items = await store.items(chat.key, { newestFirst: false, limit: 10 });
      for (const number of [1, 2, 3]) {
        const read = await lane(store, chat);
        assert.equal(read.due, noon);
        done(await settle(store, read, { number, time: items[number - 1]?.time ?? 0 }));
      }
      assert.deepEqual(await store.lanesOf(chat.key), []);
    }),
  );

  test(
    '[ST26, ST27] is due once more when it is closed with nothing in it, and then gone',
    withStore(async (store) => {
      const chat = await waiting(store);
      await deliver(store, chat);
      await closeLane(store, chat, 'lane', { now: noon + 4 });
      const read = await lane(store, chat);
      assert.deepEqual([read.until, read.due], [1, noon + 4]);
      done(await settle(store, read));
      assert.equal(await laneIfAny(store, chat), undefined);
      await say(store, chat);
      assert.deepEqual(await store.lanesOf(chat.key), []);
    }),
  );

  test(
    '[ST26] ends where it was closed first',
    withStore(async (store) => {
      const chat = await waiting(store);
      await closeLane(store, chat, 'lane');
      await change(store, chat, { items: events(3), owed: [{ lane: way('lane'), closes: true }] });
      assert.equal((await lane(store, chat)).until, 1);
    }),
  );

  test(
    '[ST26, ST28] takes nothing more that is no item once it is closed, but what came with its end',
    withStore(async (store) => {
      const chat = await laned(store);
      const last = { lane: way('lane'), parcels: ['last'], isBeforeItems: true, closes: true };
      await closeLane(store, chat, 'lane', { items: events(1), owed: [last] });
      await pass(store, chat, ['late']);
      await pass(store, chat, ['nowhere'], [way('no such lane')]);
      assert.deepEqual(await notices(store, chat), ['0 last']);
      assert.equal((await store.lanesOf(chat.key)).length, 1);
    }),
  );

  test(
    '[ST26] closes a lane that somebody is at work on without making the work stale',
    withStore(async (store) => {
      const chat = await waiting(store);
      const read = await lane(store, chat);
      await closeLane(store, chat, 'lane', { items: events(1) });
      done(await settle(store, read, { number: 1, time: noon }));
      const left = await lane(store, chat);
      assert.deepEqual([left.number, left.until, left.due !== undefined], [1, 2, true]);
      await deliver(store, chat);
      assert.deepEqual(await store.lanesOf(chat.key), []);
    }),
  );
}

function settling(withStore: WithStore): void {
  test(
    '[ST27] settles a lane only as it was read, and writes nothing else of a stale settlement',
    withStore(async (store) => {
      const chat = await waiting(store);
      await pass(store, chat, ['notice']);
      const read = await lane(store, chat);
      done(await settle(store, read, { attempts: 1, error: 'down', retryAt: noon + 1000 }));
      const before = await lane(store, chat);
      const [notice] = await store.notices(read.key, 1);
      const dead = { parcel: 'parcel', error: 'rejected', attempts: 8 };
      const late = { number: 1, time: noon, noticed: notice?.key, dead };
      assert.deepEqual(await settle(store, read, late), { stale: true });
      assert.deepEqual(await settle(store, { ...read, key: read.key + 1000 }, { dead }), { stale: true });
      assert.deepEqual(await lane(store, chat), before);
      assert.equal((await notices(store, chat)).length, 1);
      assert.deepEqual(await store.deadLetters(undefined, 0, 10), []);
      done(await settle(store, before, late));
      assert.deepEqual([await notices(store, chat), (await store.deadLetters(undefined, 0, 10)).length], [[], 1]);
    }),
  );

  test(
    '[ST27] takes one of several settlements of what was read once',
    withStore(async (store) => {
      const chat = await waiting(store);
      const read = await lane(store, chat);
      const asked = [1, 2, 3].map((attempts) => settle(store, read, { attempts, retryAt: noon }));
      const outcomes = await Promise.all(asked);
      assert.equal(outcomes.filter((each) => 'stale' in each).length, 2);
    }),
  );

  test(
    '[ST27] stays due for an append or a change that came while somebody delivered what was there',
    withStore(async (store) => {
      const chat = await waiting(store);
      for (const come of [() => say(store, chat), () => change(store, chat, { items: events(1) })]) {
        const read = await lane(store, chat);
        const { last, lastTime } = await chatNow(store, chat);
        await come();
        done(await settle(store, read, { number: last, time: lastTime }, noon + 30));
        const left = await lane(store, chat);
        assert.deepEqual([left.number, left.due], [last, noon + 30]);
        assert.deepEqual(await dueKeys(store), [left.key]);
      }
      await deliver(store, chat);
      assert.deepEqual(await dueKeys(store), []);
    }),
  );

  test(
    '[ST27] stays due for a notice that came while somebody delivered those before it',
    withStore(async (store) => {
      const chat = await laned(store);
      await pass(store, chat, ['first', 'second']);
      const read = await lane(store, chat);
      const seen = await store.notices(read.key, 10);
      await pass(store, chat, ['third']);
      done(await settle(store, read, { noticed: seen.at(-1)?.key }));
      assert.deepEqual([await notices(store, chat), await isDue(store, chat)], [['0 third'], true]);
      const [third] = await store.notices(read.key, 10);
      done(await settle(store, await lane(store, chat), { noticed: third?.key }));
      assert.deepEqual([await notices(store, chat), await isDue(store, chat)], [[], false]);
    }),
  );

  test(
    '[ST27] is due again when it is to be tried again, and keeps why and how often it failed',
    withStore(async (store) => {
      const chat = await waiting(store);
      const tried = { attempts: 3, error: 'down', retryAt: noon + 4000, since: noon - 7 };
      done(await settle(store, await lane(store, chat), tried));
      await say(store, chat, noon + 1);
      const { attempts, error, due, since } = await lane(store, chat);
      assert.deepEqual({ attempts, error, retryAt: due, since }, tried, 'what comes later makes it due no earlier');
      await deliver(store, chat);
      const well = await lane(store, chat);
      assert.deepEqual([well.attempts, well.error, well.due], [0, undefined, undefined]);
    }),
  );
}
