import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import { complete, filesOf, hello, sendFile, startFile, uploadFile } from '../../../test/support/attachments.ts';
import { addBot, InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});

const subject = {
  name: 'CompleteAttachmentUpload',
  valid: { AttachmentIds: ['an-id'], ClientToken: 'token' },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

async function items({ call }: TestPipeline, token: string) {
  const { body } = await call('GetTranscript', { MaxResults: 100, SortOrder: 'ASCENDING' }, token);
  return body.Transcript;
}

const kinds = async (at: TestPipeline, token: string): Promise<string[]> =>
  (await items(at, token)).map(({ Type, ContentType }: { Type: string; ContentType?: string }) =>
    `${Type} ${ContentType?.split('.').at(-1) ?? ''}`.trim(),
  );

describe('CompleteAttachmentUpload: serialization', () => {
  serialization(subject, [
    ['/AttachmentIds', 'an-id', 'a list'],
    ['/AttachmentIds/0', 5, 'a string'],
    ['/ClientToken', 5, 'a string'],
  ]);
});

describe('CompleteAttachmentUpload: validation', () => {
  validation(
    subject,
    [
      ['/AttachmentIds', undefined, 'not be null'],
      ['/AttachmentIds', [], 'have length between 1 and 1, inclusive'],
      ['/AttachmentIds', ['one', 'two'], 'have length between 1 and 1, inclusive'],
      ['/AttachmentIds/0', '', 'have length between 1 and 256, inclusive'],
      ['/AttachmentIds/0', 'i'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ClientToken', undefined, 'not be null'],
      ['/ClientToken', '', 'have length between 1 and 500, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length between 1 and 500, inclusive'],
    ],
    [['/ClientToken', '😀'.repeat(500)]],
  );

  it('[AM10] refuses one whose bytes have not arrived, and takes it when they have', async () => {
    const { AttachmentId, Url } = await startFile(pipeline, customer.token);
    await pipeline.transfer('PUT', Url, Buffer.from('too short'));
    const ClientToken = pipeline.ids.uuid();
    const answer = await complete(pipeline, customer.token, AttachmentId, ClientToken);
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
    assert.match(answer.body.Message, /bytes of attachment .* have not arrived: PUT them to the Url/);
    await pipeline.transfer('PUT', Url, hello);
    assert.equal((await complete(pipeline, customer.token, AttachmentId, ClientToken)).status, 200);
  });

  it('[AM10] refuses one that is unknown, another participant’s or another chat’s', async () => {
    const bot = await addBot(pipeline, customer.ContactId);
    const other = await startChat(pipeline);
    const ofBot = await uploadFile(pipeline, bot.token);
    const ofOther = await uploadFile(pipeline, other.token);
    for (const id of ['unknown', ofBot.AttachmentId, ofOther.AttachmentId]) {
      const answer = await complete(pipeline, customer.token, id);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.Message, /is not an attachment that this participant started in this chat/);
    }
  });
});

describe('CompleteAttachmentUpload: behaviour', () => {
  it('[AM12, AM13] writes one item, APPROVED, that is pushed and in the transcript', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const more = { AttachmentName: 'a/b "ü".PDF', ContentType: 'application/pdf' };
    const { AttachmentId } = await uploadFile(at, chat.token, hello, more);
    assert.deepEqual(await kinds(at, chat.token), ['EVENT joined'], 'nothing is shown before');
    at.time.now += 777;
    at.news.length = 0;
    const answer = await complete(at, chat.token, AttachmentId);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    const [, item] = await items(at, chat.token);
    const { Id, ...rest } = item;
    assert.deepEqual(rest, {
      AbsoluteTime: '2026-01-31T12:00:00.777Z',
      Type: 'ATTACHMENT',
      ParticipantId: chat.ParticipantId,
      DisplayName: 'Ana',
      ParticipantRole: 'CUSTOMER',
      Attachments: [
        { ContentType: 'application/pdf', AttachmentId, AttachmentName: 'a/b "ü".PDF', Status: 'APPROVED' },
      ],
      ContactId: chat.ContactId,
    });
    const [news] = at.news;
    assert(news?.kind === 'items' && at.news.length === 1);
    assert.deepEqual([news.items?.[0]?.id, news.items?.[0]?.attachments?.[0]?.id], [Id, AttachmentId]);
  });

  it('[AM12] connects who had not connected, with its joined before the file', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at, { InitialMessage: { ContentType: 'text/plain', Content: 'First' } }, false);
    await sendFile(at, token);
    assert.deepEqual(await kinds(at, token), ['EVENT joined', 'MESSAGE text/plain', 'ATTACHMENT']);
  });

  it('[AM12] is a sign of life of who was idle', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    await at.call('UpdateParticipantRoleConfig', {
      InstanceId,
      ContactId,
      ChannelConfiguration: {
        Chat: {
          ParticipantTimerConfigList: [
            { ParticipantRole: 'CUSTOMER', TimerType: 'IDLE', TimerValue: { ParticipantTimerDurationInMinutes: 2 } },
          ],
        },
      },
    });
    await addAgent(at, ContactId);
    await at.wait(120_000);
    const passing = () => at.news.flatMap((news) => (news.kind === 'event' ? news.contentType.split('.').at(-1) : []));
    assert.deepEqual(passing(), ['idle']);
    await sendFile(at, token);
    assert.deepEqual(passing(), ['idle', 'returned']);
    const [event] = at.news.flatMap((news, index) => (news.kind === 'event' && index > 0 ? [news] : [])).slice(-1);
    const item = at.news.find((news) => news.kind === 'items' && news.items?.[0]?.type === 'ATTACHMENT');
    assert(event && item && at.news.indexOf(event) < at.news.indexOf(item), 'it returned before it sent');
  });

  it('[AM12] gets receipts as a message does', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const bot = await addBot(at, ContactId);
    await sendFile(at, token);
    const file = (await items(at, token)).at(-1);
    const Content = JSON.stringify({ messageId: file.Id });
    const ContentType = 'application/vnd.amazonaws.connect.event.message.read';
    assert.equal((await at.call('SendEvent', { ContentType, Content }, bot.token)).status, 200);
    const [{ MessageMetadata }] = (await items(at, token)).slice(-1);
    assert.equal(MessageMetadata.Receipts[0].RecipientParticipantId, bot.ParticipantId);
  });

  it('[AM4] keeps one object of several uploads, the last', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const { AttachmentId, Url } = await uploadFile(at, token);
    await at.transfer('PUT', Url, Buffer.from('HELLO, FILE\n'));
    assert.equal((await filesOf(at, ContactId)).length, 1);
    await complete(at, token, AttachmentId);
    const { body } = await at.call('GetAttachment', { AttachmentId }, token);
    assert.equal(String((await at.transfer('GET', body.Url)).bytes), 'HELLO, FILE\n');
  });
});

describe('CompleteAttachmentUpload: repeated', () => {
  it('[AM11] answers 200 to the same ClientToken and writes one item, also after the end', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const { AttachmentId } = await uploadFile(at, token);
    for (let time = 1; time <= 3; time += 1) {
      assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    }
    assert.deepEqual(await kinds(at, token), ['EVENT joined', 'ATTACHMENT']);
    await at.call('StopContact', { InstanceId, ContactId });
    assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    assert.equal((await complete(at, token, AttachmentId, 'another')).status, 403);
  });

  it('[AM11] answers 200 again to who has left, in a chat that goes on', async () => {
    const at = await testPipeline();
    const { token } = await addBot(at, (await startChat(at)).ContactId);
    const { AttachmentId } = await uploadFile(at, token);
    assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    assert.equal((await at.call('DisconnectParticipant', {}, token)).status, 200);
    assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    assert.equal((await complete(at, token, AttachmentId, 'another')).status, 403);
  });

  it('[AM11] is 409 with another ClientToken, or with the same for another attachment', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const one = await uploadFile(at, token);
    const other = await uploadFile(at, token);
    assert.equal((await complete(at, token, one.AttachmentId, 'once')).status, 200);
    const again = await complete(at, token, one.AttachmentId, 'another');
    assert.deepEqual([again.status, again.type], [409, 'ConflictException']);
    assert.match(again.body.Message, /was completed before, with another ClientToken/);
    const reused = await complete(at, token, other.AttachmentId, 'once');
    assert.deepEqual([reused.status, reused.type], [409, 'ConflictException']);
    assert.match(reused.body.Message, /ClientToken was used for another attachment/);
    assert.equal((await complete(at, token, other.AttachmentId, 'its own')).status, 200);
  });

  it('[AM11] completes once of many calls that race, with tokens that are the same or differ', async () => {
    for (const [isSame, statuses] of [
      [true, [200]],
      [false, [200, 409]],
    ] as const) {
      const at = await testPipeline();
      const { token } = await startChat(at);
      const { AttachmentId } = await uploadFile(at, token);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => complete(at, token, AttachmentId, isSame ? 'same' : `${index}`)),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), statuses);
      if (!isSame) assert.equal(answers.filter(({ status }) => status === 200).length, 1);
      assert.deepEqual(await kinds(at, token), ['EVENT joined', 'ATTACHMENT']);
    }
  });

  it('[AM4, AM11] shows whole bytes that were put before it, of uploads that race with it', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    for (let round = 1; round <= 20; round += 1) {
      const { AttachmentId, Url } = await uploadFile(at, token, Buffer.alloc(1000, 'a'), {});
      const puts = ['b', 'c', 'd'].map((each) => at.transfer('PUT', Url, Buffer.alloc(1000, each)));
      const [done, ...put] = await Promise.all([complete(at, token, AttachmentId), ...puts]);
      assert.equal(done.status, 200);
      for (const { status } of put) assert([200, 409].includes(status), `${status}`);
      const { body } = await at.call('GetAttachment', { AttachmentId }, token);
      const first = (await at.transfer('GET', body.Url)).bytes;
      assert(first.equals(Buffer.alloc(1000, first.subarray(0, 1))), 'whole');
      assert.equal((await at.transfer('PUT', Url, Buffer.alloc(1000, 'e'))).status, 409);
      assert((await at.transfer('GET', body.Url)).bytes.equals(first), 'and never another again');
      assert.equal((await filesOf(at, ContactId)).length, round, 'nothing else is kept');
    }
  });
});

describe('CompleteAttachmentUpload: with a scanner', () => {
  it('[AM14] writes the item when the scanner has answered', async () => {
    const at = await testPipeline({ scanner: async () => 'APPROVED' });
    const { token } = await startChat(at);
    const id = await sendFile(at, token);
    assert.deepEqual(await kinds(at, token), ['EVENT joined']);
    const early = await at.call('GetAttachment', { AttachmentId: id }, token);
    assert.deepEqual([early.status, early.type], [400, 'ValidationException']);
    await at.wait(0);
    const [, item] = await items(at, token);
    assert.deepEqual([item.Type, item.Attachments[0].Status], ['ATTACHMENT', 'APPROVED']);
    assert.equal((await at.call('GetAttachment', { AttachmentId: id }, token)).status, 200);
  });

  it('[AM11, AM14] is completed once, though its item is yet to come', async () => {
    const at = await testPipeline({ scanner: async () => 'REJECTED' });
    const { token, ContactId } = await startChat(at);
    const { AttachmentId, Url } = await uploadFile(at, token);
    assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    assert.equal((await complete(at, token, AttachmentId, 'once')).status, 200);
    assert.equal((await complete(at, token, AttachmentId, 'another')).status, 409);
    assert.equal((await at.transfer('PUT', Url, hello)).status, 409, 'the scanned bytes stay');
    await at.wait(0);
    const [, item] = await items(at, token);
    assert.deepEqual([item.Type, item.Attachments[0].Status], ['ATTACHMENT', 'REJECTED']);
    assert.deepEqual(await filesOf(at, ContactId), [], 'the bytes of a rejected file are removed');
  });
});
