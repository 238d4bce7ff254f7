import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopContactCommand } from '@aws-sdk/client-connect';
import { ended } from '../../src/domain/content-type.ts';
import { type ChatjsItem, type ChatjsSession, openPage, recordSockets } from '../support/chatjs.ts';
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
import { listen } from '../support/socket.ts';

/** A chatjs customer whose every connection goes through a proxy, and a bot whose connections do not. */
async function chatBehindProxy() {
  const proxy = await openProxy();
  const server = await testServer({ TERTULIA_PUBLIC_URL: `http://127.0.0.1:${proxy.port}` });
  proxy.target = server.server.port;
  const direct = apiAt(`http://127.0.0.1:${server.server.port}`);
  const ticket = await startChat(direct);
  const ana = openPage(server.api).customer(ticket);
  await ana.ready();
  const bot = await connection(direct, await addBot(direct, ticket.ContactId));
  return {
    proxy,
    direct,
    ticket,
    ana,
    bot,
    async [Symbol.asyncDispose]() {
      await ana[Symbol.asyncDispose]();
      direct[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** What an app knows after it came back: what was pushed, and what GetTranscript adds, by Id and in order of time. */
async function known(ana: ChatjsSession): Promise<string[]> {
  const { data } = await ana.session.getTranscript({ maxResults: 100 });
  const items = new Map<string, ChatjsItem>([...ana.messages(), ...data.Transcript].map((item) => [item.Id, item]));
  return inShort([...items.values()].sort((one, other) => (one.AbsoluteTime < other.AbsoluteTime ? -1 : 1)));
}

test('[WS5] brings a chatjs session back by itself after its connections were cut: what it missed is in the transcript, what follows is pushed', async () => {
  await using chat = await chatBehindProxy();
  const { ana, bot, direct, proxy } = chat;
  for (const round of [1, 2]) {
    await say(direct, bot, `before ${round}`);
    await ana.message('the message before', ({ Content }) => Content === `before ${round}`);
    const from = ana.events.all.length;
    proxy.cut();
    await ana.events.until('the loss to be noticed', ({ kind }) => kind === 'lost', from);
    for (const text of ['one', 'two', 'three']) await say(direct, bot, `missed ${round} ${text}`);
    proxy.heal();
    await ana.ready(from);
    const all = await known(ana);
    assert.deepEqual(all.slice(-4), [
      `before ${round}`,
      `missed ${round} one`,
      `missed ${round} two`,
      `missed ${round} three`,
    ]);
    await say(direct, bot, `after ${round}`);
    await ana.message('the message after', ({ Content }) => Content === `after ${round}`);
    await ana.session.sendMessage({ contentType: 'text/plain', message: `from Ana ${round}` });
  }
  assert.deepEqual(await known(ana), inShort(await transcript(direct, bot)));
  assert.equal(ana.events.all.filter(({ kind }) => kind === 'lost').length, 2);
  assert.equal(ana.events.all.filter(({ kind }) => kind === 'broken').length, 0);
});

test('[WS5] leaves no gap between transcript and socket when a socket is lost in the middle of a conversation', async () => {
  using sockets = recordSockets();
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  await using ana = openPage(api).customer(ticket);
  await ana.ready();
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  const from = ana.events.all.length;
  const sent: Promise<unknown>[] = [];
  for (let number = 1; number <= 20; number += 1) {
    sent.push(say(api, bot, `message ${number}`));
    if (number === 10) sockets.opened.at(-1)?.close();
  }
  await Promise.all(sent);
  await ana.events.until('the loss to be noticed', ({ kind }) => kind === 'lost', from);
  await ana.ready(from);
  const last = await say(api, bot, 'the last one');
  await ana.message('the last message', ({ Id }) => Id === last.Id);
  assert.deepEqual(await known(ana), inShort(await transcript(api, bot)));
  assert.equal(new Set(ana.messages().map(({ Id }) => Id)).size, ana.messages().length);
});

test('[WS4] brings every item once to each tab and to each socket of a participant', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  await using first = openPage(api).customer(ticket);
  await using second = openPage(api).customer(ticket);
  await first.ready();
  await second.ready();
  using third = await listen((await connection(api, ticket)).url);
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  await first.session.sendMessage({ contentType: 'text/plain', message: 'from the first tab' });
  await say(api, bot, 'from the bot');
  const last = await second.session.sendMessage({ contentType: 'text/plain', message: 'from the second tab' });
  const all = ['joined Bot', 'from the first tab', 'from the bot', 'from the second tab'];
  const isLast = ({ Id }: ChatjsItem) => Id === last.data.Id;
  for (const tab of [first, second]) {
    await tab.message('the last message', isLast);
    assert.deepEqual(inShort(tab.messages()), all);
  }
  await third.item('the last message', isLast);
  assert.deepEqual(inShort(third.items.all), all);
  await first.session.disconnectParticipant();
  for (const tab of [first, second]) await tab.events.until('the end', ({ kind }) => kind === 'ended');
  await third.item('the end', ({ ContentType }) => ContentType === ended);
});

test('[CN5] keeps earlier connection tokens and sockets alive when the participant token is exchanged again', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  const connections = [await connection(api, ticket), await connection(api, ticket), await connection(api, ticket)];
  const sockets = await Promise.all(connections.map(({ url }) => listen(url)));
  // A URL is dialled again by a client whose handshake was slow.
  for (const { url } of connections.slice(1)) sockets.push(await listen(url));
  for (const [index, each] of connections.entries()) await say(api, each, `token ${index}`);
  for (const socket of sockets) {
    await socket.item('the last message', ({ Content }) => Content === 'token 2');
    assert.deepEqual(inShort(socket.items.all), ['token 0', 'token 1', 'token 2']);
    socket[Symbol.dispose]();
  }
});

test('[CN1] answers 403 to a chatjs session that comes back after the end, which takes it for the end', async () => {
  await using chat = await chatBehindProxy();
  const { ana, direct, proxy, ticket } = chat;
  proxy.cut();
  await ana.events.until('the loss to be noticed', ({ kind }) => kind === 'lost');
  await direct.connect.send(new StopContactCommand({ InstanceId, ContactId: ticket.ContactId }));
  proxy.heal();
  await ana.events.until('onEnded', ({ kind }) => kind === 'ended');
  const last = ana.messages().at(-1);
  // No item of the server: chatjs makes one up when it is refused with 403, and with nothing else.
  assert.deepEqual([last?.ContentType, last?.Id], [ended, '']);
});

test('[CN1] answers 403 to a new chatjs session after the end', async () => {
  await using chat = await chatBehindProxy();
  const { direct, ticket } = chat;
  await direct.connect.send(new StopContactCommand({ InstanceId, ContactId: ticket.ContactId }));
  const again = openPage(direct).customer(ticket);
  await assert.rejects(again.session.connect(), (failure: { _debug: { _debug: Record<string, unknown> } }) => {
    const { type, statusCode, message } = failure._debug._debug;
    assert.deepEqual([type, statusCode], ['AccessDeniedException', 403]);
    assert.match(String(message), /ended at \d{4}-/);
    return true;
  });
});
