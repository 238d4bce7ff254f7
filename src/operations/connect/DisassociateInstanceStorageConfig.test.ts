import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { StorageConfig } from '../../../test/support/storage-configs.ts';
import { developmentInstance } from '../../config.ts';
import { developmentStorage } from '../../domain/storage.ts';
import { seed } from '../../seeds.ts';

const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
const { id: AssociationId } = developmentStorage.CHAT_TRANSCRIPTS;
const valid = { ...storage, AssociationId };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const disassociate = (more: object = {}, at = pipeline) =>
  at.call('DisassociateInstanceStorageConfig', { ...valid, ...more });
const listed = async (at: TestPipeline, ResourceType = 'CHAT_TRANSCRIPTS') =>
  (await at.call('ListInstanceStorageConfigs', { InstanceId, ResourceType })).body.StorageConfigs;

describe('DisassociateInstanceStorageConfig: validation', () => {
  outside({ name: 'DisassociateInstanceStorageConfig', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/AssociationId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ResourceType', undefined, 'not be null'],
    ['/ResourceType', 'chat', 'satisfy enum value set: [CHAT_TRANSCRIPTS, '],
    ['/ClientToken', tooLong(500), 'have length less than or equal to 500'],
  ]);

  it('[SO9, SO11] answers 404 for what is not associated', async () => {
    for (const more of [
      { AssociationId: 'unknown' },
      { ResourceType: 'CONTACT_TRACE_RECORDS' },
      { ResourceType: 'ATTACHMENTS' },
      { InstanceId: otherInstance.id },
      { InstanceId: 'nowhere' },
    ]) {
      const answer = await disassociate(more);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], JSON.stringify(more));
    }
  });
});

describe('DisassociateInstanceStorageConfig: behaviour', () => {
  it('[SO9] takes away the one of the type alone, which can be associated anew', async () => {
    const at = await testPipeline();
    const { status, body } = await disassociate({}, at);
    assert.deepEqual([status, body], [200, {}]);
    assert.deepEqual(await listed(at), []);
    assert.equal((await listed(at, 'CONTACT_TRACE_RECORDS')).length, 1);
    assert.equal((await disassociate({}, at)).type, 'ResourceNotFoundException');
    const anew = await at.call('AssociateInstanceStorageConfig', { ...storage, StorageConfig });
    assert.deepEqual(await listed(at), [{ ...anew.body, ...StorageConfig }]);
    assert.notEqual(anew.body.AssociationId, AssociationId);
  });

  it('[SO10] answers a repeated ClientToken as before', async () => {
    const at = await testPipeline();
    for (const _ of [1, 2]) assert.equal((await disassociate({ ClientToken: 'once' }, at)).status, 200);
    const other = { ResourceType: 'CONTACT_TRACE_RECORDS', AssociationId: developmentStorage.CONTACT_TRACE_RECORDS.id };
    const answer = await disassociate({ ...other, ClientToken: 'once' }, at);
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.equal((await listed(at, 'CONTACT_TRACE_RECORDS')).length, 1);
  });

  it('[SO14] is not undone by the seeding of a start', async () => {
    const at = await testPipeline();
    await disassociate({}, at);
    await seed(at.store, [developmentInstance, otherInstance], at.time.now);
    assert.deepEqual(await listed(at), []);
    await at.store.clear();
    await seed(at.store, [developmentInstance, otherInstance], at.time.now);
    assert.equal((await listed(at)).length, 1);
  });
});
