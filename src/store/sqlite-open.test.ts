import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { done, message, newChat, noon, startChat, transcript } from '../../test/contract/store-fixtures.ts';
import { startChild } from '../../test/support/child.ts';
import { systemSteady } from '../runtime/steady.ts';
import { CannotOpen } from './cannot-open.ts';
import { migrations } from './migrations/sqlite.ts';
import { migrate, openSqlite } from './sqlite.ts';

/** Opening the embedded store: its settings, its schema, and who holds its directory. */

function withDirectory(run: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-open-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

const open = (directory: string) => openSqlite(directory, systemSteady);

/** Opening must fail, and in one line for a person. */
function refusal(directory: string): string {
  try {
    open(directory);
  } catch (failure) {
    assert(failure instanceof CannotOpen, `not for a person: ${failure}`);
    assert.doesNotMatch(failure.message, /\n/);
    return failure.message;
  }
  return assert.fail('it could be opened');
}

/** Changes a closed store's database as another program would. */
function tamper(directory: string, sql: string): void {
  const database = new DatabaseSync(join(directory, 'tertulia.db'));
  database.exec(sql);
  database.close();
}

test(
  '[DU1] reports a write-ahead log and full syncing, on each opening',
  withDirectory(async (directory) => {
    for (let time = 1; time <= 2; time += 1) {
      await using store = open(directory);
      const read = (name: string) => Object.values(store.database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      assert.equal(read('journal_mode'), 'wal');
      assert.equal(read('synchronous'), 2, '2 is FULL');
      assert.equal(read('wal_autocheckpoint'), 0, 'checkpoints belong to their own thread');
      assert.equal(read('integrity_check'), 'ok');
      assert(statSync(join(directory, 'tertulia.db-wal')).isFile());
    }
  }),
);

test(
  '[ST13] refuses a schema that is newer than the program, and lets go of the directory',
  withDirectory(async (directory) => {
    await open(directory)[Symbol.asyncDispose]();
    tamper(directory, 'INSERT INTO migration (number) VALUES (999)');
    const message = refusal(directory);
    assert.match(message, /schema version 999, newer than this program's \d+; run a newer Tertulia$/);
    assert.equal(refusal(directory), message, 'it is not held');
    tamper(directory, 'DELETE FROM migration WHERE number = 999');
    await open(directory)[Symbol.asyncDispose]();
  }),
);

test(
  '[ST13] migrates a store without a schema, and once only',
  withDirectory(async (directory) => {
    tamper(directory, 'CREATE TABLE migration (number INTEGER PRIMARY KEY) STRICT');
    for (let time = 1; time <= 3; time += 1) {
      await using store = open(directory);
      const numbers = store.database.prepare('SELECT number FROM migration ORDER BY number').all();
      assert.deepEqual(
        numbers.map(({ number }) => number),
        migrations.map((_, index) => index + 1),
      );
      await startChat(store);
      assert.equal(store.database.prepare('SELECT count(*) AS chats FROM chat').get()?.chats, time);
    }
  }),
);

test(
  '[ST13] leaves a store as it was when a migration fails',
  withDirectory(async (directory) => {
    // A table in the way of the first migration.
    tamper(directory, 'CREATE TABLE token (other TEXT)');
    assert.match(refusal(directory), /cannot be used: table token already exists$/);
    tamper(directory, 'DROP TABLE token');
    await open(directory)[Symbol.asyncDispose]();
  }),
);

test(
  '[ST13] lets processes migrate one store at once: each finds it migrated in the end',
  withDirectory(async (directory) => {
    const file = join(directory, 'raced.db');
    const children = [1, 2, 3].map(() => startChild('store-child.ts', ['migrate', file]));
    try {
      for (const child of children) assert.equal(await child.line(), 'ready');
      for (const child of children) child.go();
      for (const child of children) assert.equal(await child.line(), 'migrated');
    } finally {
      for (const child of children) await child.kill();
    }
    const database = new DatabaseSync(file);
    migrate(database);
    assert.equal(database.prepare('SELECT count(*) AS applied FROM migration').get()?.applied, migrations.length);
    database.close();
  }),
);

test(
  '[ST10] is held by one process alone, and free again after kill -9 of that process',
  withDirectory(async (directory) => {
    await using holder = startChild('store-child.ts', ['hold', directory]);
    assert.equal(await holder.line(), 'ready');
    holder.go();
    assert.equal(await holder.line(), 'open');
    const message = refusal(directory);
    assert.match(message, /is held by another server; stop it, or set TERTULIA_DATA_DIR to another directory$/);
    assert(message.includes(directory));
    await holder.kill();
    await using store = open(directory);
    await startChat(store);
    // Refusing this process, which opens and closes the locked file again, must not drop the lock for others.
    refusal(directory);
    await using late = startChild('store-child.ts', ['hold', directory]);
    assert.equal(await late.line(), 'ready');
    late.go();
    assert.match((await late.line()) ?? '', /is held by another server/);
  }),
);

test(
  '[ST10] lets one of several processes have a new directory that they open at once',
  withDirectory(async (parent) => {
    const directory = join(parent, 'made', 'at once');
    const children = [1, 2, 3].map(() => startChild('store-child.ts', ['hold', directory]));
    try {
      for (const child of children) assert.equal(await child.line(), 'ready');
      for (const child of children) child.go();
      const said = await Promise.all(children.map((child) => child.line()));
      assert.equal(said.filter((each) => each === 'open').length, 1, said.join('\n'));
      assert.equal(said.filter((each) => each?.includes('is held by another server')).length, 2, said.join('\n'));
    } finally {
      for (const child of children) await child.kill();
    }
  }),
);

test(
  '[ST10] says in one line why a directory cannot be used, and does not blame another server for it',
  withDirectory(async (parent) => {
    const file = join(parent, 'locked-and-busy');
    writeFileSync(file, 'a file');
    assert.match(refusal(join(file, 'data')), /^the data directory .* cannot be used: /);
    const directory = join(parent, 'data');
    mkdirSync(directory);
    writeFileSync(join(directory, 'tertulia.db'), 'this is no database, and longer than the header of one '.repeat(50));
    assert.match(refusal(directory), /^the store .*tertulia\.db cannot be used: file is not a database$/);
    rmSync(join(directory, 'tertulia.db'));
    await open(directory)[Symbol.asyncDispose]();
  }),
);

test('[ST12] rejects what does not fit on a full disk, whole, and goes on when there is room', async () => {
  await using store = open(':memory:');
  const chat = await startChat(store);
  const { page_count: pages } = store.database.prepare('PRAGMA page_count').get() as { page_count: number };
  store.database.exec(`PRAGMA max_page_count = ${pages + 20}`);
  const content = 'x'.repeat(16_384);
  const put = (id: number) => ({ kind: 'k', instance: '', id: `${id}`, name: content, document: {} });
  const settled = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? store.commit({ now: noon, chat: { created: newChat() }, resources: [put(index)] })
        : store.append(message(chat.key, 'ann', { content })),
    ),
  );
  const fulfilled = settled.flatMap((each, index) => (each.status === 'fulfilled' ? [index] : []));
  assert(fulfilled.length > 0 && fulfilled.length < 30, `${fulfilled.length} of 30 found room`);
  const kept = fulfilled.filter((index) => index % 3 !== 0).length;
  const count = (table: string) => store.database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows;
  const check = async (more: number) => {
    assert.equal((await transcript(store, chat.key)).length, kept + more);
    assert.equal(count('message_token'), kept + more);
    assert.equal(count('resource'), fulfilled.length - kept);
    assert.equal(count('chat'), fulfilled.length - kept + 1);
    assert.equal(count('chat_detail'), fulfilled.length - kept + 1);
  };
  await check(0);
  store.database.exec('PRAGMA max_page_count = 1000000');
  assert.equal(done(await store.append(message(chat.key, 'ann', { content }))).number, kept + 1);
  await check(1);
});
