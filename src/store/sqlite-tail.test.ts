import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { chatNow, done, message, newChat, noon, startChat, transcript } from '../../test/contract/store-fixtures.ts';
import { systemSteady } from '../runtime/steady.ts';
import { migrations } from './migrations/sqlite.ts';
import { digest } from './plan.ts';
import { openSqlite } from './sqlite.ts';
import { unplaced } from './sqlite-places.ts';
import type { Append } from './store.ts';

type Embedded = ReturnType<typeof openSqlite>;

/** Rows of the trees that follow from the log. */
function placed({ database }: Embedded) {
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
  return { items: count('item'), places: count('item_place'), tokens: count('message_token') };
}

describe('the tail of the embedded log', () => {
  test('[DU5] after kill -9 the next start places what was acknowledged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-tail-'));
    try {
      await using store = openSqlite(join(folder, 'held'), systemSteady);
      const chats = await Promise.all([startChat(store), startChat(store), startChat(store)]);
      const before = placed(store);
      const sent = chats.flatMap(({ key }) => Array.from({ length: 20 }, () => message(key, 'ann')));
      const answers = await Promise.all(sent.map(async (each) => done(await store.append(each))));
      assert.deepEqual(placed(store), { ...before, items: before.items + 60 });

      // The files as they are on disk are what a server that is killed leaves behind.
      cpSync(join(folder, 'held', 'tertulia.db'), join(folder, 'left', 'tertulia.db'));
      cpSync(join(folder, 'held', 'tertulia.db-wal'), join(folder, 'left', 'tertulia.db-wal'));
      await using next = openSqlite(join(folder, 'left'), systemSteady);
      for (const [index, each] of sent.entries()) {
        const again = done(await next.append(each));
        assert.deepEqual({ ...again, tail: Buffer.from(again.tail) }, { ...answers[index], again: true });
      }
      for (const chat of chats) {
        assert.equal((await transcript(next, chat.key)).length, 20);
        assert.equal(done(await next.append(message(chat.key, 'bob'))).number, 21);
      }
      await next.items(chats[0]?.key ?? 0, { newestFirst: true, limit: 1 });
      assert.deepEqual(placed(next), { items: 63, places: 61, tokens: 61 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('[DU5] is placed many at a time, and before anything looks at it', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    const chats = await Promise.all(Array.from({ length: 60 }, () => startChat(store)));
    const sent = chats.flatMap(({ key }) => Array.from({ length: 80 }, () => message(key, 'ann')));
    for (let from = 0; from < sent.length; from += 100) {
      await Promise.all(sent.slice(from, from + 100).map((each) => store.append(each)));
    }
    const { items, places, tokens } = placed(store);
    assert.equal(items, 4800);
    assert(places >= 800 && places <= 1200, `${places} of ${items} items are placed`);
    assert.equal(tokens, places);
    const positions = await store.positions(chats.map(({ key }) => key));
    assert(positions.every(({ last }) => last === 80));
    for (const chat of chats) {
      assert.equal((await chatNow(store, chat)).last, 80);
      const numbers = (await transcript(store, chat.key)).map(({ number }) => number);
      assert.deepEqual(
        numbers,
        Array.from({ length: 80 }, (_, index) => index + 1),
      );
    }
    assert.deepEqual(placed(store), { items, places: items, tokens: items });
  });

  test('[DU5] leaves nothing far behind, so that the next start has little to look at', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    const [quiet, busy] = [await startChat(store), await startChat(store)];
    done(await store.append(message(quiet.key, 'ann')));
    for (let round = 0; round < 17; round += 1) {
      await Promise.all(Array.from({ length: 1000 }, () => store.append(message(busy.key, 'ann'))));
      // Placed as somebody reads it: few ever wait.
      await store.items(busy.key, { newestFirst: true, limit: 1 });
    }
    assert.equal(placed(store).places, 17_001);
  });

  test('[DU5] is known again after a transaction that failed, whoever asks first', async () => {
    for (const ask of [
      async (store: Embedded, key: number) => (await store.chat({ key }))?.last,
      async (store: Embedded, key: number) => (await store.positions([key]))[0]?.last,
      async (store: Embedded, key: number) => (await store.items(key, { newestFirst: true, limit: 1 }))[0]?.number,
      async (store: Embedded, key: number) => done(await store.append(message(key, 'bob'))).number - 1,
    ]) {
      await using store = openSqlite(':memory:', systemSteady);
      const { key } = await startChat(store);
      for (let count = 0; count < 3; count += 1) done(await store.append(message(key, 'ann')));
      const wrong = message(key, 'ann');
      await assert.rejects(store.append({ ...wrong, item: { ...wrong.item, tail: 'text' as unknown as Uint8Array } }));
      assert.equal(await ask(store, key), 3);
    }
  });

  test('[DU5] is left alone by a tool beside the server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-tail-'));
    try {
      await using store = openSqlite(folder, systemSteady);
      const { key } = await startChat(store);
      done(await store.append(message(key, 'ann')));
      {
        await using tool = openSqlite(folder, systemSteady, 'tool');
        assert.equal((await tool.resources('key')).length, 0);
      }
      assert.equal(placed(store).places, 0);
      assert.equal((await transcript(store, key)).length, 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('[DU5, ST13] is made from what an older version wrote: items, their places and their tokens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-tail-'));
    try {
      const old = new DatabaseSync(join(folder, 'tertulia.db'));
      old.exec('CREATE TABLE migration (number INTEGER PRIMARY KEY) STRICT');
      for (const [index, migration] of migrations.slice(0, -1).entries()) {
        old.exec(migration);
        old.exec(`INSERT INTO migration (number) VALUES (${index + 1})`);
      }
      const chat = newChat(['ann']);
      const sent = [1, 2, 3].map((number) => message(1, 'ann', { content: `message ${number}` }));
      old
        .prepare(
          `INSERT INTO chat (id, ended, connected, idle, streamed, last, last_time, revision) VALUES (?, 0, ' ann ', ' ', 0, 3, ?, 1)`,
        )
        .run(chat.id, noon + 3);
      old.prepare('INSERT INTO chat_detail (chat, document) VALUES (1, ?)').run(JSON.stringify(chat));
      for (const [index, { item, token }] of sent.entries()) {
        const [number, time] = [index + 1, noon + index + 1];
        old
          .prepare(
            `INSERT INTO item (chat, time, number, tail, type, content_type, content, participant) VALUES (1, ?, ?, ?, 0, 'text/plain', ?, 'ann')`,
          )
          .run(time, number, item.tail, item.content ?? null);
        // The second's token has been forgotten.
        if (number !== 2)
          old
            .prepare('INSERT INTO message_token (chat, key, request, number, time, tail) VALUES (1, ?, ?, ?, ?, ?)')
            .run(digest(`ann\0${token.value}`), digest(token.request), number, time, item.tail);
      }
      old.close();
      await using store = openSqlite(folder, systemSteady);
      assert.deepEqual(placed(store), { items: 3, places: 3, tokens: 2 });
      assert.deepEqual(
        (await transcript(store, 1)).map(({ content }) => content),
        ['message 1', 'message 2', 'message 3'],
      );
      const again = done(await store.append(sent[2] as Append));
      assert.deepEqual([again.again, again.number, again.time], [true, 3, noon + 3]);
      const conflict = { ...(sent[0] as Append), token: { value: sent[0]?.token.value ?? '', request: 'another' } };
      assert.deepEqual(await store.append(conflict), { refused: 'token-conflict' });
      assert.equal(done(await store.append(message(1, 'ann'))).number, 4);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('[DU5, ST12] is read anew once for all that a full disk refuses, and does not keep the store from closing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-tail-'));
    try {
      const store = openSqlite(folder, systemSteady);
      let reads = 0;
      const prepare = store.database.prepare.bind(store.database);
      store.database.prepare = (sql) => {
        const statement = prepare(sql);
        if (sql === unplaced) {
          const all = statement.all.bind(statement);
          statement.all = () => {
            reads += 1;
            return all();
          };
        }
        return statement;
      };
      const chats = await Promise.all(Array.from({ length: 300 }, () => startChat(store)));
      const firsts = chats.map(({ key }) => message(key, 'ann'));
      for (const answer of await Promise.all(firsts.map((each) => store.append(each)))) done(answer);
      const { page_count: pages } = store.database.prepare('PRAGMA page_count').get() as { page_count: number };
      store.database.exec(`PRAGMA max_page_count = ${pages}`);
      const content = 'x'.repeat(10_000);
      const before = reads;
      const refused = await Promise.allSettled(chats.map(({ key }) => store.append(message(key, 'ann', { content }))));
      assert(refused.every(({ status }) => status === 'rejected'));
      assert.equal(reads - before, 1);
      assert((await store.positions(chats.map(({ key }) => key))).every(({ last }) => last === 1));
      await store[Symbol.asyncDispose]();

      await using next = openSqlite(folder, systemSteady);
      for (const each of firsts) assert.equal(done(await next.append(each)).again, true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('[DU6] can be read where a full disk has no room to place it', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    const [read, other] = [await startChat(store), await startChat(store)];
    done(await store.append(message(read.key, 'ann')));
    assert.equal((await transcript(store, read.key)).length, 1);
    const sent = Array.from({ length: 1200 }, (_, index) => message((index % 3 ? read : other).key, 'ann'));
    for (const answer of await Promise.all(sent.map((each) => store.append(each)))) done(answer);
    const { page_count: pages } = store.database.prepare('PRAGMA page_count').get() as { page_count: number };
    store.database.exec(`PRAGMA max_page_count = ${pages}`);
    assert.equal((await transcript(store, read.key)).length, 801);
    const [, , last] = await store.items(read.key, { newestFirst: true, limit: 3 });
    const page = await store.items(read.key, { after: last?.time, newestFirst: false, limit: 3 });
    assert.deepEqual([last?.number, ...page.map(({ number }) => number)], [799, 800, 801]);
    assert.equal(placed(store).places, 1);
  });

  test('[DU5, ST20] what is erased at the end of the log hides nothing that comes after', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    const [gone, stays] = [await startChat(store), await startChat(store)];
    for (let count = 0; count < 5; count += 1) done(await store.append(message(gone.key, 'ann')));
    assert.equal((await store.erase({ key: gone.key }, 100))?.isDone, true);
    const first = message(stays.key, 'ann');
    done(await store.append(first));
    assert.equal((await transcript(store, stays.key)).length, 1);
    assert.deepEqual(placed(store), { items: 1, places: 1, tokens: 1 });
    assert.equal(done(await store.append(first)).again, true);
  });

  test('[DU5, ST12] a transaction that fails takes nothing of the tail with it', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    const chat = await startChat(store);
    const first = message(chat.key, 'ann');
    done(await store.append(first));
    const wrong = message(chat.key, 'ann');
    const failing = { ...wrong, item: { ...wrong.item, tail: 'no bytes' as unknown as Uint8Array } };
    const answers = await Promise.allSettled([
      store.append(message(chat.key, 'bob')),
      store.append(failing),
      store.append(message(chat.key, 'ann')),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal(done(await store.append(first)).again, true);
    assert.deepEqual(
      (await transcript(store, chat.key)).map(({ number }) => number),
      [1, 2, 3],
    );
  });
});
