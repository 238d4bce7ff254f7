import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  ContactFlowId,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const valid = { InstanceId, ContactId: 'unknown', ContactFlowId };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'TransferContact', valid, pipeline: () => pipeline };

describe('TransferContact: serialization', () => {
  serialization(
    subject,
    ['InstanceId', 'ContactId', 'QueueId', 'UserId', 'ContactFlowId', 'ClientToken'].map(
      (member) => [`/${member}`, 5, 'a string'] as const,
    ),
  );
});

describe('TransferContact: validation', () => {
  validation(
    subject,
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', '', 'have length between 1 and 100, inclusive'],
      ['/ContactId', undefined, 'not be null'],
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/UserId', '', 'have length between 1 and 256, inclusive'],
      ['/ContactFlowId', undefined, 'not be null'],
      ['/ContactFlowId', 'f'.repeat(501), 'have length less than or equal to 500'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
    ],
    [
      ['/QueueId', ''],
      ['/ClientToken', ''],
    ],
  );

  it('[DD2] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    for (const more of [{}, { ContactId, InstanceId: otherInstance.id }]) {
      const answer = await pipeline.call('TransferContact', { ...valid, ...more });
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    }
  });
});

describe('TransferContact: behaviour', () => {
  it('[DD2] refuses a chat, whatever it is to be transferred to', async () => {
    const { ContactId } = await startChat(pipeline);
    for (const more of [{}, { QueueId: 'queue' }, { UserId: 'user', ClientToken: 'token' }]) {
      const answer = await pipeline.call('TransferContact', { ...valid, ContactId, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /is a chat: TransferContact is for TASK and EMAIL contacts only/);
    }
  });
});
