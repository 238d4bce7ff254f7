import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';
import {
  atTheLimits,
  brokenConstraints,
  fullStorageConfig,
  S3Config,
  StorageConfig,
  unsupported,
  wrongTypes,
} from '../../../test/support/storage-configs.ts';
import { developmentInstance } from '../../config.ts';
import { developmentStorage } from '../../domain/storage.ts';
import { seed } from '../../seeds.ts';

const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
const { id: AssociationId } = developmentStorage.CHAT_TRANSCRIPTS;
const valid = { ...storage, AssociationId, StorageConfig };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = {
  name: 'UpdateInstanceStorageConfig',
  valid: { ...valid, StorageConfig: fullStorageConfig },
  pipeline: () => pipeline,
};
const update = (more: object = {}, at = pipeline) => at.call('UpdateInstanceStorageConfig', { ...valid, ...more });
const listed = async (at: TestPipeline) => (await at.call('ListInstanceStorageConfigs', storage)).body.StorageConfigs;

describe('UpdateInstanceStorageConfig: serialization', () => {
  serialization(subject, [['/ClientToken', {}, 'a string'], ...wrongTypes]);
});

describe('UpdateInstanceStorageConfig: validation', () => {
  validation(
    subject,
    [['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'], ...brokenConstraints],
    atTheLimits,
  );
  outside(subject, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/AssociationId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ResourceType', undefined, 'not be null'],
    ['/ResourceType', 'chat', 'satisfy enum value set: [CHAT_TRANSCRIPTS, '],
  ]);

  it('[SO2, SO3] refuses what cannot be associated', async () => {
    for (const [config, words] of unsupported) {
      const answer = await update({ StorageConfig: config });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, words);
    }
  });

  it('[SO4] refuses a bucket that nothing stands for', async () => {
    const at = await testPipeline({ bucketRules: [] });
    const answer = await update({}, at);
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /^Bucket acme-chats is not mapped to anything/);
  });

  it('[SO8, SO11] answers 404 for what is not associated', async () => {
    for (const more of [
      { AssociationId: 'unknown' },
      { ResourceType: 'CONTACT_TRACE_RECORDS' },
      { ResourceType: 'ATTACHMENTS' },
      { InstanceId: otherInstance.id },
      { InstanceId: 'nowhere' },
    ]) {
      const answer = await update(more);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], JSON.stringify(more));
    }
  });
});

describe('UpdateInstanceStorageConfig: behaviour', () => {
  it('[SO8] replaces the place and keeps the AssociationId', async () => {
    const at = await testPipeline();
    const { status, body } = await update({}, at);
    assert.deepEqual([status, body], [200, {}]);
    assert.deepEqual(await listed(at), [{ AssociationId, ...StorageConfig }]);
    assert.equal((await update({ StorageConfig: { ...StorageConfig, AssociationId } }, at)).status, 200);
    const other = await update({ StorageConfig: { ...StorageConfig, AssociationId: 'other' } }, at);
    assert.deepEqual([other.status, other.type], [400, 'InvalidRequestException']);
    assert.match(other.body.message, /StorageConfig names the AssociationId other, the request /);
  });

  it('[SO10] answers a repeated ClientToken as before without doing it again', async () => {
    const at = await testPipeline();
    const ClientToken = 'once';
    assert.equal((await update({ ClientToken }, at)).status, 200);
    const later = { StorageConfig: { StorageType: 'S3', S3Config: { ...S3Config, BucketPrefix: 'later' } } };
    assert.equal((await update(later, at)).status, 200);
    assert.equal((await update({ ClientToken }, at)).status, 200);
    assert.equal((await listed(at))[0].S3Config.BucketPrefix, 'later');
    const other = await update({ ...later, ClientToken }, at);
    assert.deepEqual([other.status, other.type], [400, 'InvalidRequestException']);
  });

  it('[SO14] outlives the seeding of a start', async () => {
    const at = await testPipeline();
    await update({}, at);
    await seed(at.store, [developmentInstance, otherInstance], at.time.now);
    assert.deepEqual(await listed(at), [{ AssociationId, ...StorageConfig }]);
  });
});
