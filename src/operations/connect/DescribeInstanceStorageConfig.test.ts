import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { developmentStorage } from '../../domain/storage.ts';

const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
const { id: AssociationId, bucket: BucketName, prefix: BucketPrefix } = developmentStorage.CHAT_TRANSCRIPTS;
const valid = { ...storage, AssociationId };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const describeConfig = (more: object = {}) => pipeline.call('DescribeInstanceStorageConfig', { ...valid, ...more });

describe('DescribeInstanceStorageConfig: validation', () => {
  outside({ name: 'DescribeInstanceStorageConfig', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/AssociationId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ResourceType', undefined, 'not be null'],
    ['/ResourceType', 'chat', 'satisfy enum value set: [CHAT_TRANSCRIPTS, '],
  ]);

  it('[SO6, SO11] answers 404 for what is not associated: another id, another type, another instance', async () => {
    for (const more of [
      { AssociationId: 'unknown' },
      { AssociationId: developmentStorage.CONTACT_TRACE_RECORDS.id },
      { ResourceType: 'CONTACT_TRACE_RECORDS' },
      { ResourceType: 'ATTACHMENTS' },
      { InstanceId: otherInstance.id },
      { InstanceId: 'nowhere' },
    ]) {
      const answer = await describeConfig(more);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], JSON.stringify(more));
    }
  });
});

describe('DescribeInstanceStorageConfig: behaviour', () => {
  it('[SO6] answers what is associated', async () => {
    const { status, body } = await describeConfig();
    const S3Config = { BucketName, BucketPrefix };
    assert.deepEqual([status, body], [200, { StorageConfig: { AssociationId, StorageType: 'S3', S3Config } }]);
  });
});
