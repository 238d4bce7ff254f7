import assert from 'node:assert/strict';
import { createVerify } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startChild } from '../support/child.ts';
import { openEndpoint } from '../support/endpoint.ts';
import { type Journal, openJournal, within } from '../support/journal.ts';
import { connection, startChat } from '../support/server.ts';
import { answerTo, attribute, type Notification, openSnsBot, toldItem } from '../support/sns-bot.ts';
import {
  allItems,
  checkTold,
  type StreamingServer,
  sayUntilAnswered,
  startStreaming,
  stopContact,
  stream,
  topicArn,
} from '../support/streaming.ts';

/** A customer and a bot talk through a stream while the server is killed again and again. */

/** When the server is killed: as many notifications have come, counted with repeats. */
const kills = [2, 9, 24, 41];
const messages = Array.from({ length: 24 }, (_, index) => `message ${index + 1}`);
const customers = 3;

/** Kills the server where a number of notifications says so. Resolves to whether it did, when it is gone and back. */
function openKiller(server: () => StreamingServer) {
  let count = 0;
  return async (): Promise<boolean> => {
    count += 1;
    if (!kills.includes(count)) return false;
    await server().crash();
    return true;
  };
}

/** The customer's side, from the start of the chat to its end; then what the bot was told is held against the transcript. */
async function converse(t: TestContext, server: StreamingServer, topic: string, told: Journal<Notification>) {
  const ticket = await startChat(server.api);
  await stream(server.api, ticket.ContactId, topic);
  const ana = await connection(server.api, ticket);
  const left = [...messages];
  let repeats = 0;
  // Several at a time: some are on their way whenever the server is killed.
  await Promise.all(
    Array.from({ length: customers }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const text = next;
        repeats += await sayUntilAnswered(server, ana, text);
        await told.until(`the answer to ${text}`, (one) => toldItem(one).Content === answerTo(text));
      }
    }),
  );
  await server.up();
  await stopContact(server.api, ticket.ContactId);
  await told.until('the end', (one) => attribute(one, 'ContentType')?.endsWith('chat.ended') === true);

  const items = await allItems(server, ticket.ContactId);
  const { first, duplicates } = checkTold(told.all, items);
  assert.equal(first.length, items.length, 'all that was told is in the transcript');
  const said = (role: string) =>
    items
      .filter(({ Type, ParticipantRole }) => Type === 'MESSAGE' && ParticipantRole === role)
      .map((each) => each.Content);
  const asked = said('CUSTOMER');
  assert.deepEqual([...asked].sort(), [...messages].sort(), 'each message of the customer is there once');
  assert.deepEqual(said('CUSTOM_BOT').sort(), asked.map(answerTo).sort(), 'each is answered once');
  assert.equal(
    items.filter(({ DisplayName, ContentType }) => DisplayName !== 'Ana' && ContentType?.endsWith('joined')).length,
    1,
  );
  t.diagnostic(
    `${items.length} items, ${told.all.length} notifications of which ${duplicates} repeated, ${kills.length} kills, ${repeats} messages sent again`,
  );
  return { duplicates };
}

test('[OB8, DE16, SS9] loses and doubles nothing of a conversation with a handler in a process, with the server killed in the middle', async (t) => {
  const told = openJournal<Notification>();
  const kill = openKiller(() => server);
  await using recorder = await openEndpoint(async ({ body }, response) => {
    for (const { Sns } of JSON.parse(body).Records) told.add(Sns);
    // Before the handler gets on: it is in the middle of it.
    await kill();
    response.end();
  });
  await using server = await startStreaming(
    {
      streams: [
        {
          ...{ topics: topicArn('bots'), kind: 'process' },
          module: join(import.meta.dirname, '../support/recorded-bot.mjs'),
        },
      ],
    },
    { RECORDER: recorder.url.href },
  );
  const { duplicates } = await converse(t, server, topicArn('bots'), told);
  assert.ok(duplicates >= kills.length, 'what was being handled at each kill came again');
});

test('[OB8, SN2, SN6, SN8] loses and doubles nothing of one through a webhook, with the server killed in the middle', async (t) => {
  const told = openJournal<Notification>();
  const kill = openKiller(() => server);
  const certificates = new Map<string, Promise<string>>();
  const confirmations: string[] = [];
  let bot: ReturnType<typeof openSnsBot> | undefined;
  await using endpoint = await openEndpoint(async ({ body, headers }, response) => {
    const posted = JSON.parse(body);
    if (headers['x-amz-sns-message-type'] === 'SubscriptionConfirmation') {
      confirmations.push(posted.TopicArn);
      await fetch(posted.SubscribeURL);
      response.end();
      return;
    }
    if (!certificates.has(posted.SigningCertURL)) {
      certificates.set(
        posted.SigningCertURL,
        fetch(posted.SigningCertURL).then((answer) => answer.text()),
      );
    }
    assert.ok(isSigned(posted, (await certificates.get(posted.SigningCertURL)) ?? ''));
    told.add(posted);
    if (await kill()) return void response.destroy();
    await bot?.handle(posted).then(
      () => response.end(),
      () => response.writeHead(500).end(),
    );
  });
  await using server = await startStreaming({
    streams: [{ topics: topicArn('bots'), kind: 'webhook', url: endpoint.url.href, signatureVersion: '2' }],
  });
  using sns = openSnsBot(server.endpoint);
  bot = sns;
  const { duplicates } = await converse(t, server, topicArn('bots'), told);
  assert.ok(duplicates >= kills.length, 'what was being taken at each kill came again');
  assert.deepEqual(confirmations, [topicArn('bots')], 'it is asked once: what it said outlives the kills');
  assert.equal(certificates.size, 1);
});

/** As SNS says in its documentation how to verify a notification. */
function isSigned(posted: Record<string, string>, certificate: string): boolean {
  const members = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
  const text = members.map((name) => (posted[name] === undefined ? '' : `${name}\n${posted[name]}\n`)).join('');
  return createVerify('RSA-SHA256')
    .update(text)
    .verify(certificate, posted.Signature ?? '', 'base64');
}

test('[OB8, DE9] loses and doubles nothing of one through SNS and a queue, with the server killed in the middle', async (t) => {
  const told = openJournal<Notification>();
  await using child = startChild('sns-server-child.ts', []);
  const endpoint = (await child.line()) ?? '';
  const topic = 'arn:aws:sns:us-east-1:000000000000:bots';
  await using server = await startStreaming(
    { streams: [{ topics: topic, kind: 'sns', endpoint }] },
    { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  );
  using bot = openSnsBot(server.endpoint);
  const reading = new AbortController();
  const done = read(endpoint, reading.signal, async (notification) => {
    told.add(notification);
    await kill();
    for (;;) {
      try {
        return await bot.handle(notification);
      } catch (failure) {
        if (reading.signal.aborted) throw failure;
        await server.up();
      }
    }
  });
  const kill = openKiller(() => server);
  try {
    // SNS gives every publication a MessageId of its own: what is the same is the DeduplicationId.
    const deduplicated = {
      ...told,
      get all() {
        return told.all.map((each) => ({ ...each, MessageId: attribute(each, 'DeduplicationId') ?? '' }));
      },
    };
    await converse(t, server, topic, deduplicated);
  } finally {
    reading.abort();
    await within('the reader of the queue to end', done);
  }
});

/** Reads the queue until it is called off; what was handled is deleted. */
async function read(endpoint: string, signal: AbortSignal, handle: (notification: Notification) => Promise<void>) {
  const options = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } };
  const queues = new SQSClient(options);
  const QueueUrl = `${endpoint}/000000000000/bots`;
  try {
    while (!signal.aborted) {
      const asked = { QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await queues.send(new ReceiveMessageCommand(asked), { abortSignal: signal });
      for (const { Body = '', ReceiptHandle } of Messages) {
        await handle(JSON.parse(Body));
        await queues.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  } catch (failure) {
    if (!signal.aborted) throw failure;
  } finally {
    queues.destroy();
  }
}
