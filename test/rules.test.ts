import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { codeOf, projectFile, type SourceFile, sourceFiles } from './support/source.ts';

/** SPEC.md held against the titles of all tests. */

/** A rule's name, in two parts so that this file quotes none. */
const name = '[A-Z]{2}\\d+';
const ruleLine = new RegExp(`^- (${name}) `, 'gm');
/** A text that begins with names of rules in brackets: the title of a test, or of a row that becomes one. */
const quote = new RegExp(`(['"\`])\\[(${name}(?:, ?${name})*)\\] `, 'g');
/** A test by its title; titles that are made of parts are not compared. */
const title = /\b(?:test|it)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

interface Verdict {
  /** Rules that no test quotes. */
  readonly unquoted: string[];
  /** Quotes without a rule, with their file. */
  readonly unknown: string[];
  /** Titles that stand twice in a file. */
  readonly repeated: string[];
  /** Rules that are numbered twice. */
  readonly doubled: string[];
}

function hold(spec: string, given: readonly SourceFile[]): Verdict {
  const files = given.map(({ path, text }) => ({ path, text: codeOf(text, 'with strings') }));
  const rules = [...spec.matchAll(ruleLine)].map(([, rule = '']) => rule);
  const quotes = files.flatMap(({ path, text }) =>
    [...text.matchAll(quote)].flatMap(([, , names = '']) => names.split(/, ?/).map((rule) => ({ path, rule }))),
  );
  const quoted = new Set(quotes.map(({ rule }) => rule));
  const unknown = quotes.filter(({ rule }) => !rules.includes(rule)).map(({ path, rule }) => `${path}: [${rule}]`);
  return {
    unquoted: rules.filter((rule) => !quoted.has(rule)),
    unknown: [...new Set(unknown)],
    repeated: files.flatMap(({ path, text }) => {
      const titles = [...text.matchAll(title)].map(([, , each = '']) => each).filter((each) => !each.includes('${'));
      return twice(titles).map((each) => `${path}: ${each}`);
    }),
    doubled: twice(rules),
  };
}

function twice(of: readonly string[]): string[] {
  return [...new Set(of.filter((each, index) => of.indexOf(each) !== index))];
}

const tests = [...sourceFiles('src').filter(({ path }) => path.endsWith('.test.ts')), ...sourceFiles('test')];
const verdict = hold(projectFile('SPEC.md'), tests);

describe('rules', () => {
  test('[AR4] are each quoted by a test', () => {
    assert.equal(verdict.unquoted.length, 0, `no test quotes ${verdict.unquoted.join(', ')}`);
  });

  test('[AR4] are each there that a test quotes', () => {
    assert.equal(verdict.unknown.length, 0, `SPEC.md has no such rules:\n${verdict.unknown.join('\n')}`);
  });

  test('[AR4] have a number of their own', () => {
    assert.deepEqual(verdict.doubled, []);
  });

  test('[AR4] are told apart by titles: none stands twice in one file', () => {
    assert.equal(verdict.repeated.length, 0, `titles that stand twice:\n${verdict.repeated.join('\n')}`);
  });

  test('[AR4] are found missing, unknown and repeated where they are', () => {
    const spec = '## XX Chapter\n\n- XX1 One.\n- XX2 Two, like XX9.\n- XX3 Three.\n- XX3 Again.\n  - YY1 no rule\n';
    // Written so that this file itself has no such titles.
    const written = (text: string) =>
      text
        .replaceAll('<', '[')
        .replaceAll('>', ']')
        .replaceAll('TEST(', 'test(')
        .replaceAll('$made', '${'.concat('made}'));
    const text = [
      "TEST('<XX1> does one thing', () => {});",
      "TEST('<XX2, ZZ1> does two', () => {});",
      "TEST(\n  '<XX1> does one thing',\n  run,\n);",
      "const rows = { a: '<XX7> a row' };",
      'TEST(`<XX1> $made of parts`, run); TEST(`<XX1> $made of parts`, run);',
      "const list = '<XX5>, no title'; // '<XX6> a comment'",
    ].join('\n');
    assert.deepEqual(hold(spec, [{ path: 'a.test.ts', text: written(text) }]), {
      unquoted: ['XX3', 'XX3'],
      unknown: ['a.test.ts: [ZZ1]', 'a.test.ts: [XX7]'],
      repeated: ['a.test.ts: [XX1] does one thing'],
      doubled: ['XX3'],
    });
  });
});
