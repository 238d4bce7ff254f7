import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterFailure, longestWait, maxRejections } from './outbox.ts';

const now = 1_769_860_800_000;
const hour = 60 * 60_000;

/** How long until the next attempt; undefined if there is none. */
function pauseAfter(attempts: number, share: number, isRejected = false): number | undefined {
  const verdict = afterFailure({ attempts, since: now, rejections: isRejected ? attempts : 0 }, now, share);
  return 'retryAt' in verdict ? verdict.retryAt - now : undefined;
}

describe('what is not known to have arrived', () => {
  const pauses = [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000);
  for (const [index, pause] of pauses.entries()) {
    test(`[OB3] is tried again between half of ${pause / 1000} s and one and a half after failure ${index + 1}`, () => {
      const attempts = index + 1;
      assert.equal(pauseAfter(attempts, 0), pause / 2);
      assert.equal(pauseAfter(attempts, 0.5), pause);
      assert.equal(pauseAfter(attempts, 1), pause * 1.5);
      for (let share = 0; share < 1; share += 0.01) {
        const waits = pauseAfter(attempts, share);
        assert(Number.isInteger(waits) && waits !== undefined && waits >= pause / 2 && waits <= pause * 1.5);
      }
    });
  }

  test('[OB3] is tried again within 90 s, however often it failed', () => {
    for (const attempts of [10, 31, 32, 100, 1100, 1e6, Number.MAX_SAFE_INTEGER]) {
      assert.deepEqual([pauseAfter(attempts, 0), pauseAfter(attempts, 1)], [30_000, 90_000]);
    }
  });

  test('[OB3] parks its lane once it has waited for 24 hours, and not before', () => {
    assert.equal(longestWait, 24 * hour);
    const after = (waited: number, attempts = 1500) =>
      afterFailure({ attempts, since: now - waited, rejections: 0 }, now, 0.5);
    assert.deepEqual(after(24 * hour - 1), { retryAt: now + 60_000 });
    for (const waited of [24 * hour, 24 * hour + 1, 1000 * hour]) assert.deepEqual(after(waited), { is: 'parked' });
    assert.deepEqual(after(24 * hour, 1), { is: 'parked' }, 'also at its first failure');
  });
});

describe('what a destination rejects', () => {
  test('[OB4] is tried eight times, with the same pauses, and then is dead', () => {
    assert.equal(maxRejections, 8);
    const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((attempts) => pauseAfter(attempts, 0.5, true));
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, undefined, undefined]);
    for (const attempts of [8, 9, 1000]) {
      assert.deepEqual(afterFailure({ attempts, since: now, rejections: attempts }, now, 0.5), { is: 'dead' });
    }
  });

  test('[OB4] is not given up for failures that were none of its own', () => {
    assert.deepEqual(afterFailure({ attempts: 60, since: now, rejections: 7 }, now, 0), { retryAt: now + 30_000 });
    assert.deepEqual(afterFailure({ attempts: 60, since: now, rejections: 8 }, now, 0), { is: 'dead' });
  });

  test('[OB4] does not park its lane, however long it has waited', () => {
    const since = now - 1000 * hour;
    assert.deepEqual(afterFailure({ attempts: 7, since, rejections: 7 }, now, 0), { retryAt: now + 30_000 });
    assert.deepEqual(afterFailure({ attempts: 8, since, rejections: 8 }, now, 0), { is: 'dead' });
  });
});
