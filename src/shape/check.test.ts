import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { check, codePoints } from './check.ts';
import { decode, parseBody, WrongType } from './decode.ts';
import * as s from './shape.ts';

/** The validation chapter: constraints, in AWS's sentence. */

function decoded(shape: s.Shape, body: unknown): Record<string, unknown> {
  return decode(shape, { body, labels: {}, query: new URLSearchParams(), header: () => undefined });
}

/** The refusal of a structure with this one member. */
function problem(shape: s.Shape | s.Member, value: unknown): string | undefined {
  const whole = s.structure({ Member: shape });
  return check(whole, decoded(whole, { Member: value }));
}

const one = (path: string, must: string) =>
  `1 validation error detected: Value at '${path}' failed to satisfy constraint: Member must ${must}`;

describe('validation: sentences', () => {
  test('[SH3] says what each kind of constraint asks for', () => {
    const cases: [shape: s.Shape | s.Member, wrong: unknown, right: unknown, must: string][] = [
      [s.required(s.string()), undefined, 'x', 'not be null'],
      [s.string({ min: 1, max: 3 }), '', 'x', 'have length between 1 and 3, inclusive'],
      [s.string({ min: 1, max: 3 }), 'xxxx', 'xxx', 'have length between 1 and 3, inclusive'],
      [s.string({ min: 2 }), 'x', 'xx', 'have length greater than or equal to 2'],
      [s.string({ max: 2 }), 'xxx', '', 'have length less than or equal to 2'],
      [s.string({ max: 0 }), 'x', '', 'have length less than or equal to 0'],
      [s.string({ pattern: /^[a-z]+$/ }), 'X', 'x', 'satisfy regular expression pattern: ^[a-z]+$'],
      [s.enumeration(['ONE', 'TWO']), 'one', 'TWO', 'satisfy enum value set: [ONE, TWO]'],
      [s.integer({ min: 1, max: 3 }), 4, 3, 'be between 1 and 3, inclusive'],
      [s.integer({ min: 1, max: 3 }), 0, 1, 'be between 1 and 3, inclusive'],
      [s.long({ min: 1 }), 0, 1, 'be greater than or equal to 1'],
      [s.integer({ min: 0 }), -1, -0, 'be greater than or equal to 0'],
      [s.float({ max: 1.5 }), 1.6, 1.5, 'be less than or equal to 1.5'],
      [s.list(s.string(), { min: 1, max: 2 }), [], ['x'], 'have length between 1 and 2, inclusive'],
      [s.list(s.string(), { max: 1 }), ['x', 'y'], [], 'have length less than or equal to 1'],
      [s.map(s.string(), s.string(), { min: 1 }), {}, { x: '' }, 'have length greater than or equal to 1'],
    ];
    for (const [shape, wrong, right, must] of cases) {
      assert.equal(problem(shape, wrong), one('/Member', must));
      assert.equal(problem(shape, right), undefined, `${JSON.stringify(right)} is all right`);
    }
  });

  test('[SH3] counts all errors, and names the path of each, the first ten of them', () => {
    const shape = s.structure({
      First: s.required(s.string()),
      List: s.list(s.string({ min: 1 })),
      Map: s.map(s.string({ max: 3 }), s.structure({ Inner: s.required(s.integer({ max: 9 })) })),
      Last: s.enumeration(['A']),
    });
    const input = decoded(shape, { List: ['x', '', ''], Map: { ok: { Inner: 10 }, long1: {} }, Last: 'B' });
    const at = (path: string, must: string) => `Value at '${path}' failed to satisfy constraint: Member must ${must}`;
    assert.equal(
      check(shape, input),
      `7 validation errors detected: ${[
        at('/First', 'not be null'),
        at('/List/1', 'have length greater than or equal to 1'),
        at('/List/2', 'have length greater than or equal to 1'),
        at('/Map/ok/Inner', 'be less than or equal to 9'),
        at('/Map (key)', 'have length less than or equal to 3'),
        at('/Map/long1/Inner', 'not be null'),
        at('/Last', 'satisfy enum value set: [A]'),
      ].join('; ')}`,
    );
    const many = check(shape, decoded(shape, { First: '', List: Array(300_000).fill('') })) ?? '';
    assert.match(many, /^300000 validation errors detected: /);
    assert.equal(many.split('; ').length, 10);
    assert(many.length < 1500);
  });

  test('[SH3] names several errors of one value', () => {
    const shape = s.string({ min: 3, pattern: /^[a-z]*$/ });
    assert.match(problem(shape, 'X') ?? '', /^2 validation errors detected: .*length.*; .*pattern: \^\[a-z\]\*\$$/);
  });

  test('[SH4] finds errors of type before any constraint is looked at', () => {
    const shape = s.structure({ Missing: s.required(s.string()), Short: s.string({ min: 5 }), Last: s.integer() });
    assert.throws(() => decoded(shape, { Short: 'x', Last: 'x' }), WrongType);
    assert.match(check(shape, decoded(shape, { Short: 'x', Last: 1 })) ?? '', /^2 validation errors/);
  });

  test('[SH5] does not hold null against a member that may be absent, and counts one that is required as missing', () => {
    assert.equal(problem(s.string({ min: 1 }), null), undefined);
    assert.equal(problem(s.required(s.string()), null), one('/Member', 'not be null'));
  });

  test('[SH9] repeats no value in a refusal, and shortens long keys of maps', () => {
    const secret = fc.string({ minLength: 8, maxLength: 40, unit: fc.constantFrom(...'ABCDEFGHJKQXZ0123456789') });
    const shapes = [
      s.string({ max: 5, sensitive: true }),
      s.string({ min: 50, pattern: /^$/ }),
      s.enumeration(['none of them']),
      s.list(s.string({ max: 1 })),
      s.map(s.string(), s.string({ max: 1 })),
    ];
    fc.assert(
      fc.property(secret, fc.constantFrom(...shapes), (value, shape) => {
        const given = shape.kind === 'list' ? [value] : shape.kind === 'map' ? { key: value } : value;
        const said = problem(shape, given);
        assert(said && !said.includes(value));
      }),
      property(200),
    );
    const long = check(s.structure({ Map: s.map(s.string({ max: 5 }), s.string({ max: 0 })) }), {
      Map: { [`${'😀'.repeat(10_000)}`]: 'x' },
    });
    assert(long && long.length < 400 && long.isWellFormed());
  });
});

describe('validation: strings', () => {
  test('[SH1] counts lengths in Unicode code points', () => {
    const name = s.string({ min: 1, max: 256 });
    for (const character of ['x', 'é', '\uffff', '😀', '\u{10ffff}']) {
      assert.equal(problem(name, character.repeat(256)), undefined);
      assert.equal(problem(name, character.repeat(257)), one('/Member', 'have length between 1 and 256, inclusive'));
    }
    // A family of four is one picture, and seven code points.
    assert.equal(codePoints('👨‍👩‍👧‍👦'), 7);
    assert.equal(problem(s.string({ max: 6 }), '👨‍👩‍👧‍👦'), one('/Member', 'have length less than or equal to 6'));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        assert.equal(codePoints(text), [...text].length);
      }),
      property(300),
    );
  });

  test('[SH6] refuses U+0000 and unpaired surrogates in any string, whether it has other constraints or not', () => {
    const sentence = one('/Member', 'be text without U+0000 and without unpaired surrogates');
    const broken = ['\0', 'a\0b', '\ud800', 'a\udfff', '\udc00\ud800', '😀\ud83d', '\ud83d😀'];
    for (const text of broken) {
      assert.equal(problem(s.string(), text), sentence);
      assert.equal(problem(s.string({ min: 1, max: 1, pattern: /x/ }), text), sentence);
      assert.equal(problem(s.enumeration(['A']), text), sentence);
      assert.equal(problem(s.list(s.string()), [text]), sentence.replace('/Member', '/Member/0'));
      assert.equal(problem(s.map(s.string(), s.string()), { x: text }), sentence.replace('/Member', '/Member/x'));
      assert.equal(
        problem(s.map(s.string(), s.string()), { [text]: 'x' }),
        sentence.replace('/Member', '/Member (key)'),
      );
    }
    // As it comes: JSON can spell what UTF-8 cannot.
    const escaped = parseBody(Buffer.from('{"Member":"\\ud83d and \\u0000"}')) as { Member: string };
    assert.equal(problem(s.string(), escaped.Member), sentence);
    for (const text of ['😀', '\u0001', '\uffff', '\ufffd', '\u{10ffff}', ''])
      assert.equal(problem(s.string(), text), undefined);
  });

  test('[SH1] compares enum values exactly', () => {
    const shape = s.enumeration(['ONE', 'TWO']);
    for (const value of ['one', 'ONE ', '', 'ONETWO', 'ONE, TWO']) assert(problem(shape, value), value);
  });
});

describe('validation: structures', () => {
  test('[SH3] asks for required labels and headers like for members of the body', () => {
    const shape = s.structure({ Id: s.label(s.string()), Token: s.required(s.header('x-token', s.string())) });
    const said = check(shape, decoded(shape, {})) ?? '';
    assert.match(
      said,
      /^2 validation errors detected: Value at '\/Id' .* not be null; Value at '\/Token' .* not be null$/,
    );
  });

  test('[SH3] looks into what is there, not into what is absent', () => {
    const inner = s.structure({ Needed: s.required(s.string()) });
    assert.equal(problem(inner, undefined), undefined);
    assert.equal(problem(inner, {}), one('/Member/Needed', 'not be null'));
    assert.equal(problem(s.list(inner), [{ Needed: 'x' }, {}]), one('/Member/1/Needed', 'not be null'));
  });
});
