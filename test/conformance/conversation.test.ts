import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescribeContactCommand, StopContactCommand } from '@aws-sdk/client-connect';
import { DisconnectParticipantCommand, SendEventCommand } from '@aws-sdk/client-connectparticipant';
import * as contentType from '../../src/domain/content-type.ts';
import { type ChatjsItem, type ChatjsSession, openPage } from '../support/chatjs.ts';
import {
  type Api,
  addBot,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** A customer by chatjs and a bot by the SDK, both connected, in a server of their own. */
async function chatOfTwo(customer = {}) {
  const { server, api, [Symbol.asyncDispose]: stop } = await testServer();
  const ticket = await startChat(api, customer);
  const ana = openPage(api).customer(ticket);
  await ana.ready();
  const botTicket = await addBot(api, ticket.ContactId);
  const bot = await connection(api, botTicket);
  const socket = await listen(bot.url);
  await ana.message('the bot to join', ({ ParticipantRole }) => ParticipantRole === 'CUSTOM_BOT');
  return {
    server,
    api,
    ticket,
    ana,
    botTicket,
    bot,
    socket,
    async [Symbol.asyncDispose]() {
      await ana[Symbol.asyncDispose]();
      socket[Symbol.dispose]();
      await stop();
    },
  };
}

/** chatjs sends it; answers what the HTTP response held. */
async function type(ana: ChatjsSession, message: string, kind = 'text/plain') {
  const { data } = await ana.session.sendMessage({ contentType: kind, message });
  return data as { Id: string; AbsoluteTime: string };
}

async function sendEvent({ participant }: Api, token: string, ContentType: string, messageId?: string) {
  const Content = messageId === undefined ? undefined : JSON.stringify({ messageId });
  return participant.send(new SendEventCommand({ ConnectionToken: token, ContentType, Content }));
}

const withId = (id: string) => (item: ChatjsItem) => item.Id === id;
const ofType = (wanted: string) => (item: ChatjsItem) => item.ContentType === wanted;

test('[SM1] gives chatjs its own message back, with the Id and AbsoluteTime that the answer, the push to others and the transcript have', async () => {
  await using chat = await chatOfTwo();
  const sent = await type(chat.ana, 'Hello?');
  const own = await chat.ana.message('its own message', withId(sent.Id));
  const others = await chat.socket.item('the message', withId(sent.Id));
  const [stored] = (await transcript(chat.api, chat.bot)).filter(({ Id }) => Id === sent.Id);
  for (const item of [own, others, stored]) {
    assert.deepEqual(
      [item?.Id, item?.AbsoluteTime, item?.Content, item?.ParticipantId, item?.DisplayName, item?.ParticipantRole],
      [sent.Id, sent.AbsoluteTime, 'Hello?', chat.ticket.ParticipantId, 'Ana', 'CUSTOMER'],
    );
  }
});

test('[WS4] brings the messages of both sides to both, in the order of the transcript and each once', async () => {
  await using chat = await chatOfTwo();
  // Both talk at once: the order is the server's to decide, and to be the same for all.
  await Promise.all(
    [1, 2, 3, 4, 5].flatMap((turn) => [type(chat.ana, `question ${turn}`), say(chat.api, chat.bot, `answer ${turn}`)]),
  );
  const last = await type(chat.ana, 'Good bye!');
  await chat.ana.message('the last message', withId(last.Id));
  await chat.socket.item('the last message', withId(last.Id));
  const stored = inShort(await transcript(chat.api, chat.bot));
  assert.equal(stored.length, 13);
  assert.deepEqual(inShort(chat.ana.messages()), stored.slice(1)); // Ana's own joining was before her socket.
  assert.deepEqual(inShort(chat.socket.items.all), stored.slice(2));
});

test('[SM2] takes text/markdown from chatjs where the chat supports it', async () => {
  await using chat = await chatOfTwo({ SupportedMessagingContentTypes: ['text/plain', 'text/markdown'] });
  const { Id } = await type(chat.ana, '**Hello**\\!', 'text/markdown');
  const item = await chat.socket.item('the message', withId(Id));
  assert.deepEqual([item.ContentType, item.Content], ['text/markdown', '**Hello**\\!']);
});

test('[SM2] refuses text/markdown from chatjs in a chat of plain text, with a type and words chatjs hands on', async () => {
  await using chat = await chatOfTwo();
  await assert.rejects(type(chat.ana, '**Hello**', 'text/markdown'), (error: Record<string, unknown>) => {
    assert.deepEqual([error.type, error.statusCode], ['ValidationException', 400]);
    assert.match(String(error.message), /text\/markdown|ContentType/);
    return true;
  });
});

test('[SE3] pushes typing to every connected participant, and stores it nowhere', async () => {
  await using chat = await chatOfTwo();
  await chat.ana.typing();
  const seen = await chat.socket.item('typing', ofType(contentType.typing));
  assert.deepEqual([seen.ParticipantId, seen.DisplayName, seen.Type], [chat.ticket.ParticipantId, 'Ana', 'EVENT']);
  await chat.ana.events.until('her own typing', ({ kind }) => kind === 'typing');
  await sendEvent(chat.api, chat.bot.token, contentType.typing);
  const { item } = await chat.ana.events.until(
    'typing of the bot',
    ({ kind, item }) => kind === 'typing' && item.DisplayName === 'Bot',
  );
  assert.equal(item.ParticipantRole, 'CUSTOM_BOT');
  assert.deepEqual(inShort(await transcript(chat.api, chat.bot)), ['joined Ana', 'joined Bot']);
});

test('[SE6] tells chatjs who got and who read its message, and keeps both on the message', async () => {
  await using chat = await chatOfTwo();
  const { Id } = await type(chat.ana, 'Did you read this?');
  for (const [kind, event] of [
    ['delivered', contentType.delivered],
    ['read', contentType.read],
  ] as const) {
    await sendEvent(chat.api, chat.bot.token, event, Id);
    const { item } = await chat.ana.events.until(`the ${kind} receipt`, (each) => each.kind === kind);
    assert.equal(item.MessageMetadata?.MessageId, Id);
    assert.deepEqual(
      item.MessageMetadata?.Receipts.map((each) => each.RecipientParticipantId),
      [chat.botTicket.ParticipantId],
    );
  }
  const [stored] = (await transcript(chat.api, chat.bot)).filter((each) => each.Id === Id);
  const [receipt] = stored?.MessageMetadata?.Receipts ?? [];
  assert.equal(receipt?.RecipientParticipantId, chat.botTicket.ParticipantId);
  assert.ok(receipt?.DeliveredTimestamp && receipt.ReadTimestamp);
});

test('[SE2] takes every receipt of chatjs, whose ClientToken is always the same', async () => {
  await using chat = await chatOfTwo();
  for (const text of ['one', 'two', 'three']) {
    const { Id } = await say(chat.api, chat.bot, text);
    await chat.ana.message('the message', withId(Id));
    for (const event of [contentType.delivered, contentType.read]) {
      await chat.ana.session.sendEvent({ contentType: event, content: JSON.stringify({ messageId: Id }) });
    }
    const receipt = await chat.socket.item(
      `the read receipt of ${text}`,
      ({ MessageMetadata }) => MessageMetadata?.MessageId === Id && !!MessageMetadata.Receipts[0]?.ReadTimestamp,
    );
    assert.equal(receipt.Type, 'MESSAGEMETADATA');
    assert.equal(receipt.ContentType, contentType.metadata);
  }
  const stored = (await transcript(chat.api, chat.bot)).filter(({ Type }) => Type === 'MESSAGE');
  assert.deepEqual(
    stored.map(({ MessageMetadata }) => MessageMetadata?.Receipts?.map((each) => each.RecipientParticipantId)),
    stored.map(() => [chat.ticket.ParticipantId]),
  );
});

test('[DP1] ends the chat when chatjs disconnects: left and ended reach both sides, onEnded fires', async () => {
  await using chat = await chatOfTwo();
  await chat.ana.session.disconnectParticipant();
  await chat.ana.events.until('onEnded', ({ kind }) => kind === 'ended');
  await chat.socket.item('the end', ofType(contentType.ended));
  assert.deepEqual(inShort(chat.ana.messages()).slice(-2), ['left Ana', 'chat.ended']);
  assert.deepEqual(inShort(chat.socket.items.all).slice(-2), ['left Ana', 'chat.ended']);
  const { Contact } = await chat.api.connect.send(
    new DescribeContactCommand({ InstanceId, ContactId: chat.ticket.ContactId }),
  );
  assert.equal(Contact?.DisconnectReason, 'CUSTOMER_DISCONNECT');
  assert.ok(Contact?.DisconnectTimestamp instanceof Date);
});

test('[DC1] ends the chat of a chatjs session by StopContact', async () => {
  await using chat = await chatOfTwo();
  await chat.api.connect.send(new StopContactCommand({ InstanceId, ContactId: chat.ticket.ContactId }));
  await chat.ana.events.until('onEnded', ({ kind }) => kind === 'ended');
  assert.deepEqual(inShort(chat.ana.messages()), ['joined Bot', 'chat.ended']);
});

test('[DP2] goes on with the chat when the bot leaves', async () => {
  await using chat = await chatOfTwo();
  await chat.api.participant.send(new DisconnectParticipantCommand({ ConnectionToken: chat.bot.token }));
  await chat.ana.message('the bot to leave', ofType(contentType.left));
  const { Id } = await type(chat.ana, 'Still there?');
  await chat.ana.message('her message', withId(Id));
  assert.deepEqual(inShort(chat.ana.messages()), ['joined Bot', 'left Bot', 'Still there?']);
});

test('[CN6] lets a custom participant in by a chatjs session of type AGENT, and writes that it joined, once', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  await using ana = openPage(api).customer(ticket);
  await ana.ready();
  await using bot = openPage(api).agent(await addBot(api, ticket.ContactId));
  await bot.ready();
  await ana.message('the bot to join', ofType(contentType.joined));
  const question = await type(ana, 'Who is there?');
  await bot.message('the question', withId(question.Id));
  const answer = await type(bot, 'An agent that is none.');
  const got = await ana.message('the answer', withId(answer.Id));
  assert.equal(got.ParticipantRole, 'CUSTOM_BOT');
  await ana.session.disconnectParticipant();
  await bot.events.until('the end', ({ kind }) => kind === 'ended');
  assert.deepEqual(inShort(bot.messages()), ['Who is there?', 'An agent that is none.', 'left Ana', 'chat.ended']);
  assert.deepEqual(inShort(ana.messages()), ['joined Bot', ...inShort(bot.messages())]);
});
