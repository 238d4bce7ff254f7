import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const origins = Array.from({ length: 60 }, (_, index) => `https://${String(index + 10)}.example`);

async function withSixty(): Promise<TestPipeline> {
  const at = await testPipeline();
  for (const Origin of origins.toReversed()) await at.call('AssociateApprovedOrigin', { InstanceId, Origin });
  return at;
}

describe('ListApprovedOrigins: validation', () => {
  outside({ name: 'ListApprovedOrigins', valid: { InstanceId }, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/MaxResults', 0, 'be between 1 and 25, inclusive'],
    ['/MaxResults', 26, 'be between 1 and 25, inclusive'],
  ]);

  it('[OR4] answers 404 for an instance that is not there', async () => {
    const answer = await pipeline.call('ListApprovedOrigins', { InstanceId: 'nowhere' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });

  it('[OR4] refuses a NextToken that it did not answer for this instance', async () => {
    const at = await withSixty();
    const { NextToken } = (await at.call('ListApprovedOrigins', { InstanceId })).body;
    for (const input of [
      { InstanceId, NextToken: 'x' },
      { InstanceId, NextToken: `${NextToken}x` },
      { InstanceId: otherInstance.id, NextToken },
    ]) {
      const answer = await at.call('ListApprovedOrigins', input);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    }
  });
});

describe('ListApprovedOrigins: behaviour', () => {
  it('[OR4] answers an empty list where nothing was approved', async () => {
    assert.deepEqual((await pipeline.call('ListApprovedOrigins', { InstanceId })).body, { Origins: [] });
  });

  it('[OR4] answers pages of 25, or of MaxResults, that join to the whole by alphabet', async () => {
    const at = await withSixty();
    for (const [MaxResults, sizes] of [
      [undefined, [25, 25, 10]],
      [25, [25, 25, 10]],
      [20, [20, 20, 20]],
    ] as const) {
      const pages: string[][] = [];
      let NextToken: string | undefined;
      do {
        const { body } = await at.call('ListApprovedOrigins', { InstanceId, MaxResults, NextToken });
        pages.push(body.Origins);
        NextToken = body.NextToken;
      } while (NextToken !== undefined);
      assert.deepEqual(
        pages.map(({ length }) => length),
        sizes,
      );
      assert.deepEqual(pages.flat(), origins);
    }
  });

  it('[OR4] goes on where the page before ended, though its last origin was taken away', async () => {
    const at = await withSixty();
    const first = (await at.call('ListApprovedOrigins', { InstanceId })).body;
    await at.call('DisassociateApprovedOrigin', { InstanceId, Origin: first.Origins.at(-1) });
    const { body } = await at.call('ListApprovedOrigins', { InstanceId, NextToken: first.NextToken });
    assert.deepEqual(body.Origins, origins.slice(25, 50));
  });
});
