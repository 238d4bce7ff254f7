import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { disposition, extensionOf, plainDisposition } from './file-name.ts';

test('[AM8] has an extension after its last dot, in lower case', () => {
  for (const [name, extension] of [
    ['a.pdf', 'pdf'],
    ['A.B.PDF', 'pdf'],
    ['.txt', 'txt'],
    ['pdf', ''],
    ['pdf.', ''],
    ['', ''],
    ['../a.b/c', 'b/c'],
  ]) {
    assert.equal(extensionOf(name ?? ''), extension, name);
  }
});

/** What a client of RFC 6266 reads: the name as it is, and the one for old clients. */
function readBack(header: string): { full: string; plain: string } {
  const [, plain, encoded] =
    /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w!#$&+.^`|~%-]*)$/.exec(header) ?? [];
  assert(plain !== undefined && encoded !== undefined, header);
  return { full: decodeURIComponent(encoded), plain };
}

for (const [name, full, plain] of [
  ['plain name.txt', 'plain name.txt', 'plain name.txt'],
  ['Übersicht 日本 😀.pdf', 'Übersicht 日本 😀.pdf', '_bersicht __ _.pdf'],
  ['a "quoted" \\ name.txt', 'a "quoted" _ name.txt', 'a _quoted_ _ name.txt'],
  ["it's (50%) * done.txt", "it's (50%) * done.txt", "it's (50_) * done.txt"],
  ['../../etc/passwd.txt', '.._.._etc_passwd.txt', '.._.._etc_passwd.txt'],
  ['C:\\Windows\\a.txt', 'C:_Windows_a.txt', 'C:_Windows_a.txt'],
  ['a\r\nSet-Cookie: b=c\u0000\u007f\u0085\u2028.txt', 'a__Set-Cookie: b=c____.txt', 'a__Set-Cookie: b=c____.txt'],
  ['a\u202efdp.exe.pdf', 'a_fdp.exe.pdf', 'a_fdp.exe.pdf'],
  ['😀'.repeat(252).concat('.pdf'), '😀'.repeat(252).concat('.pdf'), '_'.repeat(252).concat('.pdf')],
] as const) {
  test(`[AM21] is ${[...full].slice(0, 20).join('')} in the header of a download`, () => {
    assert.deepEqual(readBack(disposition(name)), { full, plain });
  });
}

test('[AM21] of any characters is a header that Node sends and a client reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }), (name) => {
      const header = disposition(name);
      assert.doesNotThrow(() => new Headers({ 'content-disposition': header }));
      const { full, plain } = readBack(header);
      assert.equal([...full].length, [...name].length);
      assert.equal([...plain].length, [...name].length);
      assert.doesNotMatch(full, /[/\\\p{Cc}\u202a-\u202e]/u);
    }),
    property(500),
  );
});

test('[AM1] is its last part in the header of an upload, in ASCII and of a bounded length', () => {
  assert.equal(plainDisposition('é.txt', 256), 'attachment; filename="_.txt"');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }), (name) => {
      const header = plainDisposition(`${name}.pdf`, 256);
      assert(header.length <= 256);
      assert.match(header, /^attachment; filename="[ -~]*\.pdf"$/);
    }),
    property(200),
  );
});
