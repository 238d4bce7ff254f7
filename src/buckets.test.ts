import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketRules } from './buckets.ts';
import { ConfigError } from './config.ts';

test('[SO12] reads what stands for which bucket, in the order of the file', () => {
  const endpoint = 'https://store.example.com';
  assert.deepEqual(
    bucketRules([
      { bucket: 'acme-*', directory: '/srv/acme' },
      { bucket: 'plain', s3: {} },
      { bucket: '*', s3: { bucket: 'one-for-all', region: 'eu-central-1', endpoint } },
    ]),
    [
      { pattern: 'acme-*', place: { directory: '/srv/acme' } },
      { pattern: 'plain', place: { s3: { bucket: undefined, region: undefined, endpoint: undefined } } },
      { pattern: '*', place: { s3: { bucket: 'one-for-all', region: 'eu-central-1', endpoint } } },
    ],
  );
  assert.deepEqual(bucketRules([]), []);
});

const one =
  '{"bucket": a name, perhaps with *, "directory": a path} or {"bucket": …, "s3": {"bucket", "region", "endpoint"}}';

for (const [given, line] of [
  [[null], `buckets[0] is null; allowed: ${one}`],
  [['acme'], `buckets[0] is "acme"; allowed: ${one}`],
  [[[]], `buckets[0] is []; allowed: ${one}`],
  [[{ bucket: 'a', dir: '/a' }], 'buckets[0].dir is not known; allowed are bucket, directory, s3'],
  [[{ directory: '/a' }], 'buckets[0].bucket is missing; allowed: 1 to 63 of a-z 0-9 . - and *'],
  [[{ bucket: 'Acme', s3: {} }], 'buckets[0].bucket is "Acme"; allowed: 1 to 63 of a-z 0-9 . - and *'],
  [[{ bucket: 'a'.repeat(64), s3: {} }], /^buckets\[0\]\.bucket is "a+"; allowed: 1 to 63 of/],
  [[{ bucket: 'a' }], 'buckets[0] has neither directory nor s3; allowed: one of them'],
  [[{ bucket: 'a', directory: '/a', s3: {} }], 'buckets[0] has both directory and s3; allowed: one of them'],
  [[{ bucket: 'a', directory: 'a' }], 'buckets[0].directory is "a"; allowed: an absolute path'],
  [[{ bucket: 'a', directory: 5 }], 'buckets[0].directory is 5; allowed: an absolute path'],
  [
    [
      { bucket: 'a', s3: {} },
      { bucket: 'a', s3: 'b' },
    ],
    'buckets[1].s3 is "b"; allowed: {"bucket", "region", "endpoint"}',
  ],
  [[{ bucket: 'a', s3: { name: 'b' } }], 'buckets[0].s3.name is not known; allowed are bucket, region, endpoint'],
  [[{ bucket: 'a', s3: { bucket: 'B' } }], 'buckets[0].s3.bucket is "B"; allowed: the name of an S3 bucket'],
  [[{ bucket: 'a', s3: { region: '' } }], 'buckets[0].s3.region is ""; allowed: a Region such as eu-central-1'],
  [
    [{ bucket: 'a', s3: { endpoint: 'https://me:hunter2@example.com' } }],
    'buckets[0].s3.endpoint is "https://(not shown)@example.com"; allowed: an http or https URL without user and password',
  ],
  [
    [{ bucket: 'a', s3: { endpoint: 'https://me:hunt/er2@s3.example.com' } }],
    'buckets[0].s3.endpoint is "https://(not shown)@s3.example.com"; allowed: an http or https URL without user and password',
  ],
  [[{ bucket: 'a', s3: { endpoint: 'ftp://x' } }], /^buckets\[0\]\.s3\.endpoint is "ftp:\/\/x"; allowed: an http/],
  [Array(101).fill({ bucket: 'a', s3: {} }), 'buckets has 101 members; allowed: 100, each a pattern for many buckets'],
] as const) {
  test(`[SO12, CF3] refuses in one line: ${line}`, () => {
    assert.throws(
      () => bucketRules(given),
      (failure) => {
        assert(failure instanceof ConfigError);
        if (typeof line === 'string') assert.equal(failure.message, line);
        else assert.match(failure.message, line);
        return true;
      },
    );
  });
}
