import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { check } from './check.ts';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import * as s from './shape.ts';

/** Values on their way out. */

const parts = { labels: {}, query: new URLSearchParams(), header: () => undefined };

function overTheWire(shape: s.Shape, value: unknown): Record<string, unknown> {
  return decode(shape, { ...parts, body: JSON.parse(JSON.stringify(encode(shape, value))) });
}

describe('encoding', () => {
  test('[SH10] writes times as epoch seconds, with what there is of milliseconds', () => {
    const shape = s.structure({ At: s.timestamp() });
    assert.equal(JSON.stringify(encode(shape, { At: 1_769_860_800_000 })), '{"At":1769860800}');
    assert.equal(JSON.stringify(encode(shape, { At: 1_769_860_800_123 })), '{"At":1769860800.123}');
    assert.equal(JSON.stringify(encode(shape, { At: 0 })), '{"At":0}');
    for (const at of [1, 999, 1_769_860_800_001, 1_769_860_800_999, 253_402_300_799_999]) {
      assert.deepEqual(overTheWire(shape, { At: at }), { At: at });
    }
  });

  test('[SH5] writes members that the shape has, and no null for those that are absent', () => {
    const inner = s.structure({ Text: s.string() });
    const shape = s.structure({ Text: s.string(), Inner: inner, List: s.list(inner), Map: s.map(s.string(), inner) });
    const value = {
      Text: undefined,
      Inner: { Text: 'x', secret: 1 },
      List: [{ other: 1 }],
      Map: { k: { Text: null } },
    };
    assert.equal(
      JSON.stringify(encode(shape, { ...value, Unknown: 1 })),
      '{"Inner":{"Text":"x"},"List":[{}],"Map":{"k":{}}}',
    );
    assert.equal(JSON.stringify(encode(shape, {})), '{}');
    assert.equal(encode(shape, undefined), undefined);
    assert.equal(encode(shape, null), undefined);
  });

  test('[SH5] keeps keys of maps that objects give a meaning to', () => {
    const shape = s.structure({ Map: s.map(s.string(), s.string()) });
    const value = {
      Map: Object.fromEntries([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    };
    assert.equal(JSON.stringify(encode(shape, value)), '{"Map":{"__proto__":"x","constructor":"y"}}');
  });
});

/** A shape together with values of it. */
interface Sample {
  readonly shape: s.Shape;
  readonly value: fc.Arbitrary<unknown>;
}

const text = fc.string({ unit: 'binary', maxLength: 12 }).map((each) => each.replaceAll('\0', ''));
const milliseconds = fc.integer({ min: 0, max: 253_402_300_799_999 });

const simple: Sample[] = [
  { shape: s.string(), value: text },
  { shape: s.enumeration(['ONE', 'TWO']), value: fc.constantFrom('ONE', 'TWO') },
  { shape: s.integer(), value: fc.maxSafeInteger().map((each) => each + 0) },
  { shape: s.long({ min: 0 }), value: fc.maxSafeNat() },
  { shape: s.float(), value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0) },
  { shape: s.boolean(), value: fc.boolean() },
  { shape: s.timestamp(), value: milliseconds },
];

const name = fc.string({ unit: fc.constantFrom(...'ABCabc'), minLength: 1, maxLength: 4 });

/** Shapes at random, a few levels deep. */
const { sample } = fc.letrec<{ sample: Sample; structure: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...simple),
    tie('sample').map(({ shape, value }) => ({ shape: s.list(shape), value: fc.array(value, { maxLength: 3 }) })),
    tie('sample').map(({ shape, value }) => ({
      shape: s.map(s.string(), shape),
      value: fc.array(fc.tuple(text, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
    })),
    tie('structure'),
  ),
  structure: fc
    .uniqueArray(fc.tuple(name, tie('sample'), fc.boolean()), { maxLength: 4, selector: ([each]) => each })
    .map((members) => ({
      shape: s.structure(
        Object.fromEntries(members.map(([each, { shape }, needed]) => [each, needed ? s.required(shape) : shape])),
      ),
      value: fc.record(Object.fromEntries(members.map(([each, { value }]) => [each, value])), {
        requiredKeys: members.flatMap(([each, , needed]) => (needed ? [each] : [])),
        noNullPrototype: true,
      }),
    })),
}));

describe('shapes', () => {
  test('[SH1, SH2] carry every value of every shape over the wire unchanged, and find nothing wrong with it', () => {
    const pair = sample.chain(({ shape, value }) => value.map((each) => ({ shape, value: each })));
    fc.assert(
      fc.property(pair, ({ shape, value }) => {
        const whole = s.structure({ Value: s.required(shape) });
        const read = overTheWire(whole, { Value: value });
        assert.deepEqual(read, { Value: value });
        assert.equal(check(whole, read), undefined);
      }),
      property(500),
    );
  });

  test('[SH2] answer any JSON with an input or a refusal, and never with a failure', () => {
    const pair = fc.tuple(sample, fc.jsonValue({ noUnicodeString: false }));
    fc.assert(
      fc.property(pair, ([{ shape }, value]) => {
        const whole = s.structure({ Value: s.required(shape) });
        try {
          check(whole, decode(whole, { ...parts, body: { Value: value } }));
        } catch (failure) {
          assert.equal((failure as Error).constructor.name, 'WrongType');
        }
      }),
      property(500),
    );
  });
});
