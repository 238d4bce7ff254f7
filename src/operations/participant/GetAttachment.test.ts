import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import { hello, sendFile, startFile, uploadFile } from '../../../test/support/attachments.ts';
import {
  type Answer,
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
let AttachmentId: string;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
  AttachmentId = await sendFile(pipeline, customer.token);
});

const get = (token: string, id = AttachmentId, more: object = {}, at = pipeline): Promise<Answer> =>
  at.call('GetAttachment', { AttachmentId: id, ...more }, token);

const subject = {
  name: 'GetAttachment',
  valid: { AttachmentId: 'an-id' },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('GetAttachment: serialization', () => {
  serialization(subject, [
    ['/AttachmentId', 5, 'a string'],
    ['/UrlExpiryInSeconds', '60', 'a whole number'],
  ]);
});

describe('GetAttachment: validation', () => {
  validation(
    subject,
    [
      ['/AttachmentId', undefined, 'not be null'],
      ['/AttachmentId', '', 'have length between 1 and 256, inclusive'],
      ['/AttachmentId', 'i'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/UrlExpiryInSeconds', 4, 'be between 5 and 300, inclusive'],
      ['/UrlExpiryInSeconds', 301, 'be between 5 and 300, inclusive'],
    ],
    [
      ['/UrlExpiryInSeconds', 5],
      ['/UrlExpiryInSeconds', 300],
    ],
  );

  it('[AM18] refuses what is no attachment of the chat, or was not completed, and says which', async () => {
    const other = await startChat(pipeline);
    const started = await startFile(pipeline, customer.token);
    const uploaded = await uploadFile(pipeline, customer.token);
    for (const [token, id, message] of [
      [customer.token, 'unknown', /is not one of this chat/],
      [other.token, AttachmentId, /is not one of this chat/],
      [customer.token, started.AttachmentId, /is not completed/],
      [customer.token, uploaded.AttachmentId, /is not completed/],
    ] as const) {
      const answer = await get(token, id);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.Message, message);
    }
  });

  it('[AM14, AM18] refuses one that is being scanned, and one that was rejected', async () => {
    const at = await testPipeline({ scanner: async () => 'REJECTED' });
    const { token } = await startChat(at);
    const id = await sendFile(at, token);
    assert.match((await get(token, id, {}, at)).body.Message, /still being scanned/);
    await at.wait(0);
    const answer = await get(token, id, {}, at);
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
    assert.match(answer.body.Message, /was rejected by the scanner/);
  });

  it('[AM19] refuses a custom participant by 403, whatever it names, its own file included', async () => {
    const bot = await addBot(pipeline, customer.ContactId);
    const own = await sendFile(pipeline, bot.token);
    for (const id of [own, AttachmentId, 'unknown']) {
      const answer = await get(bot.token, id);
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
      assert.match(answer.body.Message, /custom participant may not fetch attachments/);
    }
    assert.equal((await get(customer.token, own)).status, 200, 'its file is there for others');
  });
});

describe('GetAttachment: behaviour', () => {
  it('[AM17] answers size and a URL that is good for five minutes', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const id = await sendFile(at, token);
    const agent = await addAgent(at, ContactId);
    for (const who of [token, agent.token]) {
      const { status, body } = await get(who, id, {}, at);
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body).sort(), ['AttachmentSizeInBytes', 'Url', 'UrlExpiry']);
      assert.equal(body.AttachmentSizeInBytes, hello.length);
      assert.equal(body.UrlExpiry, '2026-01-31T12:05:00.000Z');
      assert((await at.transfer('GET', body.Url)).bytes.equals(hello));
    }
  });

  it('[AM17] answers a URL that is good as long as it was asked for', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const id = await sendFile(at, token);
    for (const UrlExpiryInSeconds of [5, 60, 300]) {
      const { body } = await get(token, id, { UrlExpiryInSeconds }, at);
      assert.equal(Date.parse(body.UrlExpiry) - at.time.now, UrlExpiryInSeconds * 1000);
      at.time.now += UrlExpiryInSeconds * 1000 - 1;
      assert.equal((await at.transfer('GET', body.Url)).status, 200);
      at.time.now += 1;
      const late = await at.transfer('GET', body.Url);
      assert.deepEqual([late.status, late.type], [403, 'AccessDeniedException']);
      assert.match(late.message, /URL expired at .*; get a new one from GetAttachment/);
    }
  });

  it('[AM18] gives a chat that continues others their files', async () => {
    const at = await testPipeline();
    let SourceContactId: string | undefined;
    const ids: string[] = [];
    for (let link = 1; link <= 3; link += 1) {
      const PersistentChat = SourceContactId && { SourceContactId, RehydrationType: 'ENTIRE_PAST_SESSION' };
      const chat = await startChat(at, { PersistentChat });
      ids.push(await sendFile(at, chat.token));
      for (const id of ids) {
        const { status, body } = await get(chat.token, id, {}, at);
        assert.equal(status, 200, body.Message);
        assert((await at.transfer('GET', body.Url)).bytes.equals(hello));
      }
      await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      SourceContactId = chat.ContactId;
    }
    const stranger = await startChat(at);
    assert.equal((await get(stranger.token, ids[0], {}, at)).status, 400);
  });
});
