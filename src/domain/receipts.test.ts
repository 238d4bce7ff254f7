import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { type Mark, type ReceiptKind, receiptsOf } from './receipts.ts';

const mark = (reader: string, kind: ReceiptKind, number: number, time: number): Mark => ({
  reader,
  kind,
  number,
  time,
});

test('[SE5] covers every message up to the mark, and none after it', () => {
  const marks = [mark('bob', 'delivered', 5, 100)];
  for (const number of [1, 4, 5]) {
    assert.deepEqual(receiptsOf(number, 'ann', marks), [{ reader: 'bob', deliveredAt: 100, readAt: undefined }]);
  }
  assert.deepEqual(receiptsOf(6, 'ann', marks), []);
  assert.deepEqual(receiptsOf(1, 'ann', []), []);
});

test('[SE5] gives a message the times of the first marks at or past it', () => {
  const marks = [
    mark('bob', 'delivered', 2, 100),
    mark('bob', 'delivered', 6, 200),
    mark('bob', 'read', 4, 300),
    mark('bob', 'read', 7, 400),
  ];
  const times = (number: number) => receiptsOf(number, 'ann', marks).map((each) => [each.deliveredAt, each.readAt])[0];
  assert.deepEqual(times(2), [100, 300]);
  assert.deepEqual(times(3), [200, 300]);
  assert.deepEqual(times(6), [200, 400]);
  assert.deepEqual(times(7), [400, 400]);
  assert.equal(times(8), undefined);
});

test('[SE5] sets both timestamps on reading, delivered at the earlier of the two', () => {
  assert.deepEqual(receiptsOf(1, 'ann', [mark('bob', 'read', 3, 50)]), [
    { reader: 'bob', deliveredAt: 50, readAt: 50 },
  ]);
  const late = [mark('bob', 'delivered', 3, 90), mark('bob', 'read', 3, 50)];
  assert.deepEqual(receiptsOf(3, 'ann', late), [{ reader: 'bob', deliveredAt: 50, readAt: 50 }]);
});

test('[SE5] keeps readers apart, and leaves the author out', () => {
  const marks = [mark('ann', 'read', 9, 1), mark('bob', 'read', 9, 2), mark('eve', 'delivered', 9, 3)];
  const readers = (author: string | undefined) => receiptsOf(9, author, marks).map(({ reader }) => reader);
  assert.deepEqual(readers('ann'), ['bob', 'eve']);
  assert.deepEqual(readers('bob'), ['ann', 'eve']);
  assert.deepEqual(readers(undefined), ['ann', 'bob', 'eve']);
});

test('[SE5] loses no receipt that it once gave, and changes none of its times, as marks move forward', () => {
  const step = fc.record({
    kind: fc.constantFrom<ReceiptKind>('delivered', 'read'),
    ahead: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.integer({ min: 1, max: 12 }), (steps, number) => {
      const reached = { delivered: 0, read: 0 };
      const marks: Mark[] = [];
      let before = receiptsOf(number, 'ann', marks)[0];
      for (const [index, { kind, ahead }] of steps.entries()) {
        reached[kind] += ahead;
        marks.push(mark('bob', kind, reached[kind], 100 + index));
        const now = receiptsOf(number, 'ann', marks)[0];
        assert.equal(now?.readAt !== undefined, reached.read >= number);
        assert.equal(now !== undefined, Math.max(reached.read, reached.delivered) >= number);
        if (before) assert.equal(now?.deliveredAt, before.deliveredAt);
        if (before?.readAt !== undefined) assert.equal(now?.readAt, before.readAt);
        assert((now?.deliveredAt ?? 0) <= (now?.readAt ?? Number.POSITIVE_INFINITY));
        before = now;
      }
    }),
    property(300),
  );
});
