import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { UpdateParticipantRoleConfigCommand } from '@aws-sdk/client-connect';
import { type Log, silentLog } from '../../src/runtime/log.ts';
import { openEndpoint } from '../support/endpoint.ts';
import { upload } from '../support/files.ts';
import { addBot, apiAt, connection, InstanceId, say, startChat, testServer } from '../support/server.ts';
import { attribute, type Notification, toldItem } from '../support/sns-bot.ts';
import { allItems, checkTold, inBrief, startStreaming, stopContact, stream, topicArn } from '../support/streaming.ts';

/** What few chats have, as a stream tells it from a real server. */

const topic = topicArn('hooked');

function webhook({ url }: { readonly url: URL }, more: object = {}) {
  return { streams: [{ topics: topic, kind: 'webhook', url: url.href, confirmation: 'none', ...more }] };
}

/** A server in this process. */
async function configured(config: object, environment: Record<string, string> = {}, log: Log = silentLog) {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-streaming-'));
  const TERTULIA_CONFIG = join(folder, 'tertulia.json');
  writeFileSync(TERTULIA_CONFIG, JSON.stringify(config));
  try {
    return await testServer({ TERTULIA_CONFIG, ...environment }, log);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('[SS8, SS9, SS10] of silence is told in its order, deduplicable and without a number, and so is the file after it', async () => {
  await using endpoint = await openEndpoint();
  await using server = await startStreaming(webhook(endpoint));
  const { api } = server;
  const ticket = await startChat(api, {
    SupportedMessagingContentTypes: ['text/plain', 'application/vnd.amazonaws.connect.message.interactive'],
  });
  const { ContactId } = ticket;
  await stream(api, ContactId, topic);
  const ana = await connection(api, ticket);
  const timer = (TimerType: 'IDLE' | 'DISCONNECT_NONCUSTOMER', minutes: number) =>
    ({
      ...({ ParticipantRole: 'CUSTOMER', TimerType } as const),
      TimerValue: { ParticipantTimerDurationInMinutes: minutes },
    }) as const;
  const ParticipantTimerConfigList = [timer('IDLE', 2), timer('DISCONNECT_NONCUSTOMER', 3)];
  const ChannelConfiguration = { Chat: { ParticipantTimerConfigList } };
  await api.connect.send(new UpdateParticipantRoleConfigCommand({ InstanceId, ContactId, ChannelConfiguration }));
  await connection(api, await addBot(api, ContactId));
  await say(api, ana, 'one');
  await server.wait('121s');
  await say(api, ana, 'two');
  await upload(api, ana, Buffer.from('a file'), 'a.txt', 'text/plain');
  await server.wait('10m');
  await stopContact(api, ContactId);
  await endpoint.posted.until('the end', ({ body }) => body.includes('chat.ended'));

  const all: Notification[] = endpoint.posted.all.map(({ body }) => JSON.parse(body));
  checkTold(all, await allItems(server, ContactId));
  assert.deepEqual(
    inBrief(all).map((each, index) => each || attribute(all[index] as Notification, 'Type')),
    [
      ...['participant.joined', 'participant.joined', 'one', 'participant.idle', 'two', 'participant.returned'],
      ...['ATTACHMENT', 'participant.idle', 'participant.autodisconnection', 'participant.left', 'chat.ended'],
    ],
  );
  const passing = all.filter((each) => /idle|returned|autodis/.test(attribute(each, 'ContentType') ?? ''));
  for (const each of passing) {
    assert.deepEqual(
      [attribute(each, 'SequenceNumber'), attribute(each, 'ParticipantRole'), attribute(each, 'Type')],
      [undefined, 'CUSTOMER', 'EVENT'],
    );
    assert.equal(attribute(each, 'DeduplicationId'), toldItem(each).Id);
  }
  assert.equal(new Set(passing.map((each) => attribute(each, 'DeduplicationId'))).size, 4);
  const file = all.find((each) => attribute(each, 'Type') === 'ATTACHMENT');
  const [attachment, ...others] = JSON.parse(file?.Message ?? '').Attachments;
  assert.deepEqual(
    [attachment.AttachmentName, attachment.ContentType, attachment.Status, others.length],
    ['a.txt', 'text/plain', 'APPROVED', 0],
  );
});

test('[SN5, SN6] of a server below a path has its URLs there, and they are answered', async () => {
  await using endpoint = await openEndpoint();
  await using server = await configured(webhook(endpoint, { confirmation: 'required' }), {
    TERTULIA_PUBLIC_URL: 'https://chat.example.com/connect',
  });
  const origin = `http://127.0.0.1:${server.server.port}`;
  using api = apiAt(origin);
  const ticket = await startChat(api);
  await stream(api, ticket.ContactId, topic);
  await connection(api, ticket);
  const asked = await endpoint.posted.until('a question', () => true);
  const question = JSON.parse(asked.body);
  const local = (url: string) => {
    assert.ok(url.startsWith('https://chat.example.com/connect/sns/'), url);
    return url.replace('https://chat.example.com', origin);
  };
  assert.match(question.SigningCertURL, /\.pem$/);
  const certificate = await fetch(local(question.SigningCertURL));
  assert.equal(new X509Certificate(await certificate.text()).subject, 'CN=sns.chat.example.com');
  assert.equal((await fetch(local(question.SubscribeURL))).status, 200);
  const told = await endpoint.posted.until(
    'what waited for it',
    ({ body }) => JSON.parse(body).Type === 'Notification',
  );
  assert.equal(JSON.parse(told.body).SigningCertURL, question.SigningCertURL);
});

test('[DE18] to a module that is not there is warned of at the start', async () => {
  const warned: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
  const module = join(tmpdir(), 'there', 'is', 'no', 'such', 'bot.mjs');
  const streams = [
    { topics: topicArn('a*'), kind: 'process', module },
    { topics: topicArn('b*'), kind: 'process', module: import.meta.filename },
    { topics: topicArn('c*'), kind: 'process', command: 'cat' },
  ];
  await using _ = await configured({ streams }, {}, log);
  assert.deepEqual(warned, [{ module }]);
});

test('[DE23] to a program comes with what leads an AWS SDK here, unless the environment of the server leads elsewhere', async () => {
  await using endpoint = await openEndpoint();
  const told = `fetch(process.env.RECORDER, { method: 'POST', body: JSON.stringify(process.env) })`;
  const streams = [{ topics: topic, kind: 'process', command: `${process.execPath} -e "${told}"` }];
  const own = { AWS_REGION: 'eu-west-1', RECORDER: endpoint.url.href };
  await using server = await startStreaming({ streams }, own);
  const ticket = await startChat(server.api);
  await stream(server.api, ticket.ContactId, topic);
  await connection(server.api, ticket);
  const { body } = await endpoint.posted.until('the environment', () => true);
  const { AWS_ENDPOINT_URL_CONNECT, AWS_ENDPOINT_URL_CONNECTPARTICIPANT, AWS_REGION, AWS_ACCESS_KEY_ID } =
    JSON.parse(body);
  assert.deepEqual(
    [AWS_ENDPOINT_URL_CONNECT, AWS_ENDPOINT_URL_CONNECTPARTICIPANT, AWS_REGION, AWS_ACCESS_KEY_ID],
    [server.endpoint, server.endpoint, 'eu-west-1', 'any'],
  );
});
