import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { complete, hello, helloFile, startFile, uploadFile } from '../../../test/support/attachments.ts';
import { addBot, InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});

const start = (token: string, more: object = {}, at = pipeline) =>
  at.call('StartAttachmentUpload', { ...helloFile, ClientToken: at.ids.uuid(), ...more }, token);

const subject = {
  name: 'StartAttachmentUpload',
  valid: helloFile,
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('StartAttachmentUpload: serialization', () => {
  serialization(subject, [
    ['/ContentType', 5, 'a string'],
    ['/AttachmentSizeInBytes', '12', 'a whole number'],
    ['/AttachmentSizeInBytes', 1.5, 'a whole number'],
    ['/AttachmentName', ['a.txt'], 'a string'],
    ['/ClientToken', 5, 'a string'],
  ]);
});

describe('StartAttachmentUpload: validation', () => {
  validation(
    subject,
    [
      ['/ContentType', undefined, 'not be null'],
      ['/ContentType', '', 'have length between 1 and 255, inclusive'],
      ['/ContentType', `a/${'b'.repeat(254)}`, 'have length between 1 and 255, inclusive'],
      ['/AttachmentSizeInBytes', undefined, 'not be null'],
      ['/AttachmentSizeInBytes', 0, 'be greater than or equal to 1'],
      ['/AttachmentSizeInBytes', -1, 'be greater than or equal to 1'],
      ['/AttachmentName', undefined, 'not be null'],
      ['/AttachmentName', '', 'have length between 1 and 256, inclusive'],
      ['/AttachmentName', `${'n'.repeat(253)}.txt`, 'have length between 1 and 256, inclusive'],
      ['/AttachmentName', 'a\0.txt', 'be text without U+0000 and without unpaired surrogates'],
      ['/ClientToken', undefined, 'not be null'],
      ['/ClientToken', '', 'have length between 1 and 500, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length between 1 and 500, inclusive'],
    ],
    [
      ['/AttachmentName', `${'😀'.repeat(252)}.txt`],
      ['/ContentType', `a/${'b'.repeat(253)}`],
    ],
  );

  for (const [more, message] of [
    [{ AttachmentSizeInBytes: 20_971_521 }, /may have 20971520 bytes \(MaximumSizeLimitInBytes/],
    [{ AttachmentSizeInBytes: 2 ** 52 }, /may have 20971520 bytes/],
    [{ AttachmentName: 'virus.exe' }, /ends in \.exe; this instance takes \.csv/],
    [{ AttachmentName: 'txt' }, /no extension/],
    [{ ContentType: 'text' }, /must be a media type/],
    [{ ContentType: 'text/plain\r\nx: y' }, /must be a media type/],
  ] as const) {
    it(`[AM8] refuses ${JSON.stringify(more)} and names the limit`, async () => {
      const answer = await start(customer.token, more);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.Message, message);
    });
  }
});

describe('StartAttachmentUpload: behaviour', () => {
  it('[AM1] answers an id, where the bytes go, until when, and with which headers', async () => {
    const { status, body } = await start(customer.token, { AttachmentName: 'Ä "b".TXT', ContentType: 'Text/Plain' });
    assert.equal(status, 200);
    const { AttachmentId, UploadMetadata } = body;
    assert.match(AttachmentId, /^[0-9a-f-]{36}$/);
    const url = new URL(UploadMetadata.Url);
    assert.equal(url.pathname, `/participant/attachments/${AttachmentId}`);
    assert.deepEqual([...url.searchParams.keys()], ['token']);
    assert.equal(UploadMetadata.UrlExpiry, '2026-01-31T12:15:00.000Z');
    assert.deepEqual(UploadMetadata.HeadersToInclude, {
      'Content-Type': 'Text/Plain',
      'Content-Disposition': 'attachment; filename="_ _b_.TXT"',
    });
  });

  it('[AM1] answers headers and a URL within the model’s lengths for the longest name and type', async () => {
    const more = { AttachmentName: `${'😀'.repeat(252)}.txt`, ContentType: `a/${'b'.repeat(253)}` };
    const { UploadMetadata } = (await start(customer.token, more)).body;
    assert(UploadMetadata.HeadersToInclude['Content-Disposition'].length <= 256);
    assert(UploadMetadata.Url.length < 400);
  });

  it('[AM9] refuses the 36th of a chat, and takes it when one was dropped', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const bot = await addBot(at, (await startChat(at)).ContactId);
    for (let index = 1; index <= 35; index += 1) {
      at.time.now += 1000;
      assert.equal((await start(token, {}, at)).status, 200);
    }
    const answer = await start(token, {}, at);
    assert.deepEqual([answer.status, answer.type], [402, 'ServiceQuotaExceededException']);
    assert.match(answer.body.Message, /has 35 attachments, the most/);
    assert.equal((await start(bot.token, {}, at)).status, 200, 'another chat has its own 35');
    await at.wait(60 * 60_000 - 34_000);
    assert.equal((await start(token, {}, at)).status, 200);
    assert.equal((await start(token, {}, at)).status, 402);
  });

  it('[AM9] never takes more than 35 of starts that race', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const answers = await Promise.all(Array.from({ length: 50 }, () => start(token, {}, at)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 35);
    assert.equal(new Set(answers.map(({ body }) => body.AttachmentId)).size, 36);
  });

  it('[AM9] removes the bytes of what was dropped', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const { Url } = await uploadFile(at, token);
    assert.equal((await at.blobs.list(`attachments/${ContactId}/`, 10)).length, 1);
    await at.wait(60 * 60_000);
    assert.deepEqual(await at.blobs.list(`attachments/${ContactId}/`, 10), []);
    assert.equal((await at.transfer('PUT', Url, hello)).status, 403);
  });
});

describe('StartAttachmentUpload: repeated', () => {
  it('[AM7] answers the same id and URL to the same ClientToken, also after the end', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const more = { ClientToken: 'once' };
    const first = await startFile(at, token, more);
    at.time.now += 1000;
    assert.deepEqual(await startFile(at, token, more), first);
    const racing = await Promise.all(Array.from({ length: 10 }, () => startFile(at, token, { ClientToken: 'race' })));
    for (const each of racing) assert.deepEqual(each, racing[0]);
    assert.equal((await at.store.chat({ contactId: ContactId }))?.attachments?.length, 2);
    await at.call('StopContact', { InstanceId, ContactId });
    assert.deepEqual(await startFile(at, token, more), first);
    assert.equal((await start(token, {}, at)).status, 403);
  });

  it('[AM7] answers the same to who has left, in a chat that goes on', async () => {
    const at = await testPipeline();
    const { token } = await addBot(at, (await startChat(at)).ContactId);
    const first = await startFile(at, token, { ClientToken: 'once' });
    assert.equal((await at.call('DisconnectParticipant', {}, token)).status, 200);
    assert.deepEqual(await startFile(at, token, { ClientToken: 'once' }), first);
    assert.equal((await start(token, {}, at)).status, 403);
  });

  it('[AM7] refuses the same ClientToken with another request', async () => {
    const ClientToken = pipeline.ids.uuid();
    await startFile(pipeline, customer.token, { ClientToken });
    for (const more of [{ AttachmentName: 'b.txt' }, { ContentType: 'text/csv' }, { AttachmentSizeInBytes: 13 }]) {
      const answer = await start(customer.token, { ClientToken, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.Message, /ClientToken was used for another attachment/);
    }
  });

  it('[AM7] keeps the ClientTokens of participants and chats apart', async () => {
    const bot = await addBot(pipeline, customer.ContactId);
    const other = await startChat(pipeline);
    const ids = new Set<string>();
    for (const { token } of [customer, bot, other]) {
      ids.add((await startFile(pipeline, token, { ClientToken: 'mine' })).AttachmentId);
    }
    assert.equal(ids.size, 3);
  });
});

describe('StartAttachmentUpload: limits of the instance', () => {
  it('[AM23] are those at the time of the start', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const limit = (more: object) =>
      at.call('UpdateAttachedFilesConfiguration', { InstanceId, AttachmentScope: 'CHAT', ...more });
    const earlier = await uploadFile(at, token);
    await limit({ MaximumSizeLimitInBytes: 11, ExtensionConfiguration: { AllowedExtensions: [{ Extension: 'EXE' }] } });
    assert.match((await start(token, {}, at)).body.Message, /may have 11 bytes/);
    assert.match((await start(token, { AttachmentSizeInBytes: 11 }, at)).body.Message, /takes \.exe/);
    assert.equal((await start(token, { AttachmentSizeInBytes: 11, AttachmentName: 'a.Exe' }, at)).status, 200);
    assert.equal((await complete(at, token, earlier.AttachmentId)).status, 200, 'what had begun goes on');
    await limit({ MaximumSizeLimitInBytes: 104_857_600 });
    const large = { AttachmentSizeInBytes: 104_857_600, AttachmentName: 'a.exe' };
    assert.equal((await start(token, large, at)).status, 200);
  });
});
