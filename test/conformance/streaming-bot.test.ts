import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CreateParticipantCommand, StartContactStreamingCommand } from '@aws-sdk/client-connect';
import { controlAt } from '../support/control.ts';
import { connection, InstanceId, say, startChat, testServer } from '../support/server.ts';
import { listen } from '../support/socket.ts';
import { root } from '../support/source.ts';

/** The bot of `examples/`, as it is, behind a stream of a server of its own, and a chat whose customer has not connected. */
async function streamedChat() {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-streaming-bot-'));
  const configuration = join(folder, 'tertulia.json');
  const StreamingEndpointArn = 'arn:aws:sns:us-east-1:123456789012:bot';
  const module = join(root, 'examples/streaming-bot/streaming-bot.mjs');
  writeFileSync(
    configuration,
    JSON.stringify({ streams: [{ topics: StreamingEndpointArn, kind: 'process', module }] }),
  );
  const { server, api, [Symbol.asyncDispose]: stop } = await testServer({ TERTULIA_CONFIG: configuration });
  const ticket = await startChat(api);
  const { ContactId } = ticket;
  const start = { InstanceId, ContactId, ChatStreamingConfiguration: { StreamingEndpointArn }, ClientToken: 'c' };
  await api.connect.send(new StartContactStreamingCommand(start));
  return {
    server,
    api,
    ticket,
    ask: controlAt(api.endpoint),
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

test('[CP10, CP14] the streaming bot of the examples joins anew when it was created and not connected in time', async () => {
  await using chat = await streamedChat();
  const { api, ticket, ask } = chat;
  // As the bot would have done it before it was killed.
  const created = await api.connect.send(
    new CreateParticipantCommand({
      InstanceId,
      ContactId: ticket.ContactId,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Streaming bot' },
      ClientToken: `streaming-bot ${ticket.ContactId} 1`,
    }),
  );
  await ask('POST /clock', { advance: '16s' });
  const ana = await connection(api, ticket);
  using socket = await listen(ana.url);
  await say(api, ana, 'Hello?');
  const answer = await socket.item('the answer', ({ Content }) => Content === 'You said: Hello?');
  assert.notEqual(answer.ParticipantId, created.ParticipantId);
});

test('[CP14] the streaming bot of the examples goes on when its connection token has expired', async () => {
  await using chat = await streamedChat();
  const { api, ticket, ask } = chat;
  const ana = await connection(api, ticket);
  using socket = await listen(ana.url);
  await say(api, ana, 'Hello?');
  await socket.item('the answer', ({ Content }) => Content === 'You said: Hello?');
  await ask('POST /clock', { advance: '24h' });
  const again = await connection(api, ticket);
  await say(api, again, 'Are you there?');
  await socket.item('the answer of the next day', ({ Content }) => Content === 'You said: Are you there?');
});
