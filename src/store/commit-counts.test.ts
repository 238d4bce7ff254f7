import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { chatNow, leaving, message, newChat, noon, startChat } from '../../test/contract/store-fixtures.ts';
import { of, shown } from '../../test/support/metrics.ts';
import { ask, postgresMissing, postgresUrl, temporarySchema } from '../../test/support/postgres.ts';
import { openProxy } from '../../test/support/proxy.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** The same chat in any store: what it counts of it but for how much shared a transaction. */
async function talk(store: Store) {
  const chat = await startChat(store);
  const first = message(chat.key, 'ann');
  await store.append(first);
  await store.append(first);
  await Promise.all(Array.from({ length: 8 }, () => store.append(message(chat.key, 'bob'))));
  await store.append(message(chat.key, 'nobody'));
  const before = await chatNow(store, chat);
  const token = { scope: 'a', value: 'b', request: 'c', answer: {}, expiresAt: noon + 1 };
  await store.commit({ ...leaving(before, 'bob'), token });
  await store.commit(leaving(before, 'ann'));
  await store.commit({ now: noon, token });
  // No store takes that for a time.
  await assert.rejects(store.append(message(chat.key, 'ann', { now: Number.NaN })));
  const lines = await shown(store.metrics);
  assert.deepEqual(of(lines, 'tertulia_commits_total'), {
    'append,done': 9,
    'append,again': 1,
    'append,refused': 1,
    'append,failed': 1,
    'change,done': 2,
    'change,again': 1,
    'change,stale': 1,
    'change,failed': 0,
  });
  assert.equal(of(lines, 'tertulia_commits_in_flight')[''], 0);
  const asked = store.append(message(chat.key, 'ann'));
  assert.equal(of(await shown(store.metrics), 'tertulia_commits_in_flight')[''], 1);
  await asked;
  return lines;
}

test('[ME4] the embedded store counts what it writes, and what shared a transaction', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const lines = await talk(store);
  // The chat, its first message twice, eight at once, one refused, three changes, one that fails.
  assert.deepEqual(of(lines, 'tertulia_commit_batch_size_bucket'), {
    ...{ 1: 8, 2: 8, 4: 8 },
    ...Object.fromEntries([8, 16, 32, 64, 128, 256, 512, '+Inf'].map((le) => [le, 9])),
  });
  assert.equal(of(lines, 'tertulia_commit_batch_size_sum')[''], 16);
  assert.deepEqual(of(lines, 'tertulia_commit_duration_seconds_count'), { all: 9 });
  assert.deepEqual(of(lines, 'tertulia_sqlite_bytes'), {});
});

test('[ME5] the embedded store tells its size, that of its log, and its checkpoints', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-metrics-'));
  try {
    await using store = openSqlite(directory, systemSteady);
    const sizes = async () => of(await shown(store.metrics), 'tertulia_sqlite_bytes');
    await startChat(store);
    const before = await sizes();
    assert.deepEqual(before, {
      database: statSync(join(directory, 'tertulia.db')).size,
      log: statSync(join(directory, 'tertulia.db-wal')).size,
    });
    assert((before.log ?? 0) > 0);
    const { key } = await startChat(store);
    await Promise.all(Array.from({ length: 600 }, () => store.append(message(key, 'ann'))));
    // The thread answers in its time: each further commit is a turn in which its answer may have come.
    const checkpoints = async () => of(await shown(store.metrics), 'tertulia_sqlite_checkpoints_total');
    while ((await checkpoints()).passive === 0) await store.append(message(key, 'ann'));
    assert(((await sizes()).database ?? 0) > (before.database ?? 0));
    assert.deepEqual({ ...(await checkpoints()), passive: 1 }, { passive: 1, restart: 0, failed: 0 });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('PostgreSQL', { skip: postgresMissing }, () => {
  test('[ME4] counts what it writes, and the appends that shared a transaction', async () => {
    await using schema = temporarySchema();
    await using store = await openPostgres({ url: postgresUrl, schema: schema.name, steady: systemSteady });
    const lines = await talk(store);
    assert.deepEqual(of(lines, 'tertulia_commit_duration_seconds_count'), { append: 5, change: 4 });
    assert.equal(of(lines, 'tertulia_commit_batch_size_count')[''], 5);
    assert.equal(of(lines, 'tertulia_commit_batch_size_sum')[''], 12);
  });

  test('[ME5] tells its connections, what waits for them, and those that were lost', async () => {
    await using schema = temporarySchema();
    await ask('SELECT 1');
    const url = new URL(postgresUrl);
    await using proxy = await openProxy(Number(url.port || 5432), url.hostname);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    await using store = await openPostgres({ url: url.href, schema: schema.name, steady: systemSteady });
    const seen = async (name: string) => of(await shown(store.metrics), `tertulia_postgres_${name}`);
    assert.deepEqual(await seen('connections'), { append: 0, change: 0, read: 0 });
    const { key } = await startChat(store);
    await store.append(message(key, 'ann'));
    assert.deepEqual(await seen('connections'), { append: 1, change: 1, read: 1 });
    assert.deepEqual(await seen('connection_losses_total'), { append: 0, change: 0, read: 0 });
    proxy.loseAnswer('done');
    const asked = store.append(message(key, 'ann'));
    await proxy.lost;
    await asked;
    assert.deepEqual(await seen('connection_losses_total'), { append: 1, change: 0, read: 0 });
    const reading = [store.commit({ now: noon, chat: { created: newChat() } }), store.chat({ key })];
    assert.deepEqual(await seen('load'), { append: 0, change: 1, read: 1 });
    await Promise.all(reading);
    assert.deepEqual(await seen('load'), { append: 0, change: 0, read: 0 });
  });
});
