import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesWildcard } from './wildcard.ts';

describe('wildcards', () => {
  it('[PO5] matches * as any text and ? as any one character', () => {
    const rows: [pattern: string, text: string, expected: boolean][] = [
      ['', '', true],
      ['', 'a', false],
      ['*', '', true],
      ['*', 'a:b/c', true],
      ['?', '', false],
      ['?', 'a', true],
      ['a*', 'ba', false],
      ['*a', 'aa', true],
      ['a?c', 'abc', true],
      ['a?c', 'ac', false],
      ['a*b*c', 'a--b--b--c', true],
      ['a*b*c', 'a--c--b', false],
      ['**a**', 'a', true],
      ['a.c', 'abc', false],
      ['A', 'a', false],
      [
        'arn:aws:connect:*:123456789012:instance/*/contact/*',
        'arn:aws:connect:r:123456789012:instance/i/contact/c',
        true,
      ],
      ['arn:aws:connect:*:123456789012:instance/*/contact/*', 'arn:aws:connect:r:123456789012:instance/i', false],
    ];
    for (const [pattern, text, expected] of rows) {
      assert.equal(matchesWildcard(pattern, text), expected, `${pattern} ~ ${text}`);
    }
  });

  it('[PO5] agrees with the plain recursive definition', () => {
    const recursive = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      if (pattern[0] === '*')
        return recursive(pattern.slice(1), text) || (text !== '' && recursive(pattern, text.slice(1)));
      return (
        text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && recursive(pattern.slice(1), text.slice(1))
      );
    };
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 9 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 9 });
    fc.assert(
      fc.property(pattern, text, (p, t) => assert.equal(matchesWildcard(p, t), recursive(p, t))),
      { numRuns: 5000, seed: 5 },
    );
  });

  it('[PO5] answers a pattern made to be slow in pattern times text steps', () => {
    // 2^1000 ways for a backtracking matcher: it would never end.
    assert.equal(matchesWildcard('*a'.repeat(1000), `${'a'.repeat(2000)}b`), false);
    assert.equal(matchesWildcard(`${'*a'.repeat(1000)}*b`, `${'a'.repeat(2000)}b`), true);
  });
});
