import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  addBot,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const stop = (ContactId: string, more: Record<string, unknown> = {}) =>
  pipeline.call('StopContact', { InstanceId, ContactId, ...more });

/** The chat's items in the log, as no token of an ended chat can read them. */
async function items(ContactId: string): Promise<(string | undefined)[]> {
  const chat = await pipeline.store.chat({ contactId: ContactId });
  const found = await pipeline.store.items(chat?.key ?? 0, { newestFirst: false, limit: 100 });
  return found.map((item) => item.contentType?.replace('application/vnd.amazonaws.connect.event.', ''));
}

const subject = { name: 'StopContact', valid: { InstanceId, ContactId: 'unknown' }, pipeline: () => pipeline };

describe('StopContact: serialization', () => {
  serialization(subject, [
    ['/ContactId', 5, 'a string'],
    ['/InstanceId', {}, 'a string'],
    ['/DisconnectReason', 'DISCONNECTED', 'an object'],
    ['/DisconnectReason/Code', 5, 'a string'],
  ]);
});

describe('StopContact: validation', () => {
  validation(
    subject,
    [
      ['/ContactId', undefined, 'not be null'],
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/ContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', '', 'have length between 1 and 100, inclusive'],
      ['/InstanceId', 'i'.repeat(101), 'have length between 1 and 100, inclusive'],
    ],
    [
      ['/ContactId', 'c'.repeat(256)],
      ['/InstanceId', 'i'.repeat(100)],
    ],
  );

  it('[DC2] answers 404, never 410, to an unknown contact and to one of another instance', async () => {
    const chat = await startChat(pipeline);
    const unknown = await stop('unknown');
    const foreign = await stop(chat.ContactId, { InstanceId: otherInstance.id });
    for (const { status, type, body } of [unknown, foreign]) {
      assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
      assert.match(body.message, /^Contact .* was not found in instance /);
    }
    assert.deepEqual(await items(chat.ContactId), ['participant.joined']);
  });

  it('[SC2, DC2] answers 404 to an unknown instance', async () => {
    assert.equal((await stop('unknown', { InstanceId: 'nowhere' })).type, 'ResourceNotFoundException');
  });

  it('[DC5] refuses a disconnect reason, and leaves the chat as it was', async () => {
    const chat = await startChat(pipeline);
    const answer = await stop(chat.ContactId, { DisconnectReason: { Code: 'DISCONNECTED' } });
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /outbound campaigns/);
    assert.equal((await stop(chat.ContactId, { DisconnectReason: {} })).status, 200);
  });
});

describe('StopContact: behaviour', () => {
  it('[DC1, DP4] ends a chat with reason API: chat.ended alone, whoever is connected', async () => {
    const chat = await startChat(pipeline);
    await addBot(pipeline, chat.ContactId);
    const answer = await stop(chat.ContactId);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(await items(chat.ContactId), ['participant.joined', 'participant.joined', 'chat.ended']);
    const { body } = await pipeline.call('DescribeContact', { InstanceId, ContactId: chat.ContactId });
    assert.equal(body.Contact.DisconnectReason, 'API');
  });

  it('[DP4] writes chat.ended without a participant', async () => {
    const chat = await startChat(pipeline);
    await stop(chat.ContactId);
    const stored = await pipeline.store.chat({ contactId: chat.ContactId });
    const [last] = await pipeline.store.items(stored?.key ?? 0, { newestFirst: true, limit: 1 });
    assert.equal(last?.participantId, undefined);
    assert.equal(last?.type, 'EVENT');
  });

  it('[DC1] ends a chat whose customer never connected', async () => {
    const chat = await startChat(pipeline, {}, false);
    assert.equal((await stop(chat.ContactId)).status, 200);
    assert.deepEqual(await items(chat.ContactId), ['chat.ended']);
  });

  it('[DC1] answers 200 for an ended chat and changes nothing', async () => {
    const chat = await startChat(pipeline);
    await stop(chat.ContactId);
    const before = await pipeline.store.chat({ contactId: chat.ContactId });
    pipeline.time.now += 1000;
    assert.equal((await stop(chat.ContactId)).status, 200);
    assert.deepEqual(await pipeline.store.chat({ contactId: chat.ContactId }), before);
  });

  it('[DC1] keeps the reason of a chat that its customer ended', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('DisconnectParticipant', {}, chat.token);
    assert.equal((await stop(chat.ContactId)).status, 200);
    const { body } = await pipeline.call('DescribeContact', { InstanceId, ContactId: chat.ContactId });
    assert.equal(body.Contact.DisconnectReason, 'CUSTOMER_DISCONNECT');
  });

  it('[DC1] ends a chat once when it is stopped many times at once', async () => {
    const chat = await startChat(pipeline);
    const answers = await Promise.all(Array.from({ length: 40 }, () => stop(chat.ContactId)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.deepEqual(await items(chat.ContactId), ['participant.joined', 'chat.ended']);
  });

  it('[DC1] takes every message that was acknowledged before the end, and none after it', async () => {
    const chat = await startChat(pipeline);
    const send = (Content: string) => pipeline.call('SendMessage', { ContentType: 'text/plain', Content }, chat.token);
    const racing = [...Array.from({ length: 5 }, (_, index) => send(`before ${index}`)), stop(chat.ContactId)];
    const late = Array.from({ length: 5 }, (_, index) => send(`after ${index}`));
    const answers = await Promise.all([...racing, ...late]);
    const acknowledged = answers.filter(({ body }) => body.Id).length;
    const written = await items(chat.ContactId);
    assert.equal(written.filter((type) => type === 'text/plain').length, acknowledged);
    assert.equal(written.at(-1), 'chat.ended');
  });
});
