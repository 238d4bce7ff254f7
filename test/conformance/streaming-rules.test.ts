import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { StopContactStreamingCommand } from '@aws-sdk/client-connect';
import { SendEventCommand } from '@aws-sdk/client-connectparticipant';
import { type Endpoint, openEndpoint } from '../support/endpoint.ts';
import { within } from '../support/journal.ts';
import { leave } from '../support/people.ts';
import { addBot, type Connection, connection, InstanceId, say, startChat } from '../support/server.ts';
import { attribute, type Notification } from '../support/sns-bot.ts';
import {
  allItems,
  checkTold,
  inBrief,
  ofChat,
  type StreamingServer,
  startStreaming,
  stopContact,
  stream,
  topicArn,
} from '../support/streaming.ts';

/** What a stream has in it and what not, how long it goes on, and what is left of it. */

const dev = topicArn('tertulia-dev');
const hooked = topicArn('hooked');
const handled = topicArn('handled');
const typing = 'application/vnd.amazonaws.connect.event.typing';
const receipt = (name: string) => `application/vnd.amazonaws.connect.event.message.${name}`;

let server: StreamingServer;
let endpoint: Endpoint;
/** What the webhook answers; undefined: nothing at all. */
let answer: number | undefined = 200;
before(async () => {
  endpoint = await openEndpoint((_, response) => answer !== undefined && response.writeHead(answer).end());
  const module = join(import.meta.dirname, '../support/recorded-bot.mjs');
  const streams = [
    { topics: hooked, kind: 'webhook', url: endpoint.url.href, confirmation: 'none' },
    { topics: handled, kind: 'process', module },
  ];
  server = await startStreaming({ streams }, { TERTULIA_SHUTDOWN_SECONDS: '4', RECORDER: endpoint.url.href });
});
after(async () => {
  await endpoint[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function notifications(from = 0): Notification[] {
  return endpoint.posted.all.slice(from).map(({ body }) => {
    const told = JSON.parse(body);
    // By way of a handler, or as SNS posts it.
    return told.Records?.[0].Sns ?? told;
  });
}

/** Resolves when a notification of that chat holds the text. */
function told(chat: string, text: string, from = 0) {
  return endpoint.posted.until(
    `a notification of ${text}`,
    ({ body }) => body.includes(chat) && body.includes(text),
    from,
  );
}

function event({ token }: Connection, ContentType: string, Content?: string): Promise<unknown> {
  return server.api.participant.send(new SendEventCommand({ ConnectionToken: token, ContentType, Content }));
}

function stopStream(ContactId: string, StreamingId: string): Promise<unknown> {
  return server.api.connect.send(new StopContactStreamingCommand({ InstanceId, ContactId, StreamingId }));
}

async function streamsOf(ContactId: string) {
  return (await server.ask(`GET /contacts/${ContactId}`)).body.Streams;
}

describe('what a stream tells', () => {
  test('[SS1] is all from before the customer is connected to chat.ended, which is the last', async () => {
    const ticket = await startChat(server.api, { InitialMessage: { ContentType: 'text/plain', Content: 'the first' } });
    await stream(server.api, ticket.ContactId, hooked);
    const ana = await connection(server.api, ticket);
    const bot = await connection(server.api, await addBot(server.api, ticket.ContactId));
    await say(server.api, ana, 'hello');
    await say(server.api, bot, 'good day');
    await leave(server.api, bot);
    await leave(server.api, ana);
    await told(ticket.ContactId, 'chat.ended');
    const items = await allItems(server, ticket.ContactId);
    const { first } = checkTold(ofChat(notifications(), ticket.ContactId), items);
    assert.equal(inBrief(first).at(-1), 'chat.ended');
    assert.deepEqual(inBrief(first).sort(), [
      ...['chat.ended', 'good day', 'hello', 'participant.joined', 'participant.joined'],
      ...['participant.left', 'participant.left', 'the first'],
    ]);
    const [stopped] = await streamsOf(ticket.ContactId);
    assert.deepEqual([stopped.State, stopped.Waiting], ['STOPPED', 0]);
  });

  test('[SS1, SS9] is nothing of what was there before it, and its numbers go on from there', async () => {
    const ticket = await startChat(server.api);
    const ana = await connection(server.api, ticket);
    for (const text of ['one', 'two']) await say(server.api, ana, text);
    await stream(server.api, ticket.ContactId, hooked);
    await say(server.api, ana, 'three');
    await stopContact(server.api, ticket.ContactId);
    await told(ticket.ContactId, 'chat.ended');
    const mine = ofChat(notifications(), ticket.ContactId);
    // joined, one, two
    checkTold(mine, await allItems(server, ticket.ContactId), 4);
    assert.equal(inBrief(mine)[0], 'three');
  });

  test('[SS6] is all that was committed before it was stopped, though the destination is down, and nothing after', async () => {
    const from = endpoint.posted.all.length;
    answer = 503;
    const ticket = await startChat(server.api);
    const id = await stream(server.api, ticket.ContactId, hooked);
    const ana = await connection(server.api, ticket);
    for (const text of ['one', 'two']) await say(server.api, ana, text);
    await event(ana, typing);
    await stopStream(ticket.ContactId, id);
    await say(server.api, ana, 'three');
    await event(ana, typing);
    await told(ticket.ContactId, 'participant.joined', from);
    const [waiting] = await streamsOf(ticket.ContactId);
    assert.equal(waiting.Waiting, 3);
    assert.ok(waiting.StoppedAt);
    await server.crash();
    answer = 200;
    const since = endpoint.posted.all.length;
    await server.wait('2m');
    await told(ticket.ContactId, typing, since);
    assert.deepEqual(inBrief(ofChat(notifications(since), ticket.ContactId)), [
      'participant.joined',
      'one',
      'two',
      'typing',
    ]);
    const next = await stream(server.api, ticket.ContactId, hooked);
    assert.notEqual(next, id);
    await say(server.api, ana, 'four');
    await told(ticket.ContactId, 'four', since);
    const all = ofChat(notifications(since), ticket.ContactId);
    assert.deepEqual(inBrief(all).slice(4), ['four'], 'three was between the streams');
    assert.equal(attribute(all[4] as Notification, 'SequenceNumber'), '5');
  });

  test('[SS10] has typing where it was between the items, deduplicable, without a number', async () => {
    const ticket = await startChat(server.api);
    await stream(server.api, ticket.ContactId, hooked);
    const ana = await connection(server.api, ticket);
    const bot = await connection(server.api, await addBot(server.api, ticket.ContactId));
    for (const text of ['one', 'two', 'three']) {
      await event(bot, typing);
      await event(ana, typing);
      await say(server.api, ana, text);
    }
    await stopContact(server.api, ticket.ContactId);
    await told(ticket.ContactId, 'chat.ended');
    const mine = ofChat(notifications(), ticket.ContactId);
    assert.deepEqual(inBrief(mine), [
      ...['participant.joined', 'participant.joined'],
      ...['one', 'two', 'three'].flatMap((text) => ['typing', 'typing', text]),
      'chat.ended',
    ]);
    checkTold(mine, await allItems(server, ticket.ContactId));
    const passing = mine.filter((each) => attribute(each, 'ContentType') === typing);
    assert.deepEqual(
      passing.map((each) => attribute(each, 'SequenceNumber')),
      Array(6).fill(undefined),
    );
    assert.equal(new Set(passing.map((each) => attribute(each, 'DeduplicationId'))).size, 6);
    assert.deepEqual(passing.map((each) => attribute(each, 'ParticipantRole')).slice(0, 2), ['CUSTOM_BOT', 'CUSTOMER']);
  });

  test('[SS10] writes nothing for typing where there is no stream, and one commit where there is', async () => {
    const plain = await connection(server.api, await startChat(server.api));
    const ticket = await startChat(server.api);
    await stream(server.api, ticket.ContactId, hooked);
    const watched = await connection(server.api, ticket);
    await told(ticket.ContactId, 'participant.joined');
    const database = new DatabaseSync(join(server.directory, 'tertulia.db'), { readOnly: true });
    // Changes with the commits of others.
    const version = () => database.prepare('PRAGMA data_version').get()?.data_version;
    await settled(ticket.ContactId);
    const start = version();
    await event(plain, typing);
    assert.equal(version(), start);
    await event(watched, typing);
    assert.notEqual(version(), start);
    database.close();
  });

  test('[SS11] has no receipts and no chat.rehydrated', async () => {
    const past = await startChat(server.api);
    const before = await connection(server.api, past);
    await say(server.api, before, 'long ago');
    await stopContact(server.api, past.ContactId);
    const ticket = await startChat(server.api, {
      PersistentChat: { RehydrationType: 'ENTIRE_PAST_SESSION', SourceContactId: past.ContactId },
    });
    await stream(server.api, ticket.ContactId, hooked);
    const ana = await connection(server.api, ticket);
    const bot = await connection(server.api, await addBot(server.api, ticket.ContactId));
    const { Id } = await say(server.api, ana, 'now');
    for (const name of ['delivered', 'read']) await event(bot, receipt(name), JSON.stringify({ messageId: Id }));
    await say(server.api, bot, 'read it');
    await stopContact(server.api, ticket.ContactId);
    await told(ticket.ContactId, 'chat.ended');
    const mine = ofChat(notifications(), ticket.ContactId);
    assert.deepEqual(inBrief(mine), ['participant.joined', 'participant.joined', 'now', 'read it', 'chat.ended']);
  });
});

/** Resolves when a stream has delivered all there was and its lane is settled. */
async function settled(ContactId: string): Promise<void> {
  const look = async () => {
    for (;;) {
      const [{ Waiting }] = await streamsOf(ContactId);
      if (Waiting === 0 && (await server.ask('GET /outbox')).body.Destinations.length === 0) return;
    }
  };
  await within('what is owed to be delivered', look());
}

describe('what is left behind', () => {
  test('[OB11] of the topic of development is the last 1,000, in pages, until a restart', async () => {
    const chats = [];
    for (let count = 0; count < 4; count += 1) {
      const ticket = await startChat(server.api);
      await stream(server.api, ticket.ContactId, dev);
      chats.push(await connection(server.api, ticket));
    }
    await Promise.all(
      chats.map(async (chat, index) => {
        for (let number = 0; number < 255; number += 1) await say(server.api, chat, `${index} ${number}`);
      }),
    );
    const page = async (after: number) => (await server.ask(`GET /streams?maxResults=400&after=${after}`)).body;
    const all: Notification[] = [];
    const sizes = [];
    // 4 joined and 1,020 said.
    const last = 4 * 256;
    await within(
      'all notifications',
      (async () => {
        while ((await page(last - 1)).Notifications.length === 0);
      })(),
    );
    for (let after = 0, more = true; more; ) {
      const read = await page(after);
      all.push(...read.Notifications);
      sizes.push(read.Notifications.length);
      ({ next: after, more } = read);
    }
    assert.deepEqual(sizes, [400, 400, 200]);
    for (const index of [0, 1, 2, 3]) {
      const mine = inBrief(all).filter((each) => each.startsWith(`${index} `));
      assert.deepEqual(
        mine,
        mine.map((_, at) => `${index} ${255 - mine.length + at}`),
      );
    }
    assert.deepEqual((await server.ask('GET /streams?maxResults=1')).body.more, true);
    const { body: none } = await server.ask(`GET /streams?after=${last}`);
    assert.deepEqual(none, { Notifications: [], next: last, more: false });
    await server.crash();
    assert.deepEqual((await server.ask('GET /streams')).body, { Notifications: [], next: 0, more: false });
  });

  test('[OB13, TF8, EX1] of an erased contact is nothing: lanes, dead letters and files are gone', async () => {
    const ticket = await startChat(server.api);
    answer = 400;
    await stream(server.api, ticket.ContactId, hooked);
    const ana = await connection(server.api, ticket);
    await say(server.api, ana, 'refused');
    await server.wait('10m');
    answer = 503;
    await say(server.api, ana, 'waits');
    await stopContact(server.api, ticket.ContactId);
    await server.wait('10m');
    const standing = async () => {
      const { body } = await server.ask('GET /outbox');
      return body.Destinations.map((each: Record<string, unknown>) => [
        each.Destination,
        each.Waiting,
        each.DeadLetters,
      ]);
    };
    assert.deepEqual(await standing(), [[hooked, 1, 2]]);
    const files = () => written(server.directory).filter((each) => each.includes(ticket.ContactId));
    assert.equal(files().length, 2, 'a transcript and a contact record');
    const { status, body } = await server.ask(`DELETE /contacts/${ticket.ContactId}`);
    assert.equal(status, 200);
    assert.equal(body.erased.files, 2);
    // A lane, and two dead letters.
    assert.equal(body.erased.owed, 3);
    assert.deepEqual(await standing(), []);
    assert.deepEqual((await server.ask('GET /outbox/dead-letters')).body.DeadLetters, []);
    assert.deepEqual(files(), []);
    answer = 200;
    const since = endpoint.posted.all.length;
    await server.wait('10m');
    await server.ask('POST /outbox/redrive', { Destination: hooked });
    await server.wait('10m');
    assert.deepEqual(ofChat(notifications(since), ticket.ContactId), []);
  });
});

/** Paths of all files below a folder, as they were named before they were encoded. */
function written(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => decodeURIComponent(join(each.parentPath, each.name)));
}

describe('the end of the process', () => {
  for (const [what, topic] of [
    ['an endpoint', hooked],
    ['a handler', handled],
  ] as const) {
    test(`[OB3, OB14, LI2] comes though ${what} hangs; what that was given comes again after the start`, async () => {
      // After the start the clock is back: what was due by the moved one is due all the same.
      await server.wait('1h');
      answer = undefined;
      const ticket = await startChat(server.api);
      await stream(server.api, ticket.ContactId, topic);
      const ana = await connection(server.api, ticket);
      await told(ticket.ContactId, 'participant.joined');
      await say(server.api, ana, 'waits behind it');
      server.signal('SIGTERM');
      const { code, signal } = await server.end();
      assert.deepEqual([code, signal], [0, null]);
      const since = endpoint.posted.all.length;
      answer = 200;
      await server.restart();
      await told(ticket.ContactId, 'waits behind it', since);
      await stopContact(server.api, ticket.ContactId);
      await told(ticket.ContactId, 'chat.ended', since);
      const items = await allItems(server, ticket.ContactId);
      checkTold(ofChat(notifications(since), ticket.ContactId), items);
      const { duplicates } = checkTold(ofChat(notifications(), ticket.ContactId), items);
      assert.equal(duplicates, 1);
    });
  }
});
