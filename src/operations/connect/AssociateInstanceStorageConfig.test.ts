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
import { resourceType } from '../storage-configs.ts';

const own = { InstanceId: otherInstance.id };
const valid = { ...own, ResourceType: 'CHAT_TRANSCRIPTS', StorageConfig };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = {
  name: 'AssociateInstanceStorageConfig',
  valid: { ...valid, StorageConfig: fullStorageConfig },
  pipeline: () => pipeline,
};
const associate = (more: object = {}, at = pipeline) =>
  at.call('AssociateInstanceStorageConfig', { ...valid, ...more });
const listed = async (ResourceType: string, at = pipeline) =>
  (await at.call('ListInstanceStorageConfigs', { ...own, ResourceType })).body.StorageConfigs;

describe('AssociateInstanceStorageConfig: serialization', () => {
  serialization(subject, [['/ResourceType', 5, 'a string'], ['/ClientToken', {}, 'a string'], ...wrongTypes]);
});

describe('AssociateInstanceStorageConfig: validation', () => {
  const types = resourceType.values?.join(', ');
  validation(
    subject,
    [
      ['/ResourceType', undefined, 'not be null'],
      ['/ResourceType', 'chat', `satisfy enum value set: [${types}]`],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
      ...brokenConstraints,
    ],
    [['/ClientToken', ''], ...atTheLimits],
  );
  outside(subject, [['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive']]);

  for (const [config, words] of unsupported) {
    it(`[SO2, SO3] refuses ${JSON.stringify(config).slice(0, 200)}`, async () => {
      const answer = await associate({ StorageConfig: config });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, words);
    });
  }

  it('[SO1] refuses every other type of resource, and says which there are and where attachments are', async () => {
    const others = resourceType.values?.filter((each) => !['CHAT_TRANSCRIPTS', 'CONTACT_TRACE_RECORDS'].includes(each));
    assert.equal(others?.length, 11);
    for (const ResourceType of others ?? []) {
      const { status, type, body } = await associate({ ResourceType });
      assert.deepEqual([status, type], [400, 'InvalidRequestException'], ResourceType);
      assert.match(body.message, /supported are CHAT_TRANSCRIPTS and CONTACT_TRACE_RECORDS\./);
      assert.equal(body.message.includes('TERTULIA_BLOBS'), ResourceType === 'ATTACHMENTS');
    }
  });

  it('[SO4] refuses a bucket that nothing stands for, by its name', async () => {
    const place = { directory: '/srv/acme' };
    const at = await testPipeline({ bucketRules: [{ pattern: 'acme-*', place }] });
    const config = (BucketName: string) => ({
      StorageConfig: { StorageType: 'S3', S3Config: { ...S3Config, BucketName } },
    });
    const answer = await associate(config('unknown'), at);
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /^Bucket unknown is not mapped to anything; say in "buckets"/);
    assert.equal((await associate(config('acme-chats'), at)).status, 200);
  });

  it('[SO11] answers 404 for an instance that is not there', async () => {
    const answer = await associate({ InstanceId: 'nowhere' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('AssociateInstanceStorageConfig: behaviour', () => {
  it('[SO1, SO6, SO11] keeps one of each type for the instance that is named', async () => {
    const at = await testPipeline();
    assert.deepEqual([await listed('CHAT_TRANSCRIPTS', at), await listed('CONTACT_TRACE_RECORDS', at)], [[], []]);
    const chats = await associate({}, at);
    const records = await associate({ ResourceType: 'CONTACT_TRACE_RECORDS' }, at);
    assert.deepEqual([chats.status, records.status], [200, 200]);
    assert.deepEqual(await listed('CHAT_TRANSCRIPTS', at), [{ ...chats.body, ...StorageConfig }]);
    assert.deepEqual(await listed('CONTACT_TRACE_RECORDS', at), [{ ...records.body, ...StorageConfig }]);
    assert.notEqual(chats.body.AssociationId, records.body.AssociationId);
    const dev = await at.call('ListInstanceStorageConfigs', { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' });
    assert.equal(dev.body.StorageConfigs[0].S3Config.BucketName, 'tertulia-dev');
  });

  it('[SO3] takes a prefix with a slash at its end, capitals and colons, and answers it as it was given', async () => {
    const at = await testPipeline();
    const config = { StorageType: 'S3', S3Config: { ...S3Config, BucketPrefix: 'Connect/Acme:1/' } };
    const { body } = await associate({ StorageConfig: config }, at);
    assert.deepEqual(await listed('CHAT_TRANSCRIPTS', at), [{ ...body, ...config }]);
  });

  it('[SO5] answers 409 to a second of a type, and says what to do instead', async () => {
    const at = await testPipeline();
    const { body } = await associate({}, at);
    const answer = await associate({}, at);
    assert.deepEqual([answer.status, answer.type], [409, 'ResourceConflictException']);
    assert.match(answer.body.message, new RegExp(`${body.AssociationId}; .*Update.* or .*Disassociate`));
    assert.equal((await associate({ ResourceType: 'CONTACT_TRACE_RECORDS' }, at)).status, 200);
  });

  it('[SO5] lets one of those that race win', async () => {
    const at = await testPipeline();
    const answers = await Promise.all(Array.from({ length: 10 }, () => associate({}, at)));
    const [winner, ...none] = answers.filter(({ status }) => status === 200);
    assert.equal(none.length, 0);
    assert.equal(answers.filter(({ status }) => status === 409).length, 9);
    assert.deepEqual(await listed('CHAT_TRANSCRIPTS', at), [{ ...winner?.body, ...StorageConfig }]);
  });

  it('[SO10] answers a repeated ClientToken as before, and 400 for one that was used otherwise', async () => {
    const at = await testPipeline();
    const more = { ClientToken: 'once' };
    const first = await associate(more, at);
    assert.deepEqual((await associate(more, at)).body, first.body);
    const other = await associate({ ...more, ResourceType: 'CONTACT_TRACE_RECORDS' }, at);
    assert.deepEqual([other.status, other.type], [400, 'InvalidRequestException']);
    assert.match(other.body.message, /ClientToken was used with another request/);
    // Of another instance it is another token.
    const elsewhere = await associate({ ...more, InstanceId }, at);
    assert.equal(elsewhere.type, 'ResourceConflictException');
  });
});
