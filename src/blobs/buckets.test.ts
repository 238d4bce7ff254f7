import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { content, has, put } from '../../test/contract/blobs-fixtures.ts';
import { directoryPlace } from '../../test/support/blob-places.ts';
import { region, startS3Server } from '../../test/support/s3-server.ts';
import { systemIds } from '../runtime/ids.ts';
import type { Blobs } from './blobs.ts';
import { type BucketRule, openBuckets } from './buckets.ts';

const server = await startS3Server();
after(() => server[Symbol.asyncDispose]());
const ids = systemIds();
const key = 'connect/Alias/ChatTranscripts/2026/01/31/c_20260131T12:00_UTC.json';

function bucketsOf(rules: readonly BucketRule[], blobs?: Blobs) {
  return openBuckets({ rules, blobs, s3: { region, endpoint: server.url }, ids });
}

test('[SO13] has a bucket that a rule names, and no other; the first rule that names it counts', async () => {
  const place = directoryPlace();
  const [one, other] = [join(place.directory, 'one'), join(place.directory, 'other')];
  await using buckets = bucketsOf([
    { pattern: 'acme-*-eu', place: { directory: one } },
    { pattern: 'acme-*', place: { directory: other } },
    { pattern: 'exact', place: { directory: other } },
  ]);
  for (const name of ['acme-x-eu', 'acme-x', 'acme-x-us', 'exact', 'acme-eu']) assert(buckets.has(name), name);
  for (const name of ['acme', 'exact-ly', 'inexact', 'xacme-y', '', 'acme-../x', 'acme-..x', 'acme-X', 'acme-']) {
    assert.equal(buckets.has(name), false, name);
    assert.equal(await buckets.of(name), undefined, name);
  }
  await put((await buckets.of('acme-x-eu')) as Blobs, key, content(9));
  await put((await buckets.of('acme-x')) as Blobs, key, content(9));
  assert.deepEqual([readdirSync(one), readdirSync(other)], [['acme-x-eu'], ['acme-x']]);
  await place.remove();
});

test('[SO13] takes a pattern with many stars for what it says, in no time', async () => {
  const place = { directory: '/nowhere' };
  await using buckets = bucketsOf([
    { pattern: `${'*a'.repeat(30)}*b`, place },
    { pattern: 'x*yy*y', place },
  ]);
  assert.equal(buckets.has('a'.repeat(63)), false);
  assert(buckets.has(`${'a'.repeat(62)}b`));
  assert.deepEqual(
    ['xyyy', 'xyy', 'xzyyzy', 'xyyyy'].map((each) => buckets.has(each)),
    [true, false, true, true],
  );
});

test('[SO13] keeps what two buckets have under one key apart, in the folders of a rule and in its own', async () => {
  const place = directoryPlace();
  await using blobs = await place.open();
  await using buckets = bucketsOf(
    [{ pattern: 'mapped-*', place: { directory: join(place.directory, 'mapped') } }],
    blobs,
  );
  const names = ['mapped-a', 'mapped-b', 'own-a', 'own-b'];
  for (const name of names) await put((await buckets.of(name)) as Blobs, key, content(20, name), 'application/json');
  for (const name of names) await has((await buckets.of(name)) as Blobs, key, content(20, name), 'application/json');
  assert.deepEqual(await blobs.list('', 10), [`buckets/own-a/${key}`, `buckets/own-b/${key}`]);
  const own = (await buckets.of('own-a')) as Blobs;
  await own.write('connect/b', content(1), 'text/plain');
  assert.deepEqual(await own.list('connect/', 10), [key, 'connect/b']);
  assert.deepEqual(await own.list('', 10, key), ['connect/b']);
  await own.remove(key);
  assert.equal(await own.open(key), undefined);
  await has((await buckets.of('own-b')) as Blobs, key, content(20, 'own-b'), 'application/json');
  for (const wrong of ['../own-b/x', '/x', '']) {
    await assert.rejects(own.open(wrong), RangeError);
    await assert.rejects(own.remove(wrong), RangeError);
  }
  await assert.rejects(own.list('../', 1), RangeError);
  await place.remove();
});

test('[SO13] uses an S3 bucket of the same name or of the one that the rule gives, below no prefix', async () => {
  const [same, target] = [await server.bucket(), await server.bucket()];
  await using buckets = bucketsOf([
    { pattern: 'alias-*', place: { s3: { bucket: target } } },
    { pattern: '*', place: { s3: { endpoint: server.url } } },
  ]);
  await put((await buckets.of('alias-1')) as Blobs, key, content(70_000, 'alias'));
  await put((await buckets.of(same)) as Blobs, key, content(70_000, 'same'));
  await has((await buckets.of('alias-1')) as Blobs, key, content(70_000, 'alias'));
  await has((await buckets.of(same)) as Blobs, key, content(70_000, 'same'));
  assert.deepEqual([await server.keys(same), await server.keys(target)], [[key], [key]]);
});

test('[SO13] opens a bucket once, and again if that failed', async () => {
  const place = directoryPlace();
  await (await place.open())[Symbol.asyncDispose]();
  const blocked = join(place.directory, 'blocked');
  writeFileSync(blocked, '');
  await using buckets = bucketsOf([
    { pattern: 'bad', place: { directory: blocked } },
    { pattern: 'good', place: { directory: join(place.directory, 'good') } },
  ]);
  const [one, other] = await Promise.all([buckets.of('good'), buckets.of('good')]);
  assert.equal(one, other);
  for (const _ of [1, 2]) await assert.rejects(buckets.of('bad'), { code: /ENOTDIR|EEXIST/ });
  await place.remove();
});
