import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addBot,
  ContactFlowId,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { property } from '../../../test/support/property.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const interactive = 'application/vnd.amazonaws.connect.message.interactive';
const interactiveResponse = `${interactive}.response`;
const rich = {
  SupportedMessagingContentTypes: ['text/plain', 'text/markdown', 'application/json', interactive, interactiveResponse],
};

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline, rich);
});

function send(token: string | undefined, more: Record<string, unknown> = {}, at = pipeline) {
  return at.call('SendMessage', { ContentType: 'text/plain', Content: 'Hello', ...more }, token);
}

const subject = {
  name: 'SendMessage',
  valid: { ContentType: 'text/plain', Content: 'Hello' },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('SendMessage: serialization', () => {
  serialization(subject, [
    ['/ContentType', 5, 'a string'],
    ['/Content', { text: 'Hello' }, 'a string'],
    ['/Content', ['Hello'], 'a string'],
    ['/ClientToken', 5, 'a string'],
  ]);
});

describe('SendMessage: validation', () => {
  validation(
    subject,
    [
      ['/ContentType', undefined, 'not be null'],
      ['/ContentType', '', 'have length between 1 and 100, inclusive'],
      ['/ContentType', 't'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/Content', undefined, 'not be null'],
      ['/Content', null, 'not be null'],
      ['/Content', '', 'have length between 1 and 16384, inclusive'],
      ['/Content', 'c'.repeat(16_385), 'have length between 1 and 16384, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
      ['/Content', 'a\0b', 'be text without U+0000 and without unpaired surrogates'],
      ['/Content', '\udc00', 'be text without U+0000 and without unpaired surrogates'],
    ],
    [
      ['/Content', 'c'.repeat(16_384)],
      ['/Content', '\u0001\u001f\u007f\ufeff\ufffe\uffff'],
      ['/ClientToken', '😀'.repeat(500)],
    ],
  );

  for (const [what, ContentType, words] of [
    ['an unknown type', 'text/html', /'text\/html' cannot be sent; use one of text\/plain, /],
    ['an event’s type', 'application/vnd.amazonaws.connect.event.typing', /cannot be sent/],
    ['a flow’s type', interactive, /cannot be sent/],
    ['a type in capitals', 'TEXT/PLAIN', /cannot be sent/],
    ['a type with parameters', 'text/plain; charset=utf-8', /cannot be sent/],
  ] as const) {
    it(`[SM2] refuses ${what}`, async () => {
      const answer = await send(customer.token, { ContentType });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, words);
    });
  }

  for (const ContentType of ['text/markdown', 'application/json', interactiveResponse]) {
    it(`[SM2] refuses ${ContentType} in a chat that does not support it`, async () => {
      const plain = await startChat(pipeline);
      const answer = await send(plain.token, { ContentType, Content: '{}' });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /is not supported by this chat; name it in SupportedMessagingContentTypes/);
    });
  }

  for (const [what, Content, bytes] of [
    ['two-byte letters', 'é'.repeat(8193), 16_386],
    ['three-byte letters', `${'€'.repeat(5461)}ab`, 16_385],
    ['emoji', `${'😀'.repeat(4096)}a`, 16_385],
  ] as const) {
    it(`[SM3] refuses ${bytes} UTF-8 bytes of ${what}`, async () => {
      const answer = await send(customer.token, { Content });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.equal(answer.body.message, `Content is ${bytes} bytes long; it may be 16384 bytes of UTF-8.`);
    });
  }

  it('[SM3] refuses application/json that is not JSON', async () => {
    for (const Content of ['{', 'Hello', "{'a':1}", '{"a":1} x', 'undefined']) {
      const answer = await send(customer.token, { ContentType: 'application/json', Content });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /not valid JSON/);
    }
  });

  it('[SM8] goes by the limits that are set for each content type, and else by Amazon’s', async () => {
    const at = await testPipeline({ maxContentBytes: { 'text/plain': 10, 'application/json': 12 } });
    const chat = await startChat(at, {
      SupportedMessagingContentTypes: ['text/plain', 'text/markdown', 'application/json'],
    });
    const status = async (ContentType: string, Content: string) =>
      (await at.call('SendMessage', { ContentType, Content }, chat.token)).status;
    assert.deepEqual(
      [await status('text/plain', 'é'.repeat(5)), await status('text/plain', 'é'.repeat(5).concat('x'))],
      [200, 400],
    );
    assert.deepEqual(
      [
        await status('application/json', `"${'x'.repeat(10)}"`),
        await status('application/json', `"${'x'.repeat(11)}"`),
      ],
      [200, 400],
    );
    assert.equal(await status('text/markdown', 'x'.repeat(16_384)), 200);
    const answer = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'x'.repeat(11) }, chat.token);
    assert.equal(answer.body.message, 'Content is 11 bytes long; it may be 10 bytes of UTF-8.');
  });

  it('[SM8] holds the initial message to the same limits', async () => {
    const at = await testPipeline({ maxContentBytes: { 'text/plain': 10 } });
    const input = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } };
    const start = (Content: string) =>
      at.call('StartChatContact', { ...input, InitialMessage: { ContentType: 'text/plain', Content } });
    assert.equal((await start('x'.repeat(10))).status, 200);
    const answer = await start('x'.repeat(11));
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /it may be 10 bytes of UTF-8/);
  });

  it('[SH9] repeats no content in a refusal', async () => {
    const secret = 'never to be shown ';
    for (const more of [
      { Content: secret.repeat(1000) },
      { Content: `${secret}\0` },
      { Content: [secret] },
      { Content: { [secret]: secret } },
      { Content: secret, ContentType: 'application/json' },
      { Content: secret, ContentType: 'text/html' },
    ]) {
      const { status, body } = await send(customer.token, more);
      assert.equal(status, 400);
      assert.doesNotMatch(JSON.stringify(body), /never to be shown/);
    }
  });

  it('[SM7] refuses a participant token by 403, saying where a connection token comes from', async () => {
    const answer = await send(customer.ParticipantToken);
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
    assert.match(answer.body.message, /participant token.*takes a connection token, from CreateParticipantConnection/);
  });

  for (const ContentType of ['text/plain', 'text/markdown']) {
    it(`[SM5] refuses ${ContentType} by 403 after the end of the chat, and says so`, async () => {
      const chat = await startChat(pipeline, rich);
      await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      const answer = await send(chat.token, { ContentType });
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
      assert.match(answer.body.message, new RegExp(`chat ${chat.ContactId} ended at 2026-01-31T12:00:00.000Z`));
    });

    it(`[SM5] refuses ${ContentType} by 403 after its author left, and says so`, async () => {
      const chat = await startChat(pipeline, rich);
      const bot = await addBot(pipeline, chat.ContactId);
      await pipeline.call('DisconnectParticipant', {}, bot.token);
      const answer = await send(bot.token, { ContentType });
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
      assert.match(answer.body.message, new RegExp(`${bot.ParticipantId} left the chat`));
    });
  }

  it('[SM5] writes nothing of who never connected once the chat ended', async () => {
    const chat = await startChat(pipeline, {}, false);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    assert.equal((await send(chat.token)).status, 403);
    const stored = await pipeline.store.chat({ contactId: chat.ContactId });
    assert.equal(stored?.last, 1);
  });
});

describe('SendMessage: behaviour', () => {
  it('[SM1] answers Id and AbsoluteTime; the same two are pushed and in the transcript', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    at.time.now += 777;
    at.news.length = 0;
    const { status, body } = await send(chat.token, {}, at);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ['Id', 'AbsoluteTime']);
    assert.equal(body.AbsoluteTime, '2026-01-31T12:00:00.777Z');
    const [news] = at.news;
    assert.ok(news?.kind === 'items' && at.news.length === 1);
    assert.deepEqual([news.items?.[0]?.id, news.items?.[0]?.time], [body.Id, at.time.now]);
    const read = await at.call('GetTranscript', { MaxResults: 1 }, chat.token);
    const { Id, AbsoluteTime } = read.body.Transcript[0];
    assert.deepEqual({ Id, AbsoluteTime }, body);
  });

  it('[SH10] writes AbsoluteTime as ISO 8601 with milliseconds and Z', async () => {
    const { body } = await send(customer.token);
    assert.match(body.AbsoluteTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  for (const ContentType of ['text/plain', 'text/markdown', 'application/json', interactiveResponse]) {
    it(`[SM2] takes ${ContentType} and gives it back with its type`, async () => {
      const { body } = await send(customer.token, { ContentType, Content: '{"a":[1]}' });
      const read = await pipeline.call('GetTranscript', { MaxResults: 1 }, customer.token);
      const item = read.body.Transcript[0];
      assert.deepEqual(
        [
          item.Id,
          item.Type,
          item.ContentType,
          item.Content,
          item.ParticipantId,
          item.ParticipantRole,
          item.DisplayName,
        ],
        [body.Id, 'MESSAGE', ContentType, '{"a":[1]}', customer.ParticipantId, 'CUSTOMER', 'Ana'],
      );
    });
  }

  for (const Content of ['c'.repeat(16_384), 'é'.repeat(8192), '😀'.repeat(4096), 'x']) {
    it(`[SM3] takes ${Buffer.byteLength(Content)} UTF-8 bytes in ${[...Content].length} characters of ${[...Content][0]}`, async () => {
      assert.equal((await send(customer.token, { Content })).status, 200);
      const read = await pipeline.call('GetTranscript', { MaxResults: 1 }, customer.token);
      assert.equal(read.body.Transcript[0].Content, Content);
    });
  }

  it('[SM3] takes any JSON as application/json, and keeps it as it was written', async () => {
    for (const Content of ['null', '1e5', ' { "a" : 1 } ', '"text"', '[]', '{"__proto__":{"a":1}}']) {
      assert.equal((await send(customer.token, { ContentType: 'application/json', Content })).status, 200);
      const read = await pipeline.call('GetTranscript', { MaxResults: 1 }, customer.token);
      assert.equal(read.body.Transcript[0].Content, Content);
    }
  });

  it('[SM6] gives every text back exactly, whatever well-formed characters it is made of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }), async (Content) => {
        fc.pre(!Content.includes('\0'));
        const sent = await send(customer.token, { Content });
        assert.equal(sent.status, 200);
        const read = await pipeline.call('GetTranscript', { MaxResults: 1 }, customer.token);
        assert.equal(read.body.Transcript[0].Content, Content);
      }),
      property(100),
    );
  });

  it('[SM6] keeps every one of many messages sent at once, each once, at times that differ', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const bot = await addBot(at, chat.ContactId);
    const wanted = Array.from({ length: 60 }, (_, index) => `message ${index}`);
    const answers = await Promise.all(
      wanted.map((Content, index) => send(index % 2 ? chat.token : bot.token, { Content }, at)),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ body }) => body.AbsoluteTime)).size, 60);
    assert.equal(new Set(answers.map(({ body }) => body.Id)).size, 60);
    assert.deepEqual((await transcript(at, chat.token)).slice(2).sort(), wanted.sort());
  });

  it('[SC10, SM4] takes no ClientToken, or an empty one, for no idempotency', async () => {
    for (const ClientToken of [undefined, '']) {
      const one = await send(customer.token, { ClientToken });
      const other = await send(customer.token, { ClientToken });
      assert.notEqual(one.body.Id, other.body.Id);
    }
  });
});

describe('SendMessage: repeated', () => {
  const ClientToken = 'once';

  for (const ContentType of ['text/plain', 'text/markdown']) {
    it(`[SM4] answers the same Id and AbsoluteTime to the same ${ContentType}, also after its author left and the chat ended`, async () => {
      const at = await testPipeline();
      const chat = await startChat(at, rich);
      const bot = await addBot(at, chat.ContactId);
      const first = await send(bot.token, { ClientToken, ContentType }, at);
      assert.equal(first.status, 200);
      at.time.now += 60_000;
      assert.deepEqual((await send(bot.token, { ClientToken, ContentType }, at)).body, first.body);
      await at.call('DisconnectParticipant', {}, bot.token);
      assert.deepEqual((await send(bot.token, { ClientToken, ContentType }, at)).body, first.body);
      await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      const last = await send(bot.token, { ClientToken, ContentType }, at);
      assert.deepEqual([last.status, last.body], [200, first.body]);
      const told = at.news.flatMap((news) => (news.kind === 'items' ? (news.items ?? []) : []));
      assert.deepEqual(
        told.filter(({ content }) => content === 'Hello').map(({ id }) => id),
        [first.body.Id],
      );
    });
  }

  for (const more of [{ Content: 'Other' }, { ContentType: 'text/markdown' }]) {
    it(`[SM4] refuses the same ClientToken with another ${Object.keys(more)[0]}, also after the end`, async () => {
      const chat = await startChat(pipeline, rich);
      await send(chat.token, { ClientToken });
      const refuse = async () => {
        const answer = await send(chat.token, { ClientToken, ...more });
        assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
        assert.match(answer.body.message, /ClientToken was used for another message/);
      };
      await refuse();
      assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', 'Hello']);
      await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      await refuse();
    });
  }

  it('[SM4] writes one message of many calls at once with the same ClientToken', async () => {
    const chat = await startChat(pipeline);
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(chat.token, { ClientToken })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
    assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', 'Hello']);
  });

  it('[SM4, CN6] writes one message and one join of many first calls at once with bare credentials', async () => {
    const chat = await startChat(pipeline, {}, false);
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(chat.token, { ClientToken })));
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
    assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', 'Hello']);
  });

  it('[SM4] writes one message and refuses the rest when contents that differ race with the same ClientToken', async () => {
    const chat = await startChat(pipeline);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => send(chat.token, { ClientToken, Content: `No. ${index}` })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400]);
    assert.equal((await transcript(pipeline, chat.token)).length, 2);
  });

  it('[SM4] keeps the ClientTokens of two participants and of two chats apart', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    const other = await startChat(pipeline);
    for (const { token } of [chat, bot, other])
      assert.equal((await send(token, { ClientToken, Content: token })).status, 200);
    assert.equal((await transcript(pipeline, chat.token)).length, 4);
    assert.equal((await transcript(pipeline, other.token)).length, 2);
  });

  it('[SM4] takes a retry through another connection token of the same participant for the same', async () => {
    const chat = await startChat(pipeline);
    const first = await send(chat.token, { ClientToken });
    pipeline.time.now += 1000;
    const renewed = await pipeline.call(
      'CreateParticipantConnection',
      { Type: ['CONNECTION_CREDENTIALS'] },
      chat.ParticipantToken,
    );
    const again = await send(renewed.body.ConnectionCredentials.ConnectionToken, { ClientToken });
    assert.deepEqual(again.body, first.body);
  });
});
