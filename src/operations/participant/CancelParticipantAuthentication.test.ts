import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, startChat, type TestPipeline, testPipeline, transcript } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const SessionId = '30000000-0000-4000-8000-000000000001';
let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});
const subject = {
  name: 'CancelParticipantAuthentication',
  valid: { SessionId },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('CancelParticipantAuthentication: serialization', () => {
  serialization(subject, [['/SessionId', 5, 'a string']]);
});

describe('CancelParticipantAuthentication: validation', () => {
  const length = 'have length between 36 and 36, inclusive';
  validation(
    subject,
    [
      ['/SessionId', undefined, 'not be null'],
      ['/SessionId', '', length],
      ['/SessionId', `${SessionId}0`, length],
    ],
    [['/SessionId', '\u{1f30d}'.repeat(36)]],
  );
});

describe('CancelParticipantAuthentication: behaviour', () => {
  it('[AN1] refuses a session that the chat did not begin, and nothing happens in it', async () => {
    const answer = await pipeline.call('CancelParticipantAuthentication', { SessionId }, customer.token);
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
    assert.match(answer.body.message, /SessionId is not .* authentication\.initiated event/);
    assert.deepEqual(await transcript(pipeline, customer.token), ['participant.joined Ana']);
  });

  it('[AN1] answers 403 once the chat is over', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const answer = await pipeline.call('CancelParticipantAuthentication', { SessionId }, chat.token);
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
  });
});
