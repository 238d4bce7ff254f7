import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DescribeContactCommand, ListQueuesCommand, StopContactCommand } from '@aws-sdk/client-connect';
import {
  CreateParticipantConnectionCommand,
  DisconnectParticipantCommand,
  SendEventCommand,
} from '@aws-sdk/client-connectparticipant';
import { WebSocket } from 'ws';
import * as contentType from '../../src/domain/content-type.ts';
import { openProxy } from '../support/proxy.ts';
import {
  addBot,
  apiAt,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';
import { dial, listen } from '../support/socket.ts';

/**
 * What a naive server gets wrong about these clients: the numbered list that the protocol was learnt as. Each row is a
 * rule, and the words of the title of the test that shows it. Transfers (21), automatic disconnects (24) and streaming
 * (25) belong to operations that are not built yet.
 */
const surprises: readonly (readonly [point: number, what: string, rule: string, title: string])[] = [
  [1, 'chatjs opens wss:// and ws://127.0.0.1 alone', 'CF5', 'hands out WebSocket URLs at 127.0.0.1'],
  [2, 'participant calls carry a bogus signature', 'HT6', 'reads no authorization header'],
  [2, 'preflights list authorization', 'HT5', 'answers preflights on any path'],
  [3, 'the content of a chat frame is a string', 'WS3', 'pushes items as a string of JSON'],
  [3, 'the content of a subscribe frame is an object', 'WS1', 'answers subscribe with an object'],
  [4, 'an item without ids is dropped', 'WS3', 'names contact and initial contact on everything'],
  [5, 'a short or long expiry makes chatjs storm', 'CN5', 'gives connection tokens a day'],
  [6, 'receipts repeat one ClientToken', 'SE2', 'takes every receipt of chatjs'],
  [6, 'an SDK repeats a message whose answer was lost', 'SM4', 'stores a message once that an SDK sent again'],
  [7, '403 tells who comes back that the chat is over', 'CN1', 'answers 403 to a chatjs session that comes back'],
  [8, 'a refused upgrade is asked for again at once', 'WS10', 'refuses an upgrade only where'],
  [9, 'the leaver waits for left and ended', 'WS9', 'pushes left and ended to the leaver'],
  [9, 'the customer who leaves ends the chat', 'DP1', 'ends the chat when chatjs disconnects'],
  [10, 'participant tokens are used again and again', 'CN5', 'keeps earlier connection tokens and sockets alive'],
  [11, 'a connection may be asked for in parts', 'CN2', 'answers what Type asks for'],
  [12, 'heartbeats and pings want their answers', 'WS2', 'answers heartbeats and pings'],
  [13, 'the sender waits for its own message', 'SM1', 'gives chatjs its own message back'],
  [14, 'the transcript is asked for early, twice', 'TR5', 'has what was sent between connect() and the socket'],
  [14, 'an empty StartPosition means none', 'TR1', 'takes the empty StartPosition of chatjs for none'],
  [15, 'receipts name their reader', 'SE6', 'tells chatjs who got and who read its message'],
  [16, 'chatjs does not look at the status of an upload', 'AM10', 'refuses the completion that chatjs sends'],
  [17, 'uploads and downloads come from other origins', 'AM6', 'answers preflights of uploads and downloads'],
  [18, 'errors are read from a header, and from the body', 'HT1', 'names an error in header and body'],
  [18, 'a browser reads what CORS exposes', 'HT5', 'lets pages of any origin read errors'],
  [19, 'labels hold encoded slashes', 'HT8', 'takes an ARN with its slash as one label'],
  [20, 'joined and left have an author, ended has none', 'TR2', 'has joined and left with their author'],
  [22, 'native SDKs send empty contents', 'SH7', 'takes an empty Content in SendEvent'],
  [22, 'receipts carry unknown keys', 'SE4', 'passes over unknown keys in a receipt'],
  [22, 'markdown is a setting of the chat', 'SM2', 'takes text/markdown from chatjs where'],
  [23, 'messages are sent before the socket is there', 'TR5', 'has what was sent between connect() and the socket'],
];
const later = [21, 24, 25];

test('[AR4] shows every point that the protocol was learnt by', () => {
  const folder = new URL('.', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const sources = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
  for (const [point, , rule, title] of surprises) {
    assert.ok(sources.includes(`test('[${rule}] ${title}`), `point ${point}: no test "[${rule}] ${title}"`);
  }
  const shown = new Set([...surprises.map(([point]) => point), ...later]);
  for (let point = 1; point <= 25; point += 1) assert.ok(shown.has(point), `point ${point}`);
});

async function chat(customer = {}) {
  const server = await testServer();
  const { api } = server;
  const ticket = await startChat(api, customer);
  const ana = await connection(api, ticket);
  const botTicket = await addBot(api, ticket.ContactId);
  return { api, ticket, ana, botTicket, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A participant call by hand. */
function post(endpoint: string, path: string, token: string, body: object, headers: Record<string, string> = {}) {
  return fetch(`${endpoint}/participant/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-amz-bearer': token, ...headers },
    body: JSON.stringify(body),
  });
}

test('[CF5] hands out WebSocket URLs at 127.0.0.1 for a public URL that says localhost', async () => {
  await using server = await testServer({ TERTULIA_PUBLIC_URL: 'http://localhost:4711/chat/' });
  const api = apiAt(`http://127.0.0.1:${server.server.port}`);
  const { url } = await connection(api, await startChat(api));
  assert.match(url, /^ws:\/\/127\.0\.0\.1:4711\/chat\/participant\/websocket\?token=[\w.-]+$/);
});

test('[HT6] reads no authorization header on participant calls', async () => {
  await using each = await chat();
  const signature = 'SignedHeaders=host, Signature=00';
  for (const authorization of [
    undefined,
    '',
    `AWS4-HMAC-SHA256 Credential=/20261123/us-west-2/execute-api/aws4_request, ${signature}`,
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/connect/aws4_request, ${signature}`,
    'Bearer whatever',
  ]) {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const message = { ContentType: 'text/plain', Content: `authorization ${authorization}` };
    const reply = await post(each.api.endpoint, 'message', each.ana.token, message, headers);
    assert.equal(reply.status, 200);
    // And none of them replaces the bearer.
    const without = await post(each.api.endpoint, 'message', '', message, headers);
    assert.deepEqual([without.status, without.headers.get('x-amzn-errortype')], [403, 'AccessDeniedException']);
  }
});

test('[HT5] answers preflights on any path, with the headers that were asked for', async () => {
  await using server = await testServer();
  const asked = 'authorization,content-type,x-amz-bearer,x-amz-content-sha256,x-amz-date,x-amz-user-agent';
  for (const path of ['/participant/message', '/participant/views/vt%2F1', '/contact/chat', '/nowhere']) {
    const reply = await fetch(`${server.api.endpoint}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      },
    });
    assert.equal(reply.status, 204);
    assert.equal(reply.headers.get('access-control-allow-origin'), '*');
    assert.equal(reply.headers.get('access-control-allow-headers'), asked);
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS']) {
      assert.ok(reply.headers.get('access-control-allow-methods')?.includes(method));
    }
    assert.ok(Number(reply.headers.get('access-control-max-age')) > 0);
  }
});

test('[HT5] lets pages of any origin read errors and their type', async () => {
  await using each = await chat();
  const origin = 'https://shop.example.com';
  const replies = await Promise.all([
    post(each.api.endpoint, 'message', 'forged', {}, { origin }),
    post(each.api.endpoint, 'message', each.ana.token, {}, { origin }),
    post(each.api.endpoint, 'nothing', each.ana.token, {}, { origin }),
  ]);
  assert.deepEqual(
    replies.map(({ status }) => status),
    [403, 400, 404],
  );
  for (const { headers } of replies) {
    assert.equal(headers.get('access-control-allow-origin'), '*');
    assert.match(headers.get('access-control-expose-headers') ?? '', /x-amzn-requestid, x-amzn-errortype/);
  }
});

test('[HT1] names an error in header and body, and says what is wrong in both spellings', async () => {
  await using each = await chat();
  const message = { ContentType: 'text/html', Content: '<p>' };
  const reply = await post(each.api.endpoint, 'message', each.ana.token, message);
  const body = (await reply.json()) as Record<string, string>;
  assert.equal(reply.status, 400);
  assert.ok(reply.headers.get('x-amzn-requestid'));
  assert.equal(reply.headers.get('x-amzn-errortype'), 'ValidationException');
  assert.equal(body.__type, 'ValidationException');
  assert.ok(body.Message);
  assert.equal(body.message, body.Message);
});

test('[HT3] answers an operation that is not built with an error that an SDK does not try again', async () => {
  await using server = await testServer();
  await assert.rejects(
    server.api.connect.send(new ListQueuesCommand({ InstanceId })),
    (error: Error & { $metadata: { httpStatusCode: number; attempts: number } }) => {
      assert.equal(error.name, 'UnknownOperationException');
      assert.equal(error.$metadata.httpStatusCode, 404);
      assert.equal(error.$metadata.attempts, 1);
      assert.match(error.message, /^Tertulia \S+ has no operation .*queues-summary/);
      return true;
    },
  );
});

test('[HT8] takes an ARN with its slash as one label of a path', async () => {
  await using each = await chat();
  const arn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
  const { Contact } = await each.api.connect.send(
    new DescribeContactCommand({ InstanceId: arn, ContactId: each.ticket.ContactId }),
  );
  assert.equal(Contact?.Id, each.ticket.ContactId);
  assert.ok(Contact?.InitiationTimestamp instanceof Date);
});

test('[WS1] answers subscribe with an object that names the topics, each time and also for those that there are not', async () => {
  await using each = await chat();
  using socket = await dial(each.ana.url);
  const subscribe = (...topics: string[]) => socket.send({ topic: 'aws/subscribe', content: { topics } });
  subscribe('aws/chat');
  subscribe('aws/chat');
  subscribe('aws/nothing');
  await socket.frames.until('the last answer', ({ content }) => content?.status === 'failure');
  assert.deepEqual(socket.frames.all, [
    { topic: 'aws/subscribe', content: { status: 'success', topics: ['aws/chat'] } },
    { topic: 'aws/subscribe', content: { status: 'success', topics: ['aws/chat'] } },
    { topic: 'aws/subscribe', content: { status: 'failure', topics: ['aws/nothing'] } },
  ]);
});

test('[WS2] answers heartbeats and pings, also before subscribe', async () => {
  await using each = await chat();
  using socket = await dial(each.ana.url);
  socket.send({ topic: 'aws/ping' });
  socket.send({ topic: 'aws/heartbeat' });
  await socket.frames.until('the heartbeat', ({ topic }) => topic === 'aws/heartbeat');
  const [ping, heartbeat] = socket.frames.all;
  assert.deepEqual([ping.topic, ping.statusCode], ['aws/ping', 200]);
  assert.deepEqual(heartbeat, { topic: 'aws/heartbeat' });
});

test('[WS3] pushes items as a string of JSON in a frame of their topic', async () => {
  await using each = await chat();
  using socket = await listen(each.ana.url);
  const sent = await say(each.api, each.ana, 'Olá 👋 "quoted"');
  await socket.item('the message', ({ Id }) => Id === sent.Id);
  const frame = socket.frames.all.at(-1);
  assert.deepEqual(Object.keys(frame).sort(), ['content', 'contentType', 'topic']);
  assert.deepEqual([frame.topic, frame.contentType, typeof frame.content], ['aws/chat', 'application/json', 'string']);
  assert.deepEqual(JSON.parse(frame.content), {
    AbsoluteTime: sent.AbsoluteTime,
    Content: 'Olá 👋 "quoted"',
    ContentType: 'text/plain',
    Id: sent.Id,
    Type: 'MESSAGE',
    ParticipantId: each.ticket.ParticipantId,
    DisplayName: 'Ana',
    ParticipantRole: 'CUSTOMER',
    InitialContactId: each.ticket.ContactId,
    ContactId: each.ticket.ContactId,
  });
});

test('[WS3] names contact and initial contact on everything that is pushed', async () => {
  await using each = await chat();
  using socket = await listen(each.ana.url);
  const bot = await connection(each.api, each.botTicket);
  const { Id } = await say(each.api, each.ana, 'Hello');
  const { participant } = each.api;
  for (const [ContentType, Content] of [
    [contentType.typing, undefined],
    [contentType.delivered, JSON.stringify({ messageId: Id })],
    [contentType.read, JSON.stringify({ messageId: Id })],
  ]) {
    await participant.send(new SendEventCommand({ ConnectionToken: bot.token, ContentType, Content }));
  }
  await socket.item('the read receipt', ({ MessageMetadata }) => !!MessageMetadata?.Receipts[0]?.ReadTimestamp);
  await participant.send(new DisconnectParticipantCommand({ ConnectionToken: each.ana.token }));
  await socket.item('the end', ({ ContentType }) => ContentType === contentType.ended);
  assert.deepEqual(
    socket.items.all.map(({ Type, ContentType }) => `${Type} ${ContentType?.replace(/^.*event\./, '')}`),
    [
      'EVENT participant.joined',
      'MESSAGE text/plain',
      'EVENT typing',
      'MESSAGEMETADATA message.metadata',
      'MESSAGEMETADATA message.metadata',
      'EVENT participant.left',
      'EVENT chat.ended',
    ],
  );
  for (const { ContactId, InitialContactId, Id: id, AbsoluteTime } of socket.items.all) {
    assert.deepEqual([ContactId, InitialContactId], [each.ticket.ContactId, each.ticket.ContactId]);
    assert.ok(id);
    assert.match(AbsoluteTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
});

test('[WS9] pushes left and ended to the leaver, and leaves closing to the client', async () => {
  await using each = await chat();
  using socket = await listen(each.ana.url);
  await each.api.participant.send(new DisconnectParticipantCommand({ ConnectionToken: each.ana.token }));
  await socket.item('the end', ({ ContentType }) => ContentType === contentType.ended);
  assert.deepEqual(inShort(socket.items.all), ['left Ana', 'chat.ended']);
  // A close right after the end would come before this answer.
  socket.send({ topic: 'aws/heartbeat' });
  await socket.frames.until('the heartbeat', ({ topic }) => topic === 'aws/heartbeat');
  assert.equal(socket.ws.readyState, WebSocket.OPEN);
  socket.ws.close(1000, 'User request to close WebSocket');
  assert.equal((await socket.closed()).code, 1000);
});

test('[WS10] refuses an upgrade only where CreateParticipantConnection refuses, too', async () => {
  await using each = await chat();
  const { url } = each.ana;
  for (const origin of ['https://shop.example.com', 'null', 'http://127.0.0.1:1']) {
    const socket = await dial(url, { origin });
    socket[Symbol.dispose]();
  }
  await assert.rejects(dial(`${url.slice(0, -1)}~`), /403/);
  await assert.rejects(dial(url.replace(/\?.*/, '')), /403/);
  await assert.rejects(dial(url.replace(/token=.*/, `token=${each.ana.token}`)), /403/);
  await each.api.connect.send(new StopContactCommand({ InstanceId, ContactId: each.ticket.ContactId }));
  await assert.rejects(dial(url), /403/);
  await assert.rejects(connection(each.api, each.ticket), { name: 'AccessDeniedException' });
});

test('[CN2] answers what Type asks for, and nothing without Type', async () => {
  await using each = await chat();
  const ask = async (input: object) => {
    const { $metadata: _, ...answer } = await each.api.participant.send(
      new CreateParticipantConnectionCommand({ ParticipantToken: each.botTicket.ParticipantToken, ...input }),
    );
    return Object.keys(answer).sort();
  };
  assert.deepEqual(await ask({ ConnectParticipant: true }), []);
  assert.deepEqual(await ask({ Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true }), [
    'ConnectionCredentials',
  ]);
  assert.deepEqual(await ask({ Type: ['WEBSOCKET'] }), ['Websocket']);
  assert.deepEqual(await ask({ Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'] }), [
    'ConnectionCredentials',
    'Websocket',
  ]);
  // None of these made it join again.
  assert.deepEqual(inShort(await transcript(each.api, each.ana)), ['joined Ana', 'joined Bot']);
});

test('[CN5] gives connection tokens a day and WebSocket URLs 100 s, as times with milliseconds', async () => {
  await using each = await chat();
  const reply = await post(each.api.endpoint, 'connection', each.ticket.ParticipantToken, {
    Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'],
  });
  const { ConnectionCredentials, Websocket } = (await reply.json()) as Record<string, Record<string, string>>;
  const expiries = [ConnectionCredentials?.Expiry ?? '', Websocket?.ConnectionExpiry ?? ''];
  for (const expiry of expiries) assert.match(expiry, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const [token = 0, url = 0] = expiries.map((each) => Date.parse(each));
  assert.equal(token - url, (24 * 60 * 60 - 100) * 1000);
});

test('[SM4] stores a message once that an SDK sent again because the answer was lost', async () => {
  await using proxy = await openProxy();
  await using server = await testServer();
  proxy.target = server.server.port;
  const ticket = await startChat(server.api);
  const ana = await connection(server.api, ticket);
  using socket = await listen(ana.url);
  using through = apiAt(`http://127.0.0.1:${proxy.port}`);
  proxy.loseAnswer();
  const sent = await say(through, ana, 'only once');
  await say(through, ana, 'afterwards');
  await socket.item('the last message', ({ Content }) => Content === 'afterwards');
  assert.deepEqual(inShort(socket.items.all), ['only once', 'afterwards']);
  const stored = await transcript(server.api, ana);
  assert.deepEqual(inShort(stored), ['joined Ana', 'only once', 'afterwards']);
  assert.deepEqual([stored[1]?.Id, stored[1]?.AbsoluteTime], [sent.Id, sent.AbsoluteTime]);
});

test('[TR2] has joined and left with their author in the transcript, and on the socket the same', async () => {
  await using each = await chat();
  using socket = await listen(each.ana.url);
  const bot = await connection(each.api, each.botTicket);
  await each.api.participant.send(new DisconnectParticipantCommand({ ConnectionToken: bot.token }));
  await socket.item('the bot to leave', ({ ContentType }) => ContentType === contentType.left);
  const [, ...stored] = await transcript(each.api, each.ana);
  for (const [index, ContentType] of [contentType.joined, contentType.left].entries()) {
    const { AbsoluteTime, Id, ...item } = stored[index] ?? {};
    assert.deepEqual(item, {
      ContentType,
      Type: 'EVENT',
      ParticipantId: each.botTicket.ParticipantId,
      DisplayName: 'Bot',
      ParticipantRole: 'CUSTOM_BOT',
      ContactId: each.ticket.ContactId,
    });
    const { InitialContactId: _, ...pushed } = socket.items.all[index] ?? {};
    assert.deepEqual(pushed, stored[index]);
  }
  await each.api.connect.send(new StopContactCommand({ InstanceId, ContactId: each.ticket.ContactId }));
  const end = await socket.item('the end', ({ ContentType }) => ContentType === contentType.ended);
  assert.deepEqual(Object.keys(end).sort(), [
    'AbsoluteTime',
    'ContactId',
    'ContentType',
    'Id',
    'InitialContactId',
    'Type',
  ]);
});

test('[SH7] takes an empty Content in SendEvent', async () => {
  await using each = await chat();
  for (const ContentType of [contentType.typing, contentType.acknowledged]) {
    const reply = await post(each.api.endpoint, 'event', each.ana.token, { ContentType, Content: '' });
    assert.equal(reply.status, 200, await reply.text());
  }
});

test('[SE4] passes over unknown keys in a receipt', async () => {
  await using each = await chat();
  using socket = await listen(each.ana.url);
  const bot = await connection(each.api, each.botTicket);
  const { Id } = await say(each.api, each.ana, 'Hello');
  const Content = JSON.stringify({ messageId: Id, disableThrottle: true, more: { of: 'the same' } });
  const event = { ConnectionToken: bot.token, ContentType: contentType.read, Content };
  await each.api.participant.send(new SendEventCommand(event));
  await socket.item('the receipt', ({ MessageMetadata }) => MessageMetadata?.MessageId === Id);
});
