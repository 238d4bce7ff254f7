import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobsContract } from '../../test/contract/blobs.contract.ts';
import { content, has, put, streamOf, text } from '../../test/contract/blobs-fixtures.ts';
import { directoryPlace } from '../../test/support/blob-places.ts';
import { startChild } from '../../test/support/child.ts';
import { systemIds } from '../runtime/ids.ts';
import type { Blobs } from './blobs.ts';
import { openDirectory, plainFiles } from './directory.ts';

blobsContract('directory', async () => directoryPlace());

type There = ReturnType<typeof directoryPlace>;

function withDirectory(run: (blobs: Blobs, there: There) => Promise<void>): () => Promise<void> {
  return async () => {
    const there = directoryPlace();
    try {
      await run(await there.open(), there);
    } finally {
      await there.remove();
    }
  };
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test(
  '[BL13] makes files and folders that only their owner can read',
  withDirectory(async (blobs, { directory }) => {
    await put(blobs, 'a/b/c', content(10));
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    assert.deepEqual(entries.map(({ name }) => name).sort(), ['a', 'b', 'c@', 'incoming', 'objects']);
    assert.equal(modeOf(directory), '700');
    for (const entry of entries) {
      assert.equal(modeOf(join(entry.parentPath, entry.name)), entry.isFile() ? '600' : '700', entry.name);
    }
  }),
);

test(
  '[BL13] leaves no empty folder behind the last of its objects',
  withDirectory(async (blobs, { directory }) => {
    for (const key of ['a/b/c', 'a/b/d', 'a/e']) await put(blobs, key, content(10));
    await blobs.remove('a/b/c');
    assert.deepEqual(readdirSync(join(directory, 'objects/a')).sort(), ['b', 'e@']);
    await blobs.remove('a/b/d');
    assert.deepEqual(readdirSync(join(directory, 'objects/a')), ['e@']);
    await blobs.remove('a/e');
    assert.deepEqual(readdirSync(join(directory, 'objects')), []);
  }),
);

test(
  '[BL14] removes what a killed process left, at a start an hour later',
  withDirectory(async (_, { directory, where, open }) => {
    const incoming = join(directory, 'incoming');
    await using process = startChild('blobs-child.ts', ['stall', JSON.stringify(where)]);
    assert.equal(await process.line(), 'half');
    await process.kill();
    const left = readdirSync(incoming);
    assert.equal(left.length, 1);
    await open();
    assert.deepEqual(readdirSync(incoming), left, 'it may be that of a process at work');
    age(join(incoming, left[0] ?? ''));
    await open();
    assert.deepEqual(readdirSync(incoming), []);
  }),
);

test(
  '[BL14] looks at no more than 1,000 of them at one start',
  withDirectory(async (_, { directory, open }) => {
    const incoming = join(directory, 'incoming');
    for (let index = 0; index < 1003; index += 1) {
      writeFileSync(join(incoming, `${index}`), '');
      age(join(incoming, `${index}`));
    }
    await open();
    assert.equal(readdirSync(incoming).length, 3);
    await open();
    assert.equal(readdirSync(incoming).length, 0);
  }),
);

/** As if nobody had written to it for a little more than an hour. */
function age(path: string): void {
  const then = statSync(path).mtimeMs / 1000 - 3700;
  utimesSync(path, then, then);
}

test(
  '[BL15] rejects when the disk fails, leaves nothing and leaves the source to the caller',
  withDirectory(async (blobs, { directory, held }) => {
    rmSync(join(directory, 'objects'), { recursive: true });
    writeFileSync(join(directory, 'objects'), 'a file where a folder should be');
    const source = streamOf(content(300_000));
    await assert.rejects(blobs.put('a/b', source, { bytes: 300_000, contentType: text }), { code: 'ENOTDIR' });
    await assert.rejects(blobs.write('a', content(3), text), { code: 'EEXIST' });
    assert.deepEqual(await held(), ['objects']);

    rmSync(join(directory, 'incoming'), { recursive: true });
    const unread = streamOf(content(300_000));
    await assert.rejects(blobs.put('a/b', unread, { bytes: 300_000, contentType: text }), { code: 'ENOENT' });
    unread.resume();
    await once(unread, 'end');
  }),
);

test(
  '[BL15] refuses to open a file that it did not write, and says of which object',
  withDirectory(async (blobs, { directory }) => {
    await put(blobs, 'a/b', content(300));
    const file = join(directory, 'objects/a/b@');
    const bytes = readFileSync(file);
    for (const other of [Buffer.alloc(0), bytes.subarray(0, 20), content(500)]) {
      writeFileSync(file, other);
      await assert.rejects(blobs.open('a/b'), /object a\/b/);
    }
    writeFileSync(file, bytes);
    await has(blobs, 'a/b', content(300));
  }),
);

test('[SO13] keeps files that other programs read as they are, where its rule says so', async () => {
  const there = directoryPlace();
  const { directory } = there;
  const blobs = await openDirectory(directory, systemIds(), plainFiles);
  const json = 'application/json';
  const key = 'connect/Alias/2026/c_20260131T12:00_UTC.json';
  await put(blobs, key, content(300_000, 'first'), json);
  assert.equal(await blobs.put(key, streamOf(content(9)), { bytes: 10, contentType: json }), 'wrong-size');
  await has(blobs, key, content(300_000, 'first'), json);
  await put(blobs, key, content(300_000), json);
  await blobs.write('connect/b.json', content(3), json);
  assert(readFileSync(join(directory, key)).equals(content(300_000)));
  await has(blobs, key, content(300_000), json);
  for (const absent of ['connect', 'connect/Alias', 'connect/a.json'])
    assert.equal(await blobs.open(absent), undefined);
  assert.deepEqual(await blobs.list('', 10), [key, 'connect/b.json']);
  assert.deepEqual(
    [await blobs.list('connect/b', 10), await blobs.list('', 10, key)],
    Array(2).fill(['connect/b.json']),
  );
  assert.deepEqual(readdirSync(join(directory, '.incoming')), []);
  await blobs.remove(key);
  await blobs.remove('connect/b.json');
  assert.deepEqual(readdirSync(directory), ['.incoming']);
  await there.remove();
});
