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
import { serialization, validation } from '../../../test/support/refusals.ts';

const fields = ['CUSTOMER_ENDPOINT', 'ADDITIONAL_EMAIL_RECIPIENTS', 'EMAIL_SUBJECT'];
const valid = { InstanceId, ContactId: 'unknown', ContactFields: fields };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'DeleteContactData', valid, pipeline: () => pipeline };
const remove = (ContactId: string, more = {}) => pipeline.call('DeleteContactData', { ...valid, ContactId, ...more });

describe('DeleteContactData: serialization', () => {
  serialization(subject, [
    ['/ContactFields', 'CUSTOMER_ENDPOINT', 'a list'],
    ['/ContactFields/0', 5, 'a string'],
  ]);
});

describe('DeleteContactData: validation', () => {
  outside(subject, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
  ]);
  validation(
    subject,
    [
      ['/ContactFields', undefined, 'not be null'],
      ['/ContactFields/0', 'NAME', `satisfy enum value set: [${fields.join(', ')}]`],
    ],
    [],
  );

  it('[DD1] refuses an empty list of fields', async () => {
    const answer = await remove('unknown', { ContactFields: [] });
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /^ContactFields is empty/);
  });

  it('[DD1] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await remove('unknown')).type, 'ResourceNotFoundException');
    assert.equal((await remove(ContactId, { InstanceId: otherInstance.id })).type, 'ResourceNotFoundException');
  });
});

describe('DeleteContactData: behaviour', () => {
  it('[DD1] is 409 for a chat that goes on', async () => {
    const { ContactId } = await startChat(pipeline);
    const answer = await remove(ContactId);
    assert.deepEqual([answer.status, answer.type], [409, 'ContactNotTerminatedException']);
    assert.match(answer.body.message, /goes on.*StopContact/);
  });

  it('[DD1] is 200 for one that has ended, which has nothing to delete', async () => {
    const { ContactId } = await startChat(pipeline, { CustomerId: 'customer' });
    await pipeline.call('StopContact', { InstanceId, ContactId });
    const before = await pipeline.call('DescribeContact', { InstanceId, ContactId });
    const answer = await remove(ContactId);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual((await pipeline.call('DescribeContact', { InstanceId, ContactId })).body, before.body);
  });
});
