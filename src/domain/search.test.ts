import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chatAt } from '../../test/support/chat.ts';
import { property } from '../../test/support/property.ts';
import type { Chat } from './chat.ts';
import { type Condition, isFoundAlike, meets, term, termsFor, termsOf } from './search.ts';

const base = chatAt(5);

describe('terms of a contact', () => {
  it('[SR14] are its attributes, its segment attributes that are text, and its tags', () => {
    const chat: Chat = {
      ...base,
      attributes: { plan: 'gold', empty: '' },
      contact: {
        ...base.contact,
        segmentAttributes: { unit: { ValueString: 'sales' }, count: { ValueInteger: 5 } },
        tags: { team: 'red' },
      },
    };
    assert.deepEqual(termsOf(chat), [
      term('attribute', 'plan', 'gold'),
      term('attribute', 'empty', ''),
      term('segment', 'unit', 'sales'),
      term('tag', 'team', 'red'),
    ]);
  });

  it('[SR14] are at most a hundred of a kind, none longer than what can be asked for', () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`key${index}`, 'value']));
    const attributes = { long: 'x'.repeat(513), emoji: '😀'.repeat(256), ...many };
    const terms = termsOf({ ...base, attributes });
    assert.equal(terms.length, 100);
    assert.equal(terms[0], term('attribute', 'emoji', '😀'.repeat(256)));
  });
});

describe('a chat that changed', () => {
  const { contact } = base;
  const found: readonly [string, Chat][] = [
    ['its attributes', { ...base, attributes: { plan: 'gold' } }],
    ['its segment attributes', { ...base, contact: { ...contact, segmentAttributes: { a: { ValueString: 'b' } } } }],
    ['its tags', { ...base, contact: { ...contact, tags: { team: 'red' } } }],
    ['its tree', { ...base, contact: { ...contact, associationId: 'another' } }],
    ['its end', { ...base, end: { at: 9, reason: 'API' } }],
  ];
  for (const [what, after] of found) {
    it(`[SR4] is found by something else with ${what}`, () => assert.equal(isFoundAlike(base, after), false));
  }

  it('[SR4] is found alike with other participants, and another name', () => {
    const participant = { id: 'ann', role: 'CUSTOMER', displayName: 'Ann', createdAt: 5 } as const;
    const after = { ...base, participants: [participant], contact: { ...contact, name: 'A name', updatedAt: 9 } };
    assert.equal(isFoundAlike(base, after), true);
  });
});

describe('terms for a condition', () => {
  const has = (key: string, ...values: string[]): Condition => ({ has: 'attribute', key, values });
  const terms = (...pairs: [string, string][]) => pairs.map(([key, value]) => term('attribute', key, value));

  it('[SR4] are those of the rarest part where all must be met, and of every part where one is enough', () => {
    assert.deepEqual(termsFor({ all: [has('a', '1', '2'), has('b', '3')] }), terms(['b', '3']));
    assert.deepEqual(termsFor({ any: [has('a', '1', '1'), has('b', '3')] }), terms(['a', '1'], ['b', '3']));
    assert.deepEqual(termsFor({ any: [] }), [], 'nothing can be found');
  });

  it('[SR4] are none where a contact without any may meet it', () => {
    const name: Condition = { name: 'contains', text: 'x' };
    for (const condition of [{ all: [] }, has('a'), name, { none: [has('a', '1')] }, { any: [has('a', '1'), name] }]) {
      assert.equal(termsFor(condition as Condition), undefined);
    }
    assert.deepEqual(termsFor({ all: [name, has('a', '1')] }), terms(['a', '1']));
  });

  const key = fc.constantFrom('a', 'b');
  const value = fc.constantFrom('1', '2', '');
  const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 4 },
      fc.record({
        has: fc.constantFrom('attribute' as const, 'tag' as const),
        key,
        values: fc.array(value, { maxLength: 2 }),
      }),
      fc.record({ name: fc.constantFrom('contains' as const, 'is' as const), text: value }),
      fc.record({ time: fc.constant('initiated' as const), from: fc.nat(9), to: fc.nat(9) }),
      fc.record({ all: fc.array(tie('condition'), { maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('condition'), { maxLength: 3 }) }),
      fc.record({ none: fc.array(tie('condition'), { maxLength: 2 }) }),
    ),
  }));
  const chat = fc
    .record({ attributes: fc.dictionary(key, value), tags: fc.dictionary(key, value), name: fc.option(value) })
    .map(
      ({ attributes, tags, name }): Chat => ({
        ...base,
        attributes,
        contact: { ...base.contact, tags, name: name ?? undefined },
      }),
    );

  it('[SR4] never leave out a contact that meets it', () => {
    fc.assert(
      fc.property(chat, condition, (each, asked) => {
        const wanted = termsFor(asked);
        if (!wanted || !meets(each, asked)) return;
        const own = termsOf(each);
        assert(wanted.some((one) => own.includes(one)));
      }),
      property(2000),
    );
  });
});
