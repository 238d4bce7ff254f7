import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { developmentStorage } from '../../domain/storage.ts';
import { resourceType } from '../storage-configs.ts';

const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
const { id: AssociationId, bucket: BucketName, prefix: BucketPrefix } = developmentStorage.CHAT_TRANSCRIPTS;
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const list = (more: object = {}) => pipeline.call('ListInstanceStorageConfigs', { ...storage, ...more });

describe('ListInstanceStorageConfigs: validation', () => {
  outside({ name: 'ListInstanceStorageConfigs', valid: storage, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ResourceType', undefined, 'not be null'],
    ['/ResourceType', 'chat', 'satisfy enum value set: [CHAT_TRANSCRIPTS, '],
    ['/MaxResults', 0, 'be between 1 and 10, inclusive'],
    ['/MaxResults', 11, 'be between 1 and 10, inclusive'],
  ]);

  it('[SO7] refuses a NextToken, which it never answers', async () => {
    const answer = await list({ NextToken: 'next' });
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.equal((await list({ NextToken: '' })).status, 200);
  });

  it('[SO11] finds no instance that is unknown', async () => {
    const answer = await list({ InstanceId: 'nowhere' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('ListInstanceStorageConfigs: behaviour', () => {
  it('[SO7, SO14] answers the one of the type, and of the instance', async () => {
    const S3Config = { BucketName, BucketPrefix };
    assert.deepEqual((await list({ MaxResults: 10 })).body, {
      StorageConfigs: [{ AssociationId, StorageType: 'S3', S3Config }],
    });
    const { StorageConfigs } = (await list({ ResourceType: 'CONTACT_TRACE_RECORDS' })).body;
    assert.equal(StorageConfigs[0].AssociationId, developmentStorage.CONTACT_TRACE_RECORDS.id);
    assert.deepEqual((await list({ InstanceId: otherInstance.id })).body, { StorageConfigs: [] });
  });

  it('[SO7] has none of every type that cannot be associated', async () => {
    for (const ResourceType of resourceType.values?.filter((each) => !(each in developmentStorage)) ?? []) {
      const { status, body } = await list({ ResourceType });
      assert.deepEqual([status, body], [200, { StorageConfigs: [] }], ResourceType);
    }
  });
});
