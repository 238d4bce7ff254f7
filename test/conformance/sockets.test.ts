import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  AssociateApprovedOriginCommand,
  DisassociateApprovedOriginCommand,
  ListApprovedOriginsCommand,
  StopContactCommand,
} from '@aws-sdk/client-connect';
import fc from 'fast-check';
import { type ChatjsSession, openPage, recordCalls, recordSockets } from '../support/chatjs.ts';
import { openJournal } from '../support/journal.ts';
import { dialRaw } from '../support/listener.ts';
import { property } from '../support/property.ts';
import { openProxy } from '../support/proxy.ts';
import { addBot, apiAt, connection, InstanceId, inShort, say, startChat, testServer } from '../support/server.ts';
import { dial, listen } from '../support/socket.ts';

const subscribe = { topic: 'aws/subscribe', content: { topics: ['aws/chat'] } };
const connections = (calls: readonly string[]) => calls.filter((each) => each === 'connection').length;

test('[WS13, OR10] leaves a sixth tab of chatjs open and silent, which asks for no other connection', async () => {
  using sockets = recordSockets();
  using fetches = recordCalls();
  await using server = await testServer({ TERTULIA_SOCKET_CLOSE_SECONDS: '1' });
  const { api } = server;
  const ticket = await startChat(api);
  await using pages = new AsyncDisposableStack();
  const tabs: ChatjsSession[] = [];
  for (let count = 0; count < 5; count += 1) {
    const tab = pages.use(openPage(api).customer(ticket));
    await tab.ready();
    tabs.push(tab);
  }
  const sixth = pages.use(openPage(api).customer(ticket));
  const answers = openJournal<string>();
  const ready = sixth.ready();
  while (sockets.opened.length < 6) await new Promise<void>((resolve) => void setImmediate(resolve));
  sockets.opened[5]?.addEventListener('message', ({ data }) => answers.add(JSON.parse(data).content?.status));
  await ready;
  // chatjs asks five times, half a second apart, and then no more.
  let failures = 0;
  await answers.until('the fifth failure', (status) => {
    if (status === 'failure') failures += 1;
    return failures === 5;
  });
  const sent = await sixth.session.sendMessage({ contentType: 'text/plain', message: 'from the sixth' });
  for (const tab of tabs) await tab.message('the message', ({ Id }) => Id === sent.data.Id);
  assert.deepEqual(inShort(sixth.messages()), []);
  const { data } = await sixth.session.getTranscript({ maxResults: 100 });
  assert.deepEqual(inShort(data.Transcript), ['joined Ana', 'from the sixth']);
  assert.deepEqual([connections(fetches.calls.all), sockets.opened.length], [6, 6]);
  await api.connect.send(new StopContactCommand({ InstanceId, ContactId: ticket.ContactId }));
  for (const tab of [...tabs, sixth]) await tab.events.until('the end', ({ kind }) => kind === 'ended');
  assert.equal(connections(fetches.calls.all), 7, 'the sixth is told by the 403 of one more call');
  assert.equal(sixth.events.all.filter(({ kind }) => kind === 'broken').length, 0);
});

test('[WS13] gives the place of a socket that closed to the next that asks', async () => {
  await using server = await testServer({ TERTULIA_SOCKETS_PER_PARTICIPANT: '2' });
  const { api } = server;
  const ticket = await startChat(api);
  const { url, token } = await connection(api, ticket);
  const [one, two] = [await listen(url), await listen(url)];
  using third = await dial(url);
  const status = async () => {
    const from = third.frames.all.length;
    third.send(subscribe);
    return (await third.frames.until('an answer', ({ topic }) => topic === 'aws/subscribe', from)).content.status;
  };
  assert.equal(await status(), 'failure');
  await say(api, { token }, 'to two');
  one.ws.close();
  await one.closed();
  // The server hears of the close a moment later than its client.
  while ((await status()) !== 'success');
  await say(api, { token }, 'to the third');
  for (const socket of [two, third]) {
    await socket.item('the last message', ({ Content }) => Content === 'to the third');
    assert.deepEqual(inShort(socket.items.all), ['to two', 'to the third']);
  }
  two[Symbol.dispose]();
});

test('[OR8, OR10] tells chatjs in a foreign page so by one 403, at first and when it comes back', async () => {
  const page = 'https://www.example.com';
  using fetches = recordCalls(page);
  await using proxy = await openProxy();
  await using server = await testServer({ TERTULIA_PUBLIC_URL: `http://127.0.0.1:${proxy.port}` });
  proxy.target = server.server.port;
  using direct = apiAt(`http://127.0.0.1:${server.server.port}`);
  const approve = (Origin: string) => direct.connect.send(new AssociateApprovedOriginCommand({ InstanceId, Origin }));
  await approve('https://other.example');
  const ticket = await startChat(direct);
  await assert.rejects(
    openPage(direct).customer(ticket).session.connect(),
    (failure: { _debug: { _debug: Record<string, unknown> } }) => {
      const { type, statusCode, message } = failure._debug._debug;
      assert.deepEqual([type, statusCode], ['AccessDeniedException', 403]);
      assert.match(String(message), /Pages of the origin https:\/\/www\.example\.com may not connect/);
      return true;
    },
  );
  assert.equal(connections(fetches.calls.all), 1);

  await approve(page);
  await using ana = openPage(direct).customer(ticket);
  await ana.ready();
  assert.equal(connections(fetches.calls.all), 2);
  await direct.connect.send(new DisassociateApprovedOriginCommand({ InstanceId, Origin: page }));
  const { Origins } = await direct.connect.send(new ListApprovedOriginsCommand({ InstanceId }));
  assert.deepEqual(Origins, ['https://other.example']);
  // Its open socket, and its token, are none of the origin's business.
  await ana.session.sendMessage({ contentType: 'text/plain', message: 'still here' });
  await ana.message('the message', ({ Content }) => Content === 'still here');
  proxy.reset();
  await ana.events.until('the end that chatjs makes of a 403', ({ kind }) => kind === 'ended');
  assert.equal(connections(fetches.calls.all), 3);
});

test('[OR9, WS10] opens a URL that was handed out for a page of any origin', async () => {
  await using server = await testServer();
  const { api } = server;
  await api.connect.send(new AssociateApprovedOriginCommand({ InstanceId, Origin: 'https://www.example.com' }));
  const ana = await connection(api, await startChat(api));
  for (const origin of ['https://www.example.com', 'https://other.example', 'null']) {
    using socket = await dial(ana.url, { origin });
    socket.send(subscribe);
    await socket.frames.until('success', ({ content }) => content.status === 'success');
  }
});

test('[WS8] survives whatever bytes a client sends after its handshake, and no other socket feels it', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  const ana = await connection(api, ticket);
  using good = await listen(ana.url);
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  const key = Buffer.alloc(16).toString('base64');
  const { pathname, search } = new URL(bot.url);
  const handshake = [
    `GET ${pathname}${search} HTTP/1.1`,
    'Host: host',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
  // Any bytes, and frames with any head: reserved bits, unknown kinds, no mask, lengths that do not come.
  const head = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }));
  const bytes = fc.tuple(fc.option(head), fc.uint8Array({ maxLength: 200 }));
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 5 }), async (parts) => {
      using raw = await dialRaw(server.server.port);
      raw.write(handshake);
      await raw.until('\r\n\r\n');
      for (const [first, rest] of parts) raw.write(Buffer.from([...(first ?? []), ...rest]));
      raw.socket.end();
      number += 1;
      await say(api, ana, `message ${number}`);
      await good.item('the message', ({ Content }) => Content === `message ${number}`, number);
      // Closed by the server for what it got, or for the end of it.
      if (!raw.socket.closed) await once(raw.socket, 'close');
    }),
    property(60),
  );
  assert.deepEqual(inShort(good.items.all), [
    'joined Bot',
    ...Array.from({ length: number }, (_, index) => `message ${index + 1}`),
  ]);
});
