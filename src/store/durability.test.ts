import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { chatNow, dice, done, message, startChat, transcript } from '../../test/contract/store-fixtures.ts';
import { startChild } from '../../test/support/child.ts';
import { type Acknowledgements, acknowledgements, cannotTrace, tracing } from '../../test/support/trace.ts';
import type { Item } from '../domain/item.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** What the embedded store promises of the disk: chapter DU of SPEC.md. */

function withDirectory<C>(run: (directory: string, context: C) => Promise<void>): (context: C) => Promise<void> {
  return async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-disk-'));
    try {
      await run(directory, context);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

const count = 40;

/** What a process that sends so many messages, one after another, did before it acknowledged each. */
async function traced(directory: string, sync: 'full' | 'off'): Promise<Acknowledgements> {
  const file = join(directory, `${sync}.trace`);
  const args = ['append', join(directory, sync), `${count},${sync}`];
  await using child = startChild('store-child.ts', args, tracing(file));
  assert.equal((await child.rest()).length, count + 1);
  return acknowledgements(readFileSync(file, 'utf8'));
}

test(
  '[DU2] acknowledges no append before the sync of the log that it was written to',
  withDirectory(async (directory, context: { skip(why: string): void }) => {
    const why = cannotTrace();
    if (why) {
      assert(!process.env.CI, `the order of syncs and acknowledgements must be shown here: ${why}`);
      process.stderr.write(`\n*** NOT TESTED: that a sync comes before each acknowledgement (DU2). ${why}\n\n`);
      context.skip(why);
      return;
    }
    const all = Array.from({ length: count }, (_, index) => index + 1);
    const [full, off] = await Promise.all([traced(directory, 'full'), traced(directory, 'off')]);
    assert.deepEqual(full, { all, unwritten: [], unsynced: [] });
    // The same look at a store that does not sync: this test can fail.
    assert.deepEqual(off, { all, unwritten: [], unsynced: all });
  }),
);

test('[DU2] reads a trace: a sync counts when it has come back without an error, before the acknowledgement', () => {
  const log = '7 pwrite64(20</d/tertulia.db-wal>, "x", 4096, 0) = 4096';
  const said = '7 write(1<pipe:[1]>, "acknowledged 1\\n", 15) = 15';
  const read = (...lines: string[]) => acknowledgements(lines.join('\n'));
  const fine = { all: [1], unwritten: [], unsynced: [] };
  const bad = { all: [1], unwritten: [], unsynced: [1] };
  assert.deepEqual(read(log, '7 fdatasync(20</d/tertulia.db-wal>) = 0', said), fine);
  assert.deepEqual(read(log, said, '7 fdatasync(20</d/tertulia.db-wal>) = 0'), bad);
  assert.deepEqual(read(log, '7 fdatasync(20</d/tertulia.db-wal>) = -1 EIO (Input/output error)', said), bad);
  assert.deepEqual(read(log, '7 fdatasync(21</d/tertulia.db>) = 0', said), bad);
  assert.deepEqual(read('7 fdatasync(20</d/tertulia.db-wal>) = 0', log, said), bad);
  assert.deepEqual(read('7 fdatasync(20</d/tertulia.db-wal>) = 0', said), { all: [1], unwritten: [1], unsynced: [] });
  const begun = '8 fdatasync(20</d/tertulia.db-wal> <unfinished ...>';
  assert.deepEqual(read(log, begun, said, '8 <... fdatasync resumed>) = 0'), bad);
  assert.deepEqual(read(log, begun, '8 <... fdatasync resumed>) = 0', said), fine);
  assert.deepEqual(read(log, begun, '9 <... futex resumed>) = 0', said), bad);
});

const kills = 10;

test(
  '[DU3] has every acknowledged item once, after kill -9 in the middle of writing, again and again',
  withDirectory(async (directory) => {
    const roll = dice(3);
    const acknowledged = new Map<string, string>();
    for (let round = 1; round <= kills; round += 1) {
      await using child = startChild('store-child.ts', ['flood', directory, `${round}`]);
      const lines: string[] = [];
      for (let enough = 1 + roll(200); lines.length < enough; ) {
        const line = await child.line();
        assert(line !== undefined, 'the child ended by itself');
        lines.push(line);
      }
      await child.kill();
      for (const line of [...lines, ...(await child.rest())]) {
        const [key, number, time, name = ''] = line.split(' ');
        acknowledged.set(name, `${key} ${number} ${time}`);
      }
      await using store = openSqlite(directory, systemSteady);
      await verify(store, acknowledged);
    }
    assert(acknowledged.size >= 3 * kills, `only ${acknowledged.size} were acknowledged`);
  }),
);

async function verify(store: Store, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const found = new Map<string, string>();
  for (const id of ['one', 'two', 'three']) {
    const { key } = await chatNow(store, { id });
    const items: Item[] = await transcript(store, key);
    for (const { content = '', number, time } of items) {
      assert(!found.has(content), `${content} is there twice`);
      found.set(content, `${key} ${number} ${time}`);
    }
  }
  for (const [name, place] of acknowledged) assert.equal(found.get(name), place, `${name} was acknowledged`);
  // The last one's token is known too: its sender may ask again.
  const [name = '', place = ''] = [...acknowledged].at(-1) ?? [];
  const [key, number, time] = place.split(' ').map(Number);
  const token = { value: name, request: name };
  const repeat = done(await store.append(message(key ?? 0, 'ann', { token })));
  assert.deepEqual([repeat.number, repeat.time, repeat.again], [number, time, true]);
}

const mebibyte = 2 ** 20;

test(
  '[DU4] keeps the write-ahead log short while much more than its length is written',
  withDirectory(async (directory) => {
    await using store = openSqlite(directory, systemSteady);
    const { key } = await startChat(store);
    const content = 'x'.repeat(16_384);
    let longest = 0;
    for (let batch = 0; batch < 120; batch += 1) {
      const asked = Array.from({ length: 100 }, () => store.append(message(key, 'ann', { content })));
      for (const outcome of await Promise.all(asked)) done(outcome);
      longest = Math.max(longest, statSync(join(directory, 'tertulia.db-wal')).size);
    }
    const { page_count: pages } = store.database.prepare('PRAGMA page_count').get() as { page_count: number };
    assert(pages * 4096 > 190 * mebibyte, 'less was written than meant');
    // 32 MiB and what is written while a checkpoint is under way; measured: 45 MiB.
    assert(longest < 128 * mebibyte, `the log grew to ${Math.round(longest / mebibyte)} MiB`);
  }),
);

test(
  '[DU4] goes on when the thread that makes checkpoints fails, and starts another',
  withDirectory(async (parent) => {
    const [directory, aside] = [join(parent, 'data'), join(parent, 'aside')];
    await using store = openSqlite(directory, systemSteady);
    const { key } = await startChat(store);
    const write = async () => {
      const asked = Array.from({ length: 500 }, () => store.append(message(key, 'ann')));
      for (const outcome of await Promise.all(asked)) done(outcome);
    };
    /** The next `event` of the next thread that is started. */
    const ofNextThread = (event: 'exit' | 'message') =>
      new Promise((resolve) => process.once('worker', (thread: Worker) => thread.once(event, resolve)));

    // With its directory moved away the thread cannot open the database; the store has it open.
    renameSync(directory, aside);
    const end = ofNextThread('exit');
    await write();
    await end;
    renameSync(aside, directory);

    const checkpoint = ofNextThread('message');
    await write();
    const frames = await checkpoint;
    assert(Number(frames) > 0, 'the second thread made a checkpoint');
    assert.equal((await transcript(store, key)).length, 1000);
  }),
);
