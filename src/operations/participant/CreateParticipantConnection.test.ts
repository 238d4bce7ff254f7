import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { admitAgent } from '../../../test/support/agents.ts';
import {
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const day = 24 * 60 * 60 * 1000;
const both = ['WEBSOCKET', 'CONNECTION_CREDENTIALS'];

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});

function connect(token: string, input: Record<string, unknown>, at = pipeline) {
  return at.call('CreateParticipantConnection', input, token);
}

const subject = {
  name: 'CreateParticipantConnection',
  valid: { Type: both },
  bearer: () => customer.ParticipantToken,
  pipeline: () => pipeline,
};

describe('CreateParticipantConnection: serialization', () => {
  serialization(subject, [
    ['/Type', 'WEBSOCKET', 'a list'],
    ['/Type/0', 5, 'a string'],
    ['/Type/0', null, 'a value; lists have no null'],
    ['/ConnectParticipant', 'true', 'true or false'],
    ['/ConnectParticipant', 1, 'true or false'],
  ]);
});

describe('CreateParticipantConnection: validation', () => {
  const types = '[WEBSOCKET, CONNECTION_CREDENTIALS, WEBRTC_CONNECTION]';
  validation(
    subject,
    [
      ['/Type', [], 'have length greater than or equal to 1'],
      ['/Type/0', 'SOCKET', `satisfy enum value set: ${types}`],
      ['/Type/0', 'websocket', `satisfy enum value set: ${types}`],
    ],
    [['/Type', ['WEBSOCKET', 'WEBSOCKET', 'CONNECTION_CREDENTIALS']]],
  );

  for (const input of [{}, { ConnectParticipant: false }, { Type: null, ConnectParticipant: null }]) {
    it(`[CN3] refuses ${JSON.stringify(input)}, which asks for nothing`, async () => {
      const answer = await connect(customer.ParticipantToken, input);
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /Type, or ConnectParticipant true/);
    });
  }

  for (const Type of [['WEBRTC_CONNECTION'], [...both, 'WEBRTC_CONNECTION']]) {
    it(`[CN4] refuses ${Type}, and connects nobody by it`, async () => {
      const chat = await startChat(pipeline, {}, false);
      const answer = await connect(chat.ParticipantToken, { Type, ConnectParticipant: true });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /WEBRTC_CONNECTION is for voice/);
      assert.deepEqual(await transcript(pipeline, chat.token), []);
    });
  }

  it('[CN1] refuses a connection token by 403, naming both kinds', async () => {
    const answer = await connect(customer.token, { Type: both });
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
    assert.match(answer.body.message, /holds a connection token, but this operation takes a participant token/);
  });

  it('[CN1] refuses a participant that left, and says when', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    await pipeline.call('DisconnectParticipant', {}, bot.token);
    const answer = await connect(bot.ParticipantToken, { Type: both });
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
    assert.match(answer.body.message, new RegExp(`${bot.ParticipantId} left .* at 2026-01-31T12:00:00.000Z`));
  });

  for (const input of [{ Type: both }, { Type: ['CONNECTION_CREDENTIALS'] }, { ConnectParticipant: true }]) {
    it(`[CN1] refuses ${JSON.stringify(input)} once the chat ended, and says when`, async () => {
      const chat = await startChat(pipeline);
      await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      const answer = await connect(chat.ParticipantToken, input);
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
      assert.match(answer.body.message, new RegExp(`chat ${chat.ContactId} ended at 2026-01-31T12:00:00.000Z`));
    });
  }
});

describe('CreateParticipantConnection: behaviour', () => {
  for (const [Type, members] of [
    [['WEBSOCKET'], ['Websocket']],
    [['CONNECTION_CREDENTIALS'], ['ConnectionCredentials']],
    [both, ['Websocket', 'ConnectionCredentials']],
    [both.toReversed(), ['Websocket', 'ConnectionCredentials']],
  ] as const) {
    it(`[CN2] answers ${members.join(' and ')} to ${Type}`, async () => {
      const { status, body } = await connect(customer.ParticipantToken, { Type });
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body), members);
    });
  }

  it('[CN2] answers nothing to ConnectParticipant alone', async () => {
    const answer = await connect(customer.ParticipantToken, { ConnectParticipant: true });
    assert.deepEqual([answer.status, answer.body], [200, {}]);
  });

  it('[CN5] gives the connection token a day and the URL 100 seconds, and says so', async () => {
    const at = await testPipeline();
    const chat = await startChat(at, { ChatDurationInMinutes: 60 });
    const { body } = await connect(chat.ParticipantToken, { Type: both }, at);
    assert.equal(body.ConnectionCredentials.Expiry, '2026-02-01T12:00:00.000Z');
    assert.equal(body.Websocket.ConnectionExpiry, '2026-01-31T12:01:40.000Z');
    const url = new URL(body.Websocket.Url);
    const token = url.searchParams.get('token') ?? '';
    assert.ok('identity' in at.tokens.verify('socket', token, at.time.now + 99_999));
    assert.deepEqual(at.tokens.verify('socket', token, at.time.now + 100_000), {
      refused: 'expired',
      at: at.time.now + 100_000,
    });
    const read = () => at.call('GetTranscript', {}, body.ConnectionCredentials.ConnectionToken);
    at.time.now += day - 1;
    assert.equal((await read()).status, 200);
    at.time.now += 1;
    assert.equal((await read()).status, 403);
  });

  it('[CN5] exchanges the token any number of times; earlier connection tokens go on working', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const tokens = [];
    for (let count = 0; count < 5; count += 1) {
      at.time.now += 1000;
      const { body } = await connect(chat.ParticipantToken, { Type: both }, at);
      tokens.push(body.ConnectionCredentials.ConnectionToken);
    }
    assert.equal(new Set(tokens).size, 5);
    for (const token of [chat.token, ...tokens]) assert.equal((await at.call('GetTranscript', {}, token)).status, 200);
    assert.deepEqual(await transcript(at, chat.token), ['participant.joined Ana']);
  });

  it('[CN7] puts a token of its own into the URL', async () => {
    const { body } = await connect(customer.ParticipantToken, { Type: both });
    const token = new URL(body.Websocket.Url).searchParams.get('token') ?? '';
    assert.notEqual(token, customer.ParticipantToken);
    assert.notEqual(token, body.ConnectionCredentials.ConnectionToken);
    assert.equal((await pipeline.call('GetTranscript', {}, token)).status, 403);
    assert.equal((await connect(token, { Type: both })).status, 403);
  });
});

describe('CreateParticipantConnection: who is connected', () => {
  type Token = { ParticipantToken: string; token: string };
  const send = ({ token }: Token) => pipeline.call('SendMessage', { ContentType: 'text/plain', Content: 'Hi' }, token);
  const acknowledge = ({ token }: Token) =>
    pipeline.call(
      'SendEvent',
      { ContentType: 'application/vnd.amazonaws.connect.event.connection.acknowledged' },
      token,
    );
  const ways: readonly [string, (chat: Token) => Promise<unknown>, ...more: string[]][] = [
    ['WEBSOCKET', ({ ParticipantToken }) => connect(ParticipantToken, { Type: ['WEBSOCKET'] })],
    ['both types', ({ ParticipantToken }) => connect(ParticipantToken, { Type: both })],
    ['ConnectParticipant alone', ({ ParticipantToken }) => connect(ParticipantToken, { ConnectParticipant: true })],
    [
      'credentials with ConnectParticipant',
      ({ ParticipantToken }) =>
        connect(ParticipantToken, { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true }),
    ],
    ['connection.acknowledged', acknowledge],
    ['a first SendMessage with bare credentials', send, 'Hi'],
  ];

  for (const [what, way, ...more] of ways) {
    it(`[CN6] joins a participant by ${what}`, async () => {
      const chat = await startChat(pipeline, {}, false);
      assert.deepEqual(await transcript(pipeline, chat.token), []);
      await way(chat);
      assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', ...more]);
    });

    it(`[CN6] joins a participant once by many of ${what} at once, its first message once too`, async () => {
      const first = { ContentType: 'text/plain', Content: 'First' };
      const chat = await startChat(pipeline, { InitialMessage: first }, false);
      await Promise.all(Array.from({ length: 40 }, () => way(chat)));
      const written = await transcript(pipeline, chat.token);
      assert.deepEqual(written.slice(0, 2), ['participant.joined Ana', 'First']);
      assert.equal(written.length, 2 + 40 * more.length);
    });
  }

  for (const what of ['bare credentials', 'credentials with ConnectParticipant false'] as const) {
    it(`[CN6] does not join a participant by ${what}, nor by what it reads or types`, async () => {
      const chat = await startChat(pipeline, {}, false);
      const ConnectParticipant = what === 'bare credentials' ? undefined : false;
      await connect(chat.ParticipantToken, { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant });
      await pipeline.call('SendEvent', { ContentType: 'application/vnd.amazonaws.connect.event.typing' }, chat.token);
      assert.deepEqual(await transcript(pipeline, chat.token), []);
    });
  }

  it('[CN6] joins a participant once by all the ways together, at once and one after another', async () => {
    const chat = await startChat(pipeline, {}, false);
    await Promise.all(ways.map(([, way]) => way(chat)));
    for (const [, way] of ways) await way(chat);
    assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', 'Hi', 'Hi']);
  });

  it('[CN6] joins each of many participants once, all connecting at once', async () => {
    const chat = await startChat(pipeline);
    const agents: string[] = [];
    for (let index = 0; index < 20; index += 1) {
      agents.push((await admitAgent(pipeline, chat.ContactId, 'AGENT', `Agent ${index}`)).ParticipantToken);
    }
    const calls = [...agents, ...agents].map((token) => connect(token, { Type: both }));
    assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
    const joined = agents.map((_, index) => `participant.joined Agent ${index}`);
    assert.deepEqual((await transcript(pipeline, chat.token)).slice(1).sort(), joined.sort());
  });

  it('[CN6] pushes news of the join once', async () => {
    const at = await testPipeline();
    const chat = await startChat(at, {}, false);
    at.news.length = 0;
    await Promise.all(Array.from({ length: 5 }, () => connect(chat.ParticipantToken, { Type: both }, at)));
    assert.deepEqual(
      at.news.map((news) => news.kind === 'items' && [news.from, news.to, news.items?.length]),
      [[1, 1, 1]],
    );
  });
});

describe('CreateParticipantConnection: origins', () => {
  const page = 'https://www.example.com';

  async function chatOf(approved: readonly string[]) {
    const at = await testPipeline();
    for (const Origin of approved) await at.call('AssociateApprovedOrigin', { InstanceId, Origin });
    const chat = await startChat(at, {}, false);
    const from = (origin: string | undefined, input: object = { Type: both }) =>
      at.raw('POST', '/participant/connection', JSON.stringify(input), {
        'x-amz-bearer': chat.ParticipantToken,
        ...(origin === undefined ? {} : { Origin: origin }),
      });
    return { at, chat, from };
  }

  it('[OR8] takes a page of any origin where none is approved', async () => {
    const { from } = await chatOf([]);
    for (const origin of [undefined, page, 'http://localhost:3000', 'null', 'no origin', '']) {
      assert.equal((await from(origin)).status, 200, origin);
    }
  });

  it('[OR8] takes pages of approved origins alone where some are, and programs, which send none', async () => {
    const { from, chat } = await chatOf(['http://localhost:3000', 'https://WWW.example.com:443']);
    for (const origin of [undefined, page, 'http://localhost:3000']) {
      assert.equal((await from(origin)).status, 200, origin);
    }
    for (const origin of ['https://example.com', 'http://www.example.com', 'http://localhost', 'null', 'x', '']) {
      const answer = await from(origin);
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException'], origin);
      assert.match(answer.body.message, /may not connect to instance .*; approve it with AssociateApprovedOrigin/);
      assert.equal(answer.reply.headers['access-control-allow-origin'], '*');
      assert.match(answer.reply.headers['access-control-expose-headers'] ?? '', /x-amzn-errortype/);
      assert(!answer.reply.body.includes(chat.ParticipantToken));
    }
  });

  it('[OR8] changes nothing by what it refuses', async () => {
    const { at, from, chat } = await chatOf([page]);
    for (const input of [{ Type: both }, { Type: ['CONNECTION_CREDENTIALS'] }, { ConnectParticipant: true }]) {
      assert.equal((await from('https://other.example', input)).status, 403);
    }
    assert.deepEqual(await transcript(at, chat.token), []);
    await from(page);
    assert.deepEqual(await transcript(at, chat.token), ['participant.joined Ana']);
  });

  it('[OR8] goes by the list as it is at the time', async () => {
    const { at, from } = await chatOf([page]);
    assert.equal((await from('https://other.example')).status, 403);
    await at.call('AssociateApprovedOrigin', { InstanceId, Origin: 'https://other.example' });
    assert.equal((await from('https://other.example')).status, 200);
    await at.call('DisassociateApprovedOrigin', { InstanceId, Origin: 'https://other.example' });
    assert.equal((await from('https://other.example')).status, 403);
    await at.call('DisassociateApprovedOrigin', { InstanceId, Origin: page });
    assert.equal((await from('https://other.example')).status, 200);
  });

  it('[OR9] does not look at the origin of any other operation', async () => {
    const { at, from, chat } = await chatOf([page]);
    await from(page);
    const headers = { 'x-amz-bearer': chat.token, origin: 'https://other.example' };
    const message = JSON.stringify({ ContentType: 'text/plain', Content: 'from anywhere' });
    assert.equal((await at.raw('POST', '/participant/message', message, headers)).status, 200);
    assert.equal((await at.raw('POST', '/participant/transcript', '{}', headers)).status, 200);
    const stop = JSON.stringify({ InstanceId, ContactId: chat.ContactId });
    assert.equal((await at.raw('POST', '/contact/stop', stop, { origin: 'https://other.example' })).status, 200);
  });
});
