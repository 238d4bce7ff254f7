import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { property } from '../support/property.ts';
import { held } from './nodes.ts';

/** Seeds that are tried, in tests of their own so that a slow machine has time for each: about 15 s of CPU in all. */
const { seed: first, numRuns: seeds } = property(240);
const each = 30;

describe('several nodes', () => {
  const sums: Record<string, number> = {};

  for (let from = first; from < first + seeds; from += each) {
    const to = from + each - 1;
    test(`[SI1, SI2, SI3, SI4, SI5, SI6, SI7, SI10] keep what they promise from the seeds ${from} to ${to}`, async () => {
      for (let seed = from; seed <= to; seed += 1) {
        for (const [name, value] of Object.entries(await held(seed))) sums[name] = (sums[name] ?? 0) + value;
      }
    });
  }

  // What is not tried is not found.
  after(() => {
    for (const name of ['messages acknowledged', 'bots', 'parcels repeated', 'receipts', 'chats ended by time']) {
      assert.ok((sums[name] ?? 0) > seeds / 10, `${name}: ${sums[name]}`);
    }
  });
});
