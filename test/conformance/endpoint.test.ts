import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { openPage } from '../support/chatjs.ts';
import { runProgram } from '../support/process.ts';
import { openProxy } from '../support/proxy.ts';
import {
  addBot,
  apiAt,
  ContactFlowId,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';
import { listen } from '../support/socket.ts';

test('[CF7] serves SDK, chatjs and sockets below the path of the public URL, and without it', async () => {
  // Stands for the proxy that a path prefix is for; this one keeps the path as it came.
  await using proxy = await openProxy();
  await using server = await testServer({ TERTULIA_PUBLIC_URL: `http://127.0.0.1:${proxy.port}/chat/v1/` });
  proxy.target = server.server.port;
  const { api } = server;
  assert.equal(api.endpoint, `http://127.0.0.1:${proxy.port}/chat/v1`);
  const ticket = await startChat(api);
  await using ana = openPage(api).customer(ticket);
  await ana.ready();
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  assert.ok(bot.url.startsWith(`ws://127.0.0.1:${proxy.port}/chat/v1/participant/websocket?`));
  using socket = await listen(bot.url);
  await ana.session.sendMessage({ contentType: 'text/plain', message: 'below the path' });
  await socket.item('the message', ({ Content }) => Content === 'below the path');

  using bare = apiAt(`http://127.0.0.1:${server.server.port}`);
  await say(bare, bot, 'without it');
  await ana.message('the message', ({ Content }) => Content === 'without it');
  using direct = await listen(bot.url.replace(/\/\/[^/]+\/chat\/v1/, `//127.0.0.1:${server.server.port}`));
  await say(api, bot, 'to both');
  for (const each of [socket, direct]) await each.item('the message', ({ Content }) => Content === 'to both');
  assert.deepEqual(inShort(await transcript(bare, bot)), [
    'joined Ana',
    'joined Bot',
    'below the path',
    'without it',
    'to both',
  ]);
  // A path that only begins alike is another path.
  const other = await fetch(`http://127.0.0.1:${server.server.port}/chat/v11/contact/chat`, { method: 'PUT' });
  assert.equal(other.status, 404);
});

test('[CF7] does not read X-Forwarded headers', async () => {
  await using server = await testServer();
  const { ParticipantToken } = await startChat(server.api);
  const reply = await fetch(`${server.api.endpoint}/participant/connection`, {
    method: 'POST',
    headers: {
      'x-amz-bearer': ParticipantToken,
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/evil',
      forwarded: 'host=evil.example.com;proto=https',
    },
    body: '{"Type":["WEBSOCKET"]}',
  });
  const { Websocket } = (await reply.json()) as { Websocket: { Url: string } };
  assert.ok(Websocket.Url.startsWith(`ws://127.0.0.1:${server.server.port}/participant/websocket?`));
});

test('[CF4] hands out the port it really has, whatever the bind address', async () => {
  await using server = await testServer({ TERTULIA_HOST: '127.0.0.2' });
  assert.equal(server.api.endpoint, `http://127.0.0.1:${server.server.port}`);
  using api = apiAt(`http://127.0.0.2:${server.server.port}`);
  const { url } = await connection(api, await startChat(api));
  assert.ok(url.startsWith(`ws://127.0.0.1:${server.server.port}/`));
});

test('[CF11] also listens on ::1 by default', async (t) => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  if (!addresses.some(({ address }) => address === '::1')) return t.skip('no ::1 on this machine');
  await using server = await testServer();
  const live = await fetch(`http://[::1]:${server.server.port}/_tertulia/live`);
  assert.equal(live.status, 200);
});

test('[SC1] starts a chat for an SDK program that is pointed here by its environment alone', async () => {
  await using server = await testServer();
  const { code, stdout, stderr } = await runProgram(
    `import { ConnectClient, CreateParticipantCommand, StartChatContactCommand } from '@aws-sdk/client-connect';
     import { ConnectParticipantClient, CreateParticipantConnectionCommand, GetTranscriptCommand, SendMessageCommand }
       from '@aws-sdk/client-connectparticipant';
     const connect = new ConnectClient();
     const participant = new ConnectParticipantClient();
     const InstanceId = '${InstanceId}';
     const { ContactId } = await connect.send(new StartChatContactCommand({
       InstanceId, ContactFlowId: '${ContactFlowId}', ParticipantDetails: { DisplayName: 'Ana' } }));
     const { ParticipantCredentials } = await connect.send(new CreateParticipantCommand({
       InstanceId, ContactId, ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' } }));
     const { ConnectionCredentials: { ConnectionToken } } = await participant.send(
       new CreateParticipantConnectionCommand({ Type: ['CONNECTION_CREDENTIALS'], ...ParticipantCredentials }));
     await participant.send(new SendMessageCommand({ ConnectionToken, ContentType: 'text/plain', Content: 'Hello' }));
     const { Transcript } = await participant.send(new GetTranscriptCommand({ ConnectionToken }));
     console.log(Transcript.map(({ Type, Content }) => Content ?? Type).join(' '));`,
    {
      AWS_ENDPOINT_URL_CONNECT: server.api.endpoint,
      AWS_ENDPOINT_URL_CONNECTPARTICIPANT: server.api.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
    },
  );
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(stdout, 'Hello EVENT\n');
});
