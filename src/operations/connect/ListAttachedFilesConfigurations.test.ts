import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const list = (more: object = {}) => pipeline.call('ListAttachedFilesConfigurations', { InstanceId, ...more });

describe('ListAttachedFilesConfigurations: serialization', () => {
  it('[SH2] refuses a MaxResults that is no number', async () => {
    const answer = await list({ MaxResults: 'ten' });
    assert.deepEqual([answer.status, answer.type], [400, 'SerializationException']);
  });
});

describe('ListAttachedFilesConfigurations: validation', () => {
  for (const more of [{ MaxResults: 0 }, { MaxResults: 101 }, { NextToken: 'any' }]) {
    it(`[AM24, AM25] refuses ${JSON.stringify(more)}`, async () => {
      const answer = await list(more);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidParameterException']);
    });
  }

  it('[AM25] finds no instance that is unknown', async () => {
    const answer = await list({ InstanceId: 'unknown' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('ListAttachedFilesConfigurations: behaviour', () => {
  it('[AM24] answers the limits of chats, as they are now, and no NextToken', async () => {
    for (const MaximumSizeLimitInBytes of [20_971_520, 1000]) {
      const { body } = await list({ MaxResults: 1, NextToken: '' });
      const [{ ExtensionConfiguration, ...rest }, ...others] = body.AttachedFilesConfigurations;
      assert.deepEqual(rest, { InstanceId, AttachmentScope: 'CHAT', MaximumSizeLimitInBytes });
      assert.equal(ExtensionConfiguration.AllowedExtensions.length, 18);
      assert.deepEqual([others, body.NextToken], [[], undefined]);
      await pipeline.call('UpdateAttachedFilesConfiguration', {
        ...{ InstanceId, AttachmentScope: 'CHAT' },
        MaximumSizeLimitInBytes: 1000,
      });
    }
  });
});
