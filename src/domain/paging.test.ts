import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { type Range, rangeFrom, rangePast, type ScanDirection } from './paging.ts';

/** A page of these times, as a store reads it. */
function page(times: readonly number[], { after, before, newestFirst, limit }: Range): number[] {
  const within = times.filter((time) => time > (after ?? -1) && time < (before ?? Number.MAX_SAFE_INTEGER));
  return (newestFirst ? within.toReversed() : within).slice(0, limit);
}

test('[TR4] begins with the item at the start position, in both directions', () => {
  const times = [10, 11, 20, 30];
  assert.deepEqual(page(times, rangeFrom(11, 'FORWARD', 2)), [11, 20]);
  assert.deepEqual(page(times, rangeFrom(11, 'BACKWARD', 9)), [11, 10]);
  assert.deepEqual(page(times, rangeFrom(12, 'FORWARD', 1)), [20], 'a time between items begins at the next');
  assert.deepEqual(page(times, rangeFrom(12, 'BACKWARD', 1)), [11]);
  assert.deepEqual(page(times, rangeFrom(31, 'FORWARD', 9)), []);
  assert.deepEqual(page(times, rangeFrom(9, 'BACKWARD', 9)), []);
});

test('[TR4] begins at an end of the transcript without a start position', () => {
  assert.deepEqual(page([1, 2, 3], rangeFrom(undefined, 'FORWARD', 2)), [1, 2]);
  assert.deepEqual(page([1, 2, 3], rangeFrom(undefined, 'BACKWARD', 2)), [3, 2]);
});

test('[TR7] joins pages into the whole, each time once', () => {
  const set = fc
    .uniqueArray(fc.nat({ max: 50 }), { maxLength: 20 })
    .map((all) => all.sort((one, other) => one - other));
  const start = fc.option(fc.nat({ max: 50 }), { nil: undefined });
  fc.assert(
    fc.property(
      set,
      start,
      fc.constantFrom<ScanDirection>('FORWARD', 'BACKWARD'),
      fc.integer({ min: 1, max: 7 }),
      (times, from, way, limit) => {
        const read: number[] = [];
        for (let next = page(times, rangeFrom(from, way, limit)); next.length > 0; ) {
          read.push(...next);
          next = page(times, rangePast(next.at(-1) ?? 0, way, limit));
        }
        const wanted = times.filter((time) => from === undefined || (way === 'FORWARD' ? time >= from : time <= from));
        assert.deepEqual(read, way === 'FORWARD' ? wanted : wanted.reverse());
      },
    ),
    property(300),
  );
});
