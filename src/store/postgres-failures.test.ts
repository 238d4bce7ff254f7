import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import {
  chatNow,
  done,
  leaving,
  message,
  newChat,
  noon,
  startChat,
  transcript,
} from '../../test/contract/store-fixtures.ts';
import { ask, postgresMissing, postgresUrl, temporarySchema } from '../../test/support/postgres.ts';
import { openProxy, type Proxy as Relay } from '../../test/support/proxy.ts';
import { UnknownOutcome } from '../domain/unknown-outcome.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openPostgres } from './postgres.ts';
import { Unreachable } from './postgres-failure.ts';
import type { Store } from './store.ts';

/** Connections that are lost before and after the database has done what it was asked, by a relay between the two. */

async function throughProxy(run: (store: Store, proxy: Relay) => Promise<void>, patience?: number): Promise<void> {
  await using schema = temporarySchema();
  // The connection that asks beside the store keeps the test alive while the store has none.
  await ask('SELECT 1');
  const url = new URL(postgresUrl);
  await using proxy = await openProxy(Number(url.port || 5432), url.hostname);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  await using store = await openPostgres({ url: url.href, schema: schema.name, steady: systemSteady, patience });
  await run(store, proxy);
}

describe('a lost connection', { skip: postgresMissing }, () => {
  test('[ST30] to whose other end an append had come stores it once, and answers as the first time', () =>
    throughProxy(async (store, proxy) => {
      const { key } = await startChat(store);
      done(await store.append(message(key, 'ann')));
      proxy.loseAnswer('done');
      const asked = Array.from({ length: 10 }, (_, index) => message(key, 'ann', { content: `${index}` }));
      const outcomes = await Promise.all(asked.map((each) => store.append(each)));
      await proxy.lost;
      const items = await transcript(store, key);
      assert.equal(items.length, 11);
      for (const [index, outcome] of outcomes.entries()) {
        const { number, again, tail } = done(outcome);
        assert.deepEqual([items[number - 1]?.content, again], [`${index}`, false]);
        assert.deepEqual(Buffer.from(tail), Buffer.from(asked[index]?.item.tail ?? []));
      }
      assert.equal(
        done(await store.append(asked[0] ?? message(key, 'ann'))).again,
        true,
        'asked for again, it is a repeat',
      );
    }));

  test('[ST30] to whose other end an append had not come stores it once', () =>
    throughProxy(async (store, proxy) => {
      const { key } = await startChat(store);
      proxy.loseRequest('lose this');
      const { number, again } = done(await store.append(message(key, 'ann', { content: 'lose this' })));
      await proxy.lost;
      assert.deepEqual([number, again], [1, false]);
      assert.equal((await transcript(store, key)).length, 1);
    }));

  test('[ST31] of a change that may have been committed leaves its outcome unknown, and it is written or not', () =>
    throughProxy(async (store, proxy) => {
      const chat = await startChat(store, ['ann', 'bob']);
      proxy.loseAnswer('COMMIT');
      await assert.rejects(store.commit(leaving(chat, 'ann')), UnknownOutcome);
      await proxy.lost;
      assert.equal((await chatNow(store, chat)).revision, chat.revision + 1, 'it was');

      const now = await chatNow(store, chat);
      proxy.loseRequest('COMMIT');
      await assert.rejects(store.commit(leaving(now, 'bob')), UnknownOutcome);
      await proxy.lost;
      assert.deepEqual(await chatNow(store, chat), now, 'it was not');
      done(await store.commit(leaving(now, 'bob')));
      assert.equal((await transcript(store, chat.key)).length, 2);
    }));

  test('[ST31] of a change that cannot have been committed is made good', () =>
    throughProxy(async (store, proxy) => {
      const chat = await startChat(store, ['ann', 'bob']);
      const created = { ...newChat(), id: 'lose-this-one' };
      proxy.loseRequest('lose-this-one');
      done(await store.commit({ now: noon, chat: { created } }));
      await proxy.lost;
      // The row was held when the connection was lost, and is free again.
      proxy.loseAnswer('revision');
      done(await store.commit(leaving(chat, 'ann')));
      await proxy.lost;
      assert.equal((await chatNow(store, chat)).revision, chat.revision + 1);
      await chatNow(store, created);
    }));

  test('[ST31] keeps reads, changes and appends waiting until there is another', () =>
    throughProxy(async (store, proxy) => {
      const chat = await startChat(store);
      proxy.cut();
      const [append, change, read] = [
        store.append(message(chat.key, 'bob')),
        store.commit(leaving(chat, 'ann')),
        store.chat({ key: chat.key }),
      ];
      proxy.heal();
      done(await append);
      done(await change);
      assert((await read)?.id === chat.id);
      assert.equal((await transcript(store, chat.key)).length, 2);
    }));

  test('[ST31] fails what waits when patience is over, and says what is not known', () =>
    throughProxy(async (store, proxy) => {
      const chat = await startChat(store);
      done(await store.append(message(chat.key, 'ann')));
      await proxy[Symbol.asyncDispose]();
      await assert.rejects(store.chat({ key: chat.key }), Unreachable);
      await assert.rejects(store.commit(leaving(chat, 'ann')), Unreachable);
      await assert.rejects(
        store.append(message(chat.key, 'ann')),
        (failure) => failure instanceof UnknownOutcome || failure instanceof Unreachable,
      );
    }, 1));
});

describe('what the database refuses', { skip: postgresMissing }, () => {
  test('[ST31] is reported without what was to be written', () =>
    throughProxy(async (store) => {
      const chat = await startChat(store);
      const append = message(chat.key, 'ann', { content: 'between us' });
      const item = { ...append.item, tail: null as unknown as Uint8Array };
      const created = { ...newChat(), id: 'between us' };
      done(await store.commit({ now: noon, chat: { created } }));
      const failures = await Promise.allSettled([
        store.append({ ...append, item }),
        store.commit({ now: noon, chat: { created } }),
      ]);
      for (const each of failures) {
        assert(each.status === 'rejected');
        assert.match(String(each.reason), /violates (not-null|unique) constraint/);
        assert.doesNotMatch(inspect(each.reason, { depth: 9, showHidden: true }), /between us/);
      }
    }));
});
