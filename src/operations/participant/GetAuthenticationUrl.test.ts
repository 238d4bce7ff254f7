import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const SessionId = '30000000-0000-4000-8000-000000000001';
const RedirectUri = 'https://www.example.com/back?from=chat';
let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});
const subject = {
  name: 'GetAuthenticationUrl',
  valid: { SessionId, RedirectUri },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('GetAuthenticationUrl: serialization', () => {
  serialization(subject, [
    ['/SessionId', 5, 'a string'],
    ['/RedirectUri', ['https://www.example.com'], 'a string'],
  ]);
});

describe('GetAuthenticationUrl: validation', () => {
  const length = 'have length between 36 and 36, inclusive';
  validation(
    subject,
    [
      ['/SessionId', undefined, 'not be null'],
      ['/SessionId', SessionId.slice(1), length],
      ['/SessionId', `${SessionId}0`, length],
      ['/RedirectUri', undefined, 'not be null'],
      ['/RedirectUri', 'u'.repeat(1025), 'have length between 0 and 1024, inclusive'],
    ],
    [['/RedirectUri', 'u'.repeat(1024)]],
  );

  it('[AN2, SH7] takes an empty RedirectUri, as the chat widget sends it', async () => {
    const answer = await pipeline.call('GetAuthenticationUrl', { SessionId, RedirectUri: '' }, customer.token);
    assert.doesNotMatch(answer.body.message, /failed to satisfy constraint/);
    assert.match(answer.body.message, /SessionId/);
  });
});

describe('GetAuthenticationUrl: behaviour', () => {
  it('[AN1] refuses a session that the chat did not begin, and says where to find the right one', async () => {
    const answer = await pipeline.call('GetAuthenticationUrl', { SessionId, RedirectUri }, customer.token);
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
    assert.match(answer.body.message, /SessionId is not .* authentication\.initiated event/);
    assert(!answer.reply.body.includes(SessionId) && !answer.reply.body.includes(RedirectUri));
  });

  it('[AN1] answers 403 once the chat is over', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const answer = await pipeline.call('GetAuthenticationUrl', { SessionId, RedirectUri }, chat.token);
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
  });
});
