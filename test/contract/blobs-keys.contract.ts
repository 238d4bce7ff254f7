import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Blobs } from '../../src/blobs/blobs.ts';
import type { Place, WithBlobs } from './blobs.contract.ts';
import { content, has, put, streamOf, text } from './blobs-fixtures.ts';

/** What may be a key, and how objects are found and removed by it. */
export function keyRules(withBlobs: WithBlobs): void {
  test('[BL7] takes every key of its alphabet up to its length', withBlobs(allowed));
  test('[BL7] refuses whatever is no key and touches nothing', withBlobs(refused));
  test(
    '[BL7] refuses a content type that would not come back as it was, and a number of bytes that is none',
    withBlobs(unfit),
  );
  test('[BL8] has no object that was removed; removing what is absent is fine', withBlobs(removed));
  test('[BL8] loses no object to the removal of its neighbours at the same time', withBlobs(removedBeside));
  test(
    '[BL9] lists the keys after one that begin with something, a page at a time in the order of their bytes',
    withBlobs(listed),
  );
  test('[BL9] refuses to list above its folder, or more than a page', withBlobs(listRefused));
}

/** As Amazon names a transcript. */
const transcript =
  'connect/My-Alias/ChatTranscripts/2026/01/31/00000000-0000-4000-8000-000000000000_20260131T12:00_UTC.json';
const deepest = `${'a/'.repeat(90)}${'b'.repeat(20)}`;

async function allowed(blobs: Blobs): Promise<void> {
  const keys = [
    '0',
    '_',
    '-',
    'a/b/c',
    'a.b',
    'a.',
    '-/_',
    'x_y-z.0/file.txt',
    'c'.repeat(200),
    deepest,
    transcript,
    'A:b',
    `${'d'.repeat(199)}/${'E'.repeat(200)}`,
  ];
  for (const key of keys) await put(blobs, key, content(3, key));
  for (const key of keys) await has(blobs, key, content(3, key));
  assert.deepEqual(await blobs.list('', 1000), keys.toSorted());
}

const notKeys = [
  '',
  '.',
  '..',
  '../up',
  'a/../b',
  'a/..',
  'a..b',
  './a',
  'a/./b',
  '.hidden',
  'a/.hidden',
  '/etc/passwd',
  'a/',
  'a//b',
  'a\\b',
  '..\\up',
  'a b',
  'a\n',
  'a\0b',
  ':a',
  'a/:',
  'a@',
  'a%2e%2e',
  '%2e%2e/up',
  'é',
  'a\u202eb',
  'a*',
  'a=b',
  'x'.repeat(201),
  `${'x'.repeat(200)}/${'y'.repeat(200)}`,
];

async function refused(blobs: Blobs, place: Place): Promise<void> {
  for (const key of notKeys) {
    const source = streamOf(content(3));
    await assert.rejects(blobs.put(key, source, { bytes: 3, contentType: text }), RangeError, key);
    assert.equal(source.readableDidRead, false);
    await assert.rejects(blobs.write(key, content(3), text), RangeError, key);
    await assert.rejects(blobs.open(key), RangeError, key);
    await assert.rejects(blobs.remove(key), RangeError, key);
  }
  assert.deepEqual(await place.held(), []);
}

async function unfit(blobs: Blobs, place: Place): Promise<void> {
  for (const contentType of [
    '',
    ' text/plain',
    'text/plain ',
    'text/plain\r\nx: y',
    'text/é',
    'x\0',
    'x'.repeat(256),
  ]) {
    await assert.rejects(blobs.put('a', streamOf(content(3)), { bytes: 3, contentType }), RangeError, contentType);
    await assert.rejects(blobs.write('a', content(3), contentType), RangeError, contentType);
  }
  for (const bytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(blobs.put('a', streamOf(content(3)), { bytes, contentType: text }), RangeError, `${bytes}`);
  }
  assert.deepEqual(await place.held(), []);
  const longest = `application/${'x'.repeat(243)}`;
  await blobs.write('a', content(3), longest);
  await has(blobs, 'a', content(3), longest);
}

async function removed(blobs: Blobs, place: Place): Promise<void> {
  const keys = ['a', 'a/b', 'a/b/c', 'd/e/f', deepest];
  for (const key of keys) await put(blobs, key, content(10, key));
  for (const key of ['absent', 'a/absent', 'absent/absent', 'd', 'd/e']) await blobs.remove(key);
  for (const [index, key] of keys.entries()) {
    await blobs.remove(key);
    await blobs.remove(key);
    assert.equal(await blobs.open(key), undefined);
    for (const other of keys.slice(index + 1)) await has(blobs, other, content(10, other));
  }
  assert.deepEqual(await place.held(), []);
  await put(blobs, 'a/b', content(10, 'again'));
  await has(blobs, 'a/b', content(10, 'again'));
}

async function removedBeside(blobs: Blobs): Promise<void> {
  const rounds = 40;
  for (let round = 1; round <= rounds; round += 1) {
    await blobs.write('deep/er/goes', content(1), text);
    await Promise.all([blobs.remove('deep/er/goes'), blobs.write('deep/er/stays', content(9, `${round}`), text)]);
    await has(blobs, 'deep/er/stays', content(9, `${round}`));
    await blobs.remove('deep/er/stays');
  }
}

const some = [
  'A/b',
  'B',
  'a',
  'a:b',
  'a-b',
  'a.b',
  'a/b',
  'a/b-c',
  'a/b/c',
  'a/b/d/e',
  'a/c',
  'a0',
  'a_b',
  'ab',
  'ab/c',
  'b',
  'b/a/a',
  'c/a',
];

async function listed(blobs: Blobs): Promise<void> {
  assert.deepEqual(await blobs.list('', 10), []);
  for (const key of some.toReversed()) await blobs.write(key, content(1), text);
  const sorted = some.toSorted();
  const prefixes = ['', 'a', 'a/', 'a/b', 'a/b/', 'a/b/d/', 'a/b/d/e', 'ab', 'b/a', 'c', 'd', 'a/x/', 'a/b/c/d'];
  for (const prefix of prefixes) {
    const within = sorted.filter((key) => key.startsWith(prefix));
    for (const limit of [1, 2, 5, within.length, 1000].filter((each) => each > 0)) {
      const pages: string[] = [];
      for (let page = await blobs.list(prefix, limit); ; page = await blobs.list(prefix, limit, page.at(-1))) {
        pages.push(...page);
        assert(page.length <= limit);
        if (page.length < limit) break;
      }
      assert.deepEqual(pages, within, `${limit} at a time that begin with ${prefix}`);
    }
    for (const after of ['0', 'a', 'a/a', 'a/b', 'a/b/c', 'a/b/cc', 'a/z', 'ab', 'b/a', 'b/a/a/a', 'c/a', 'z']) {
      const found = await blobs.list(prefix, 1000, after);
      assert.deepEqual(
        found,
        within.filter((key) => key > after),
        `after ${after}, that begin with ${prefix}`,
      );
    }
  }
}

async function listRefused(blobs: Blobs): Promise<void> {
  await blobs.write('a/b', content(1), text);
  for (const prefix of ['../', '..', '/', 'a//', 'a/../', './', 'a=', 'a@', 'x'.repeat(201)]) {
    await assert.rejects(blobs.list(prefix, 10), RangeError, prefix);
  }
  for (const after of ['../a', 'a/', '/']) await assert.rejects(blobs.list('', 10, after), RangeError, after);
  for (const limit of [0, -1, 1.5, 1001, Number.NaN])
    await assert.rejects(blobs.list('', limit), RangeError, `${limit}`);
}
