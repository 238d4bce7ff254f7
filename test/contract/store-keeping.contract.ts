import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Place } from './store.contract.ts';
import { chatNow, done, leaving, message, newChat, noon, snapshot, startChat, transcript } from './store-fixtures.ts';
import { lane, laned, openLane, pass, settle, topic, waiting } from './store-lanes-fixtures.ts';

/** What outlives a store that is closed. */
export function keepingRules(place: () => Promise<Place>): void {
  const withPlace = (run: (there: Place) => Promise<void>) => async () => {
    const there = await place();
    try {
      await run(there);
    } finally {
      await there.remove();
    }
  };

  test(
    '[ST10] has everything after reopening, and goes on from there',
    withPlace(async (there) => {
      const store = await there.open();
      const chat = await startChat(store, ['ann', 'bob'], ['eve']);
      const sent = message(chat.key, 'ann', { content: 'é😀\u{10ffff}', now: noon + 50 });
      const first = done(await store.append(sent));
      const token = { scope: 's', value: 'v', request: 'r', answer: { at: noon }, expiresAt: noon + 1000 };
      const resource = { kind: 'flow', instance: 'i', id: 'f', name: 'n', document: { of: [1, null] } };
      done(await store.commit({ ...leaving(chat, 'bob'), token, resources: [resource] }));
      done(await store.commit({ now: noon, mark: { chat: chat.key, reader: 'ann', kind: 'read', number: 1 } }));
      const before = await snapshot(store, chat.key);
      await store[Symbol.asyncDispose]();

      await using again = await there.open();
      assert.deepEqual(await snapshot(again, chat.key), before);
      const stored = await again.answered(token, noon);
      assert.deepEqual([stored?.answer, stored?.matches('r'), stored?.matches('x')], [token.answer, true, false]);
      assert.deepEqual(await again.resource('flow', 'i', 'f'), { ...resource, revision: 1 });
      const repeat = done(await again.append(sent));
      assert.deepEqual([repeat.number, repeat.time, repeat.again], [first.number, first.time, true]);
      assert.deepEqual(await again.append(message(chat.key, 'bob')), { refused: 'not-connected' });
      assert.equal(done(await again.append(message(chat.key, 'ann'))).number, 3);
      assert.deepEqual(await again.commit(leaving(chat, 'ann')), { stale: true });
      done(await again.commit(leaving(await chatNow(again, chat), 'ann')));
      const other = await startChat(again);
      assert.notEqual(other.key, chat.key);
      await transcript(again, chat.key);
    }),
  );

  test(
    '[ST10] answers and keeps what was asked before it was closed, and refuses what comes after',
    withPlace(async (there) => {
      const store = await there.open();
      const chat = await startChat(store);
      const asked = Array.from({ length: 40 }, () => store.append(message(chat.key, 'ann')));
      const born = newChat();
      const created = store.commit({ now: noon, chat: { created: born } });
      await store[Symbol.asyncDispose]();
      for (const each of await Promise.all(asked)) done(each);
      done(await created);
      await assert.rejects(store.append(message(chat.key, 'ann')));
      await assert.rejects(store.commit({ now: noon, chat: { created: newChat() } }));
      await store[Symbol.asyncDispose]();

      await using again = await there.open();
      assert.equal((await transcript(again, chat.key)).length, 40);
      await chatNow(again, born);
    }),
  );

  test(
    '[ST10, ST26, OB8] has what is owed after reopening, as it was',
    withPlace(async (there) => {
      const store = await there.open();
      const chat = await waiting(store);
      await openLane(store, chat, 'second');
      await pass(store, chat, ['a', 'b']);
      const parked = await waiting(store, 'other');
      const dead = { parcel: 'dead', error: 'no', attempts: 8 };
      done(await settle(store, await lane(store, parked), { isParked: true, error: 'too long', attempts: 9, dead }));
      await laned(store);
      const look = async (of: typeof store) => ({
        lanes: await Promise.all([chat, parked].map(({ key }) => of.lanesOf(key))),
        due: await of.dueLanes(topic, Number.MAX_SAFE_INTEGER, 10),
        notices: await of.notices((await lane(of, chat)).key, 10),
        dead: await of.deadLetters(undefined, 0, 10),
        summary: await of.laneSummary(),
      });
      const before = await look(store);
      await store[Symbol.asyncDispose]();

      await using again = await there.open();
      assert.deepEqual(await look(again), before);
      assert.deepEqual([before.due.length, before.notices.length, before.dead.length], [1, 2, 1]);
      done(await settle(again, await lane(again, chat), { number: 1, time: noon, noticed: before.notices[1]?.key }));
      assert.equal((await lane(again, chat)).due, undefined);
    }),
  );
}
