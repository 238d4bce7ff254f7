import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { openPage } from '../support/chatjs.ts';
import { type Journal, openJournal } from '../support/journal.ts';
import { startProcess } from '../support/process.ts';
import { addBot, apiAt, connection, inShort, say, startChat, transcript } from '../support/server.ts';
import { dial, listen } from '../support/socket.ts';

/** A connection on which a test writes HTTP by hand, in pieces. */
async function rawConnection(port: number): Promise<{ socket: Socket; received: Journal<string>; text(): string }> {
  const socket = connectTcp(port, '127.0.0.1');
  const received = openJournal<string>();
  socket.setEncoding('utf8').on('data', (text: string) => received.add(text));
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, received, text: () => received.all.join('') };
}

/** A SendMessage in two halves. The first asks for `100 Continue`, which says that the request is being served. */
async function halfSent(port: number, token: string, Content: string) {
  const body = JSON.stringify({ ContentType: 'text/plain', Content });
  const connection = await rawConnection(port);
  const headers = [
    'POST /participant/message HTTP/1.1',
    'host: 127.0.0.1',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-amz-bearer: ${token}`,
    'expect: 100-continue',
  ];
  connection.socket.write(`${headers.join('\r\n')}\r\n\r\n`);
  await connection.received.until('100 Continue', (text) => text.startsWith('HTTP/1.1 100'));
  return { ...connection, finish: () => connection.socket.write(body) };
}

async function chatOf(endpoint: string) {
  const api = apiAt(endpoint);
  const ticket = await startChat(api);
  const botTicket = await addBot(api, ticket.ContactId);
  const ana = await connection(api, ticket);
  const bot = await connection(api, botTicket);
  return { api, ticket, botTicket, ana, bot };
}

test('[LI2] drains on SIGTERM: not ready, what is in flight is answered and pushed, then sockets close with 1001, exit code 0', async () => {
  await using server = await startProcess();
  const { ana, bot } = await chatOf(server.endpoint);
  using socket = await listen(bot.url);
  const health = await rawConnection(server.port);
  health.socket.write('GET /_tertulia/health HTTP/1.1\r\nhost: 127.0.0.1\r\n');
  const flight = await halfSent(server.port, ana.token, 'sent while draining');

  server.signal('SIGTERM');
  await server.refusing();
  health.socket.write('\r\n');
  await health.received.until('the health of a draining server', (text) => text.includes('503'));
  assert.match(health.text(), /^HTTP\/1.1 503 .*"ready":false,"reason":"draining"/s);
  assert.equal(socket.ws.readyState, WebSocket.OPEN);

  const order: string[] = [];
  const answered = flight.received
    .until('the answer', (text) => text.includes('AbsoluteTime'))
    .then((text) => {
      order.push('answered');
      return text;
    });
  const closed = socket.closed().then((each) => {
    order.push('closed');
    return each;
  });
  flight.finish();
  assert.match(await answered, /^HTTP\/1.1 200 OK/);
  assert.equal((await closed).code, 1001);
  assert.deepEqual(order, ['answered', 'closed']);
  assert.equal(socket.items.all.at(-1)?.Content, 'sent while draining');
  const { code, signal, stderr } = await server.end();
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
});

test('[LI2] ends by itself on SIGINT, with clients that do nothing about it', async () => {
  await using server = await startProcess({ TERTULIA_SHUTDOWN_SECONDS: '4' });
  const { bot } = await chatOf(server.endpoint);
  const idle = await rawConnection(server.port);
  // It takes the close frame and answers nothing.
  using socket = await dial(bot.url);
  (socket.ws as unknown as { _socket: Socket })._socket.pause();
  server.signal('SIGINT');
  const { code, signal } = await server.end();
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  idle.socket.destroy();
});

test('[LI2] ends within the bound though a request never arrives in full', async () => {
  await using server = await startProcess({ TERTULIA_SHUTDOWN_SECONDS: '4' });
  const { ana, bot } = await chatOf(server.endpoint);
  using socket = await listen(bot.url);
  const flight = await halfSent(server.port, ana.token, 'never finished');
  server.signal('SIGTERM');
  assert.equal((await socket.closed()).code, 1001);
  assert.equal((await server.end()).code, 0);
  flight.socket.destroy();
});

test('[LI2] ends at once at a second signal', async () => {
  await using server = await startProcess({ TERTULIA_SHUTDOWN_SECONDS: '600' });
  const { ana } = await chatOf(server.endpoint);
  const flight = await halfSent(server.port, ana.token, 'never finished');
  // What comes within a second is taken for the same signal: pressed again and again, it ends.
  const pressing = setInterval(() => server.signal('SIGTERM'), 100);
  const { code } = await server.end().finally(() => clearInterval(pressing));
  assert.equal(code, 1);
  flight.socket.destroy();
});

test('[LI2] takes the two signals of Ctrl-C under npm for one, and drains', async () => {
  await using server = await startProcess();
  const { ana } = await chatOf(server.endpoint);
  const flight = await halfSent(server.port, ana.token, 'answered all the same');
  server.signal('SIGINT');
  server.signal('SIGTERM');
  await server.refusing();
  flight.finish();
  await flight.received.until('the answer', (text) => text.includes('AbsoluteTime'));
  assert.equal((await server.end()).code, 0);
});

test('[LI3] goes on after a restart with the same participant tokens, connection tokens and WebSocket URLs', async () => {
  await using server = await startProcess();
  const { api, ticket, botTicket, ana, bot } = await chatOf(server.endpoint);
  await say(api, ana, 'before');
  server.signal('SIGTERM');
  assert.equal((await server.end()).code, 0);
  await server.restart();

  using socket = await listen(bot.url);
  await say(api, ana, 'by the old connection token');
  await say(api, await connection(api, botTicket), 'by the old participant token');
  await say(api, await connection(api, ticket), 'by the old participant token, too');
  await socket.item('the last message', ({ Content }) => Content === 'by the old participant token, too');
  assert.deepEqual(inShort(await transcript(api, bot)), [
    'joined Ana',
    'joined Bot',
    'before',
    'by the old connection token',
    'by the old participant token',
    'by the old participant token, too',
  ]);
});

test('[LI3] leaves no gap for a new chatjs session with the same token, when a restart made chatjs give up', async () => {
  await using server = await startProcess();
  const { api, ticket, bot } = await chatOf(server.endpoint);
  const page = openPage(api);
  const before = page.customer(ticket);
  await before.ready();
  await say(api, bot, 'before');
  await before.message('the message', ({ Content }) => Content === 'before');
  server.signal('SIGTERM');
  // It asks for a connection while the port is closed, is refused, and asks no more.
  await before.events.until('chatjs to give up', ({ kind }) => kind === 'broken');
  await server.end();

  await server.restart();
  await say(api, bot, 'while she was away');
  await using after = page.customer(ticket);
  await after.ready();
  const { data } = await after.session.getTranscript({ maxResults: 100 });
  assert.deepEqual(inShort(data.Transcript), ['joined Ana', 'joined Bot', 'before', 'while she was away']);
  await after.session.sendMessage({ contentType: 'text/plain', message: 'I am back' });
  await say(api, bot, 'Welcome back');
  await after.message('the answer', ({ Content }) => Content === 'Welcome back');
  assert.deepEqual(inShort(after.messages()), ['I am back', 'Welcome back']);
});
