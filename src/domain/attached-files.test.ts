import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultFileLimits, fileProblem, isSameType } from './attached-files.ts';

const file = { name: 'a.pdf', contentType: 'application/pdf', bytes: 1 };
const problem = (more: Partial<typeof file>, limits = defaultFileLimits) => fileProblem({ ...file, ...more }, limits);

test('[AM8] takes what is within the limits', () => {
  assert.equal(problem({}), undefined);
  assert.equal(problem({ bytes: 20_971_520 }), undefined);
  for (const extension of defaultFileLimits.extensions) {
    assert.equal(problem({ name: `a.${extension}` }), undefined);
    assert.equal(problem({ name: `A.${extension.toUpperCase()}` }), undefined);
  }
  for (const contentType of ['image/svg+xml', 'a/b', 'text/plain; charset=utf-8', 'text/plain;charset="a b"']) {
    assert.equal(problem({ contentType }), undefined, contentType);
  }
});

test('[AM8] names the limit of what is not', () => {
  assert.match(
    problem({ bytes: 20_971_521 }) ?? '',
    /is 20971521; .* may have 20971520 bytes \(MaximumSizeLimitInBytes/,
  );
  assert.match(
    problem({ name: 'a.exe' }) ?? '',
    /ends in \.exe; this instance takes \.csv, \.doc, .*AllowedExtensions/,
  );
  for (const name of ['pdf', 'a.', 'a.pdf/', 'a.pdf ', 'a.pdf\u202e', 'a.é', `a.${'p'.repeat(11)}`]) {
    assert.match(problem({ name }) ?? '', /has no extension that can be allowed|ends in \.é/, name);
  }
  assert.match(problem({}, { maximumBytes: 1, extensions: [] }) ?? '', /ends in \.pdf; this instance takes no files/);
  for (const contentType of [
    'pdf',
    'a/',
    '/b',
    'a/b/c',
    'a/b;',
    ' a/b',
    'a/b ',
    'é/b',
    'a/b\r\nc: d',
    'a b/c',
    'a/b; é',
  ]) {
    assert.match(problem({ contentType }) ?? '', /ContentType must be a media type/, contentType);
  }
});

test('[AM3] tells content types apart by more than case and blanks', () => {
  for (const [one, other, isSame] of [
    ['image/png', 'IMAGE/PNG', true],
    ['text/plain;charset=utf-8', 'text/plain ; charset=UTF-8', true],
    ['text/plain', 'text/plain; charset=utf-8', false],
    ['image/png', 'image/jpeg', false],
  ] as const) {
    assert.equal(isSameType(one, other), isSame, `${one} and ${other}`);
  }
});
