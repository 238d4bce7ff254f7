import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import {
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const prefix = 'application/vnd.amazonaws.connect.event.';
const [typing, delivered, read, acknowledged] = [
  `${prefix}typing`,
  `${prefix}message.delivered`,
  `${prefix}message.read`,
  `${prefix}connection.acknowledged`,
] as const;

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});

function event(token: string, ContentType: string | undefined, more: Record<string, unknown> = {}, at = pipeline) {
  return at.call('SendEvent', { ContentType, ...more }, token);
}

/** A chat with a bot in it, and a way for the customer to say something to it: answers the message's Id. */
async function pair() {
  const at = await testPipeline();
  const chat = await startChat(at);
  const bot = await addBot(at, chat.ContactId);
  const say = async (Content: string, token = chat.token): Promise<string> => {
    const { body } = await at.call('SendMessage', { ContentType: 'text/plain', Content }, token);
    return body.Id;
  };
  const receipt = (
    ContentType: string | undefined,
    messageId: string,
    token = bot.token,
    more: Record<string, unknown> = {},
  ) => event(token, ContentType, { Content: JSON.stringify({ messageId }), ...more }, at);
  /** Receipts in the transcript, by the content of their message. */
  const receipts = async (token = chat.token): Promise<Record<string, unknown>> => {
    const { body } = await at.call('GetTranscript', { MaxResults: 100 }, token);
    const messages: { Content: string; MessageMetadata?: { Receipts: unknown } }[] = body.Transcript.filter(
      (item: { Type: string }) => item.Type === 'MESSAGE',
    );
    return Object.fromEntries(messages.map((item) => [item.Content, item.MessageMetadata?.Receipts]));
  };
  return { at, chat, bot, say, receipt, receipts };
}

const subject = {
  name: 'SendEvent',
  valid: { ContentType: typing },
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('SendEvent: serialization', () => {
  serialization(subject, [
    ['/ContentType', 5, 'a string'],
    ['/Content', { messageId: 'a' }, 'a string'],
    ['/ClientToken', [], 'a string'],
  ]);
});

describe('SendEvent: validation', () => {
  validation(
    subject,
    [
      ['/ContentType', undefined, 'not be null'],
      ['/ContentType', '', 'have length between 1 and 100, inclusive'],
      ['/ContentType', 't'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/Content', 'c'.repeat(16_385), 'have length between 0 and 16384, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
    ],
    [
      ['/Content', 'c'.repeat(16_384)],
      ['/ClientToken', ''],
    ],
  );

  for (const ContentType of [typing, acknowledged]) {
    it(`[SH7] takes an empty Content, which the model forbids, with ${ContentType?.slice(prefix.length)}`, async () => {
      assert.equal((await event(customer.token, ContentType, { Content: '' })).status, 200);
    });
  }

  for (const ContentType of [
    'text/plain',
    `${prefix}participant.joined`,
    `${prefix}chat.ended`,
    `${prefix}message.metadata`,
    `${typing} `,
    'constructor',
    '__proto__',
    'toString',
  ]) {
    it(`[SE1] refuses ${ContentType} and names those that can be sent`, async () => {
      const { at, chat, say } = await pair();
      const Content = JSON.stringify({ messageId: await say('one') });
      const answer = await event(chat.token, ContentType, { Content }, at);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /not an event that a participant can send; use .*typing, .*acknowledged/);
    });
  }

  for (const [what, Content] of [
    ['no Content', undefined],
    ['an empty Content', ''],
    ['a Content that is not JSON', 'messageId'],
    ['a JSON null', 'null'],
    ['a JSON list', '["a"]'],
    ['a messageId that is not a string', '{"messageId":5}'],
    ['another key', '{"messageid":"a"}'],
  ] as const) {
    it(`[SE4] refuses a receipt of ${what}, and shows one that is right`, async () => {
      for (const ContentType of [delivered, read]) {
        const answer = await event(customer.token, ContentType, { Content });
        assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
        assert.match(answer.body.message, /\{"messageId":"<Id of the message>"\}/);
      }
    });
  }

  it('[SE4] refuses a receipt of what is no message of this chat', async () => {
    const { at, chat, bot, receipt, say } = await pair();
    const other = await startChat(at);
    const joined = (await at.call('GetTranscript', { MaxResults: 100 }, chat.token)).body.Transcript.at(-1).Id;
    const sent = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'Elsewhere' }, other.token);
    const known = await say('here');
    const near = known.slice(0, -1) + (known.endsWith('0') ? '1' : '0');
    for (const messageId of [
      '',
      'unknown',
      at.ids.uuid(),
      sent.body.Id,
      joined,
      near,
      known.toUpperCase(),
      ` ${known}`,
    ]) {
      const answer = await receipt(read, messageId, bot.token);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException'], messageId);
      assert.match(answer.body.message, /not a message of this chat/);
    }
  });

  it('[SH9] repeats no content in a refusal', async () => {
    for (const Content of ['never to be shown', '{"messageId":"never to be shown"}']) {
      const { body } = await event(customer.token, read, { Content });
      assert.doesNotMatch(JSON.stringify(body), /never to be shown/);
    }
  });

  for (const ContentType of [typing, acknowledged, delivered]) {
    it(`[SE1] refuses ${ContentType?.slice(prefix.length)} by 403 after the participant left or the chat ended`, async () => {
      const { at, chat, bot, say } = await pair();
      const Content = JSON.stringify({ messageId: await say('one') });
      await at.call('DisconnectParticipant', {}, bot.token);
      const left = await event(bot.token, ContentType, { Content }, at);
      assert.deepEqual([left.status, left.type], [403, 'AccessDeniedException']);
      assert.match(left.body.message, /left the chat/);
      await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      const ended = await event(chat.token, ContentType, { Content }, at);
      assert.deepEqual([ended.status, ended.type], [403, 'AccessDeniedException']);
      assert.match(ended.body.message, /ended at/);
    });
  }
});

describe('SendEvent: behaviour', () => {
  it('[SE1] answers Id and AbsoluteTime to each of the four', async () => {
    const { at, bot, say } = await pair();
    const Content = JSON.stringify({ messageId: await say('one') });
    for (const ContentType of [typing, acknowledged, delivered, read]) {
      const { status, body } = await event(bot.token, ContentType, { Content }, at);
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body), ['Id', 'AbsoluteTime']);
    }
  });

  it('[SE3] tells of typing after the last item and stores it nowhere', async () => {
    const { at, chat, say } = await pair();
    await say('one');
    const before = await at.store.chat({ contactId: chat.ContactId });
    at.news.length = 0;
    const { body } = await event(chat.token, typing, {}, at);
    assert.deepEqual(at.news, [
      {
        kind: 'event',
        contentType: typing,
        chat: before?.key,
        after: 3,
        id: body.Id,
        time: Date.parse(body.AbsoluteTime),
        participantId: chat.ParticipantId,
      },
    ]);
    assert.deepEqual(await at.store.chat({ contactId: chat.ContactId }), before);
    assert.equal((await transcript(at, chat.token)).length, 3);
  });

  it('[SE2] tells of typing twice with one ClientToken', async () => {
    const { at, chat } = await pair();
    at.news.length = 0;
    for (const _ of [1, 2]) await event(chat.token, typing, { ClientToken: 'constant' }, at);
    assert.equal(at.news.length, 2);
    const [one, other] = at.news;
    assert.ok(one?.kind === 'event' && other?.kind === 'event' && one.id !== other.id);
  });

  it('[SE2] takes the receipts of two messages with one ClientToken, as chatjs sends them', async () => {
    const { receipt, receipts, say, bot } = await pair();
    const ClientToken = 'INCOMING_READ_RECEIPT';
    await receipt(read, await say('one'), bot.token, { ClientToken });
    await receipt(read, await say('two'), bot.token, { ClientToken });
    const there = await receipts();
    assert.ok(there.one && there.two);
  });

  it('[SE4] ignores other keys of the content, as the widget sends them', async () => {
    const { at, bot, say } = await pair();
    const Content = JSON.stringify({ disableThrottle: true, messageId: await say('one'), more: { a: 1 } });
    assert.equal((await event(bot.token, read, { Content }, at)).status, 200);
  });

  it('[SE6] tells of a new receipt once, naming the reader, and keeps it on the message', async () => {
    const { at, bot, say, receipt, receipts } = await pair();
    const messageId = await say('one');
    at.news.length = 0;
    at.time.now += 5000;
    await receipt(delivered, messageId);
    await receipt(delivered, messageId);
    assert.equal(at.news.length, 1);
    const [news] = at.news;
    assert.ok(news?.kind === 'mark');
    assert.deepEqual([news.messageId, news.mark.reader, news.mark.kind], [messageId, bot.ParticipantId, 'delivered']);
    assert.deepEqual(await receipts(), {
      one: [{ DeliveredTimestamp: '2026-01-31T12:00:05.000Z', RecipientParticipantId: bot.ParticipantId }],
    });
  });

  it('[SE6] names the message in its metadata', async () => {
    const { at, chat, say, receipt } = await pair();
    const messageId = await say('one');
    await receipt(read, messageId);
    const { body } = await at.call('GetTranscript', { MaxResults: 1 }, chat.token);
    assert.equal(body.Transcript[0].MessageMetadata.MessageId, messageId);
  });

  it('[SE5] sets both timestamps by reading', async () => {
    const { at, bot, say, receipt, receipts } = await pair();
    const messageId = await say('one');
    at.time.now += 1000;
    await receipt(read, messageId);
    const at1 = '2026-01-31T12:00:01.000Z';
    const both = { DeliveredTimestamp: at1, ReadTimestamp: at1, RecipientParticipantId: bot.ParticipantId };
    assert.deepEqual(await receipts(), { one: [both] });
    at.time.now += 1000;
    await receipt(delivered, messageId);
    assert.deepEqual(await receipts(), { one: [both] });
  });

  it('[SE5] keeps the time of delivery when reading comes later', async () => {
    const { at, bot, say, receipt, receipts } = await pair();
    const messageId = await say('one');
    await receipt(delivered, messageId);
    at.time.now += 1000;
    await receipt(read, messageId);
    assert.deepEqual(await receipts(), {
      one: [
        {
          DeliveredTimestamp: '2026-01-31T12:00:00.000Z',
          ReadTimestamp: '2026-01-31T12:00:01.000Z',
          RecipientParticipantId: bot.ParticipantId,
        },
      ],
    });
  });

  it('[SE5] covers what came before, of every author but the reader, and nothing after', async () => {
    const { at, bot, say, receipt, receipts } = await pair();
    await say('one');
    await say('mine', bot.token);
    const third = await say('three');
    await say('four');
    await receipt(read, third);
    const there = await receipts();
    assert.ok(there.one && there.three);
    assert.deepEqual([there.mine, there.four], [undefined, undefined]);
    assert.equal(at.news.filter(({ kind }) => kind === 'mark').length, 1);
  });

  it('[SE5] moves a mark forward only', async () => {
    const { at, say, receipt, receipts } = await pair();
    const [first, second] = [await say('one'), await say('two')];
    await receipt(read, second);
    const before = await receipts();
    at.news.length = 0;
    at.time.now += 1000;
    assert.equal((await receipt(read, first)).status, 200);
    assert.deepEqual(await receipts(), before);
    assert.deepEqual(at.news, []);
  });

  it('[SE5] marks once when the same receipt comes many times at once', async () => {
    const { at, say, receipt } = await pair();
    const messageId = await say('one');
    at.news.length = 0;
    const answers = await Promise.all(Array.from({ length: 20 }, () => receipt(read, messageId)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(at.news.length, 1);
  });

  it('[SE6] keeps the receipts of two readers side by side', async () => {
    const { at, chat, bot, say, receipt, receipts } = await pair();
    const messageId = await say('one');
    await receipt(read, messageId);
    await at.call('DisconnectParticipant', {}, bot.token);
    const other = await addBot(at, chat.ContactId, 'Other');
    await receipt(delivered, messageId, other.token);
    const there = (await receipts()).one as { RecipientParticipantId: string; ReadTimestamp?: string }[];
    const readers = new Map(there.map((each) => [each.RecipientParticipantId, each.ReadTimestamp !== undefined]));
    assert.deepEqual(
      readers,
      new Map([
        [bot.ParticipantId, true],
        [other.ParticipantId, false],
      ]),
    );
  });

  /** An agent, and whom else the rows name, beside the customer; the agent's receipt of the customer's message. */
  async function withAgent(...others: ('AGENT' | 'SUPERVISOR')[]) {
    const at = await testPipeline();
    const chat = await startChat(at);
    const agents = [await addAgent(at, chat.ContactId)];
    for (const role of others) agents.push(await addAgent(at, chat.ContactId, role));
    const { body } = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'one' }, chat.token);
    const Content = JSON.stringify({ messageId: body.Id });
    at.news.length = 0;
    return {
      at,
      chat,
      agents,
      send: (ContentType: string = read) => event(agents[0]?.token ?? '', ContentType, { Content }, at),
    };
  }

  for (const others of [['AGENT'], ['SUPERVISOR'], ['AGENT', 'SUPERVISOR']] as const) {
    it(`[SE8] answers 409 to receipts beside ${others.join(' and ')}, and marks nothing`, async () => {
      const { at, chat, send } = await withAgent(...others);
      for (const ContentType of [delivered, read]) {
        const answer = await send(ContentType);
        assert.deepEqual([answer.status, answer.type], [409, 'ConflictException']);
        assert.match(
          answer.body.message,
          /^Operation can not be performed due to the state of the contact\. .*send none while/,
        );
      }
      assert.deepEqual(at.news, []);
      const { body } = await at.call('GetTranscript', { MaxResults: 1 }, chat.token);
      assert.equal(body.Transcript[0].MessageMetadata, undefined);
      assert.equal((await send(typing)).status, 200);
    });
  }

  it('[SE8] takes receipts of two, and again once a third has left', async () => {
    const { at, agents, send } = await withAgent('SUPERVISOR');
    assert.equal((await send()).status, 409);
    await at.call('DisconnectParticipant', {}, agents[1]?.token);
    assert.equal((await send()).status, 200);
    assert.equal((await (await withAgent()).send()).status, 200);
  });

  it('[SE8] refuses a malformed receipt by 400 all the same', async () => {
    const { at, chat } = await withAgent('AGENT');
    const answer = await event(chat.token, read, { Content: '{}' }, at);
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
  });

  it('[SE7] connects by connection.acknowledged, and again changes nothing', async () => {
    const at = await testPipeline();
    const chat = await startChat(at, {}, false);
    at.news.length = 0;
    for (const _ of [1, 2, 3]) assert.equal((await event(chat.token, acknowledged, {}, at)).status, 200);
    assert.deepEqual(await transcript(at, chat.token), ['participant.joined Ana']);
    assert.equal(at.news.length, 1);
  });
});
