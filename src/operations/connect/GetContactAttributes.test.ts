import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import {
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';

const valid = { InstanceId, InitialContactId: 'unknown' };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const get = (more: Record<string, unknown>) => pipeline.call('GetContactAttributes', { ...valid, ...more });

describe('GetContactAttributes: serialization', () => {
  it('[SH2] has no body to be wrong: one that is sent all the same is not looked at', async () => {
    const { ContactId } = await startChat(pipeline);
    const answer = await pipeline.raw('GET', `/contact/attributes/${InstanceId}/${ContactId}`, '{"InstanceId":');
    assert.equal(answer.status, 200);
  });
});

describe('GetContactAttributes: validation', () => {
  outside({ name: 'GetContactAttributes', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/InitialContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
  ]);

  it('[AT5] answers 404 to an unknown contact, one of another instance, and an unknown instance', async () => {
    const { ContactId } = await startChat(pipeline);
    for (const [more, message] of [
      [{}, /^Contact unknown was not found in instance /],
      [{ InitialContactId: ContactId, InstanceId: otherInstance.id }, /^Contact .* was not found in instance /],
      [{ InitialContactId: ContactId, InstanceId: 'nowhere' }, /^Instance nowhere was not found/],
    ] as const) {
      const answer = await get(more);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
      assert.match(answer.body.message, message);
    }
  });
});

describe('GetContactAttributes: behaviour', () => {
  it('[AT1] answers the attributes that StartChatContact gave', async () => {
    const Attributes = { plan: 'gold', 'a-b_1': '', ['__proto__']: 'own' };
    const { ContactId } = await startChat(pipeline, { Attributes });
    const { body } = await get({ InitialContactId: ContactId });
    assert.deepEqual(Object.entries(body.Attributes), Object.entries(Attributes));
  });

  it('[AT1] answers an empty map where there are none', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.deepEqual((await get({ InitialContactId: ContactId })).body, { Attributes: {} });
  });
});
