import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { awsQuotas, type Bucket, type Rate, sharedBucket, take, unlimited } from './quota.ts';

const start = 1_769_860_800_000;

/** Calls at these times, in order: when each was allowed, and how long each of the others is told to wait. */
function calls(rate: Rate, times: readonly number[]): { allowed: number[]; waits: number[] } {
  let bucket: Bucket | undefined;
  const allowed: number[] = [];
  const waits: number[] = [];
  for (const time of times) {
    const taken = take(bucket, time, rate);
    bucket = taken.bucket;
    if (taken.waitMs === 0) allowed.push(time);
    else waits.push(taken.waitMs);
  }
  return { allowed, waits };
}

const anyRate = fc.record({
  rate: fc.oneof(fc.constantFrom(0.5, 2, 3, 5, 7, 10), fc.double({ min: 0.01, max: 1000, noNaN: true })),
  burst: fc.integer({ min: 1, max: 50 }),
});
const anyTimes = fc
  .array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 60 })
  .map((offsets) => offsets.sort((one, other) => one - other).map((each) => start + each));

describe('a bucket', () => {
  test('[QU2] gives its burst at once, and then its rate', () => {
    const rate = { rate: 2, burst: 3 };
    const { allowed, waits } = calls(
      rate,
      [0, 0, 0, 0, 499, 500, 500, 1000, 1499].map((each) => start + each),
    );
    assert.deepEqual(
      allowed.map((each) => each - start),
      [0, 0, 0, 500, 1000],
    );
    assert.deepEqual(waits, [500, 1, 500, 1]);
  });

  test('[QU2] never holds more than its burst, however long nobody called', () => {
    const day = start + 86_400_000;
    assert.equal(calls({ rate: 5, burst: 8 }, [start, ...Array<number>(20).fill(day)]).allowed.length, 9);
  });

  test('[QU2] gives nothing for a clock that goes back, and takes nothing', () => {
    const rate = { rate: 1, burst: 2 };
    const { allowed } = calls(rate, [start, start, start - 60_000, start - 59_000, start - 59_000]);
    assert.deepEqual(allowed, [start, start, start - 59_000]);
  });

  test('[QU2] allows in any time its burst and its rate at most', () => {
    fc.assert(
      fc.property(anyRate, anyTimes, (rate, times) => {
        const { allowed } = calls(rate, times);
        for (const [index, from] of allowed.entries()) {
          for (const [more, to] of allowed.slice(index).entries()) {
            assert(more + 1 <= rate.burst + ((to - from) * rate.rate) / 1000 + 1e-6);
          }
        }
      }),
      property(300),
    );
  });

  test('[QU3] says how long to wait: after that there is one, and a millisecond earlier there is none', () => {
    fc.assert(
      fc.property(anyRate, anyTimes, (rate, times) => {
        let bucket: Bucket | undefined;
        for (const time of times) {
          const taken = take(bucket, time, rate);
          bucket = taken.bucket;
          if (taken.waitMs === 0) continue;
          assert(Number.isInteger(taken.waitMs));
          assert.equal(take(bucket, time + taken.waitMs, rate).waitMs, 0);
          if (taken.waitMs > 1) assert.notEqual(take(bucket, time + taken.waitMs - 1, rate).waitMs, 0);
        }
      }),
      property(1000),
    );
  });
});

describe('profiles', () => {
  test('[QU1] unlimited refuses nothing', () => {
    assert.deepEqual(unlimited, { rates: {} });
  });

  /** Rate and burst as Amazon documents them. */
  for (const [operations, rate, burst] of [
    ['default', 2, 5],
    ['CreateParticipant StartChatContact StartContactStreaming StopContactStreaming', 5, 8],
    ['CreatePersistentContactAssociation UpdateParticipantRoleConfig', 5, 8],
    ['DescribeContact GetContactAttributes UpdateContactAttributes StopContact UpdateContact', 10, 15],
    ['ListContactReferences', 10, 15],
    ['TagContact UntagContact', 20, 25],
    ['UpdateContactRoutingData', 20, 20],
    ['SearchContacts', 0.5, 1],
    ['CreateParticipantConnection', 6, 9],
    ['DisconnectParticipant', 3, 5],
    ['GetTranscript GetAttachment', 8, 12],
    ['SendMessage', 10, 15],
    ['StartAttachmentUpload CompleteAttachmentUpload', 2, 5],
  ] as const) {
    test(`[QU1] aws allows ${rate} a second, ${burst} at once, of ${operations}`, () => {
      for (const name of operations.split(' ')) assert.deepEqual(awsQuotas.rates[name], { rate, burst }, name);
    });
  }

  test('[QU1] aws allows 500 open chats of an instance', () => {
    assert.equal(awsQuotas.concurrentChats, 500);
  });

  test('[QU2] SendEvent draws from the bucket of SendMessage, and nothing else from another one', () => {
    assert.deepEqual(sharedBucket, { SendEvent: 'SendMessage' });
    assert.equal(awsQuotas.rates.SendEvent, undefined);
  });
});
