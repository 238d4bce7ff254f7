import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GetTranscriptCommand,
  type GetTranscriptCommandInput,
  type Item,
  type ScanDirection,
  type SortKey,
} from '@aws-sdk/client-connectparticipant';
import { openPage } from '../support/chatjs.ts';
import { openJournal } from '../support/journal.ts';
import {
  type Api,
  addBot,
  type Connection,
  connection,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';

/** A chat with some messages by customer and bot, both connected by credentials alone. */
async function chatWith(messages: number) {
  const server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  const ana = await connection(api, ticket, ['CONNECTION_CREDENTIALS']);
  const bot = await connection(api, await addBot(api, ticket.ContactId), ['CONNECTION_CREDENTIALS']);
  for (let number = 1; number <= messages; number += 1) await say(api, number % 2 ? ana : bot, `message ${number}`);
  return { api, ticket, ana, bot, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function page({ participant }: Api, { token }: Connection, input: Partial<GetTranscriptCommandInput>) {
  const { Transcript = [], NextToken } = await participant.send(
    new GetTranscriptCommand({ ConnectionToken: token, ...input }),
  );
  return { items: Transcript, NextToken };
}

/** Follows NextToken to its end, in the order in which the pages came. */
async function pages(api: Api, who: Connection, input: Partial<GetTranscriptCommandInput>): Promise<Item[][]> {
  const all: Item[][] = [];
  let NextToken: string | undefined;
  do {
    const next = await page(api, who, { ...input, NextToken });
    all.push(next.items);
    NextToken = next.NextToken;
  } while (NextToken);
  return all;
}

const ids = (items: readonly Item[]) => items.map(({ Id }) => Id);

test('[TR7] joins to the same transcript whatever the direction, the order and the size of pages', async () => {
  await using chat = await chatWith(23);
  const whole = ids(await transcript(chat.api, chat.ana));
  assert.equal(whole.length, 25);
  for (const MaxResults of [1, 7, 25, 100]) {
    for (const ScanDirection of ['FORWARD', 'BACKWARD'] satisfies ScanDirection[]) {
      for (const SortOrder of ['ASCENDING', 'DESCENDING'] satisfies SortKey[]) {
        const input = { MaxResults, ScanDirection, SortOrder };
        const read = await pages(chat.api, chat.bot, input);
        const ascending = read.map((each) => (SortOrder === 'ASCENDING' ? each : each.toReversed()));
        const joined = ids((ScanDirection === 'FORWARD' ? ascending : ascending.toReversed()).flat());
        assert.deepEqual(joined, whole, JSON.stringify(input));
        assert.equal(read.length, Math.ceil(25 / MaxResults), JSON.stringify(input));
      }
    }
  }
});

test('[TR7] keeps pages whole for a reader while messages are sent', async () => {
  await using chat = await chatWith(20);
  const before = ids(await transcript(chat.api, chat.ana));
  const read: Item[] = [];
  let NextToken: string | undefined;
  do {
    const [next] = await Promise.all([
      page(chat.api, chat.ana, { MaxResults: 5, SortOrder: 'DESCENDING', NextToken }),
      say(chat.api, chat.bot, 'meanwhile'),
    ]);
    read.push(...next.items);
    NextToken = next.NextToken;
  } while (NextToken);
  const old = ids(read).filter((id) => before.includes(id));
  assert.deepEqual(old, before.toReversed());
  assert.equal(new Set(ids(read)).size, read.length);
});

test('[TR7] gives chatjs, which reads the newest page first and older ones by NextToken, the whole transcript', async () => {
  await using chat = await chatWith(40);
  await using ana = openPage(chat.api).customer(chat.ticket);
  await ana.ready();
  const read: Item[] = [];
  let nextToken: string | undefined;
  do {
    const { data } = await ana.session.getTranscript({ nextToken });
    read.unshift(...data.Transcript);
    nextToken = data.NextToken;
    assert.ok(nextToken === undefined || nextToken !== '');
  } while (nextToken);
  assert.deepEqual(ids(read), ids(await transcript(chat.api, chat.bot)));
});

test('[TR1] answers a request without any member with the ten newest items, newest first', async () => {
  await using chat = await chatWith(12);
  const { items, NextToken } = await page(chat.api, chat.ana, {});
  assert.deepEqual(
    inShort(items),
    [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((number) => `message ${number}`),
  );
  assert.ok(NextToken);
});

test('[TR1] takes the empty StartPosition of chatjs for none', async () => {
  await using chat = await chatWith(3);
  const { items, NextToken } = await page(chat.api, chat.ana, { MaxResults: 15, StartPosition: {} });
  assert.deepEqual(ids(items).toReversed(), ids(await transcript(chat.api, chat.ana)));
  assert.equal(NextToken, undefined);
});

test('[TR4] starts chatjs at an Id, a time or the most recent items, which are included', async () => {
  await using chat = await chatWith(9);
  await using ana = openPage(chat.api).customer(chat.ticket);
  await ana.ready();
  const whole = await transcript(chat.api, chat.bot);
  const from = whole[6];
  const forward = { scanDirection: 'FORWARD', maxResults: 100 };
  for (const startPosition of [{ id: from?.Id }, { absoluteTime: from?.AbsoluteTime }, { mostRecent: 5 }]) {
    const { data } = await ana.session.getTranscript({ startPosition, ...forward });
    assert.deepEqual(ids(data.Transcript), ids(whole.slice(6)), JSON.stringify(startPosition));
  }
});

test('[TR5] has what was sent between connect() and the socket, asked for twice in a row', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  await using ana = openPage(api).customer(ticket);
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  // As soon as connect() resolves, which is before the socket is subscribed.
  const sent = ana.session.connect().then(async () => {
    const own = await ana.session.sendMessage({ contentType: 'text/plain', message: 'early' });
    const { Id } = await say(api, bot, 'early, too');
    const both = await Promise.all([ana.session.getTranscript(), ana.session.getTranscript()]);
    return { sent: [own.data.Id, Id], both };
  });
  const { sent: expected, both } = await sent;
  for (const { data } of both) assert.deepEqual(ids(data.Transcript).slice(-2), expected);
  await ana.events.until('the socket', ({ kind }) => kind === 'alive');
});

test('[TR2] keeps the transcript of chatjs itself complete: joined, messages, each once', async () => {
  await using chat = await chatWith(5);
  await using ana = openPage(chat.api).customer(chat.ticket);
  const updates = openJournal<Item[]>();
  ana.session.onTranscriptUpdated(({ data }: { data: { transcript: Item[] } }) => updates.add(data.transcript));
  const seen = async () => {
    const whole = ids(await transcript(chat.api, chat.bot)).join();
    await updates.until('the whole transcript', (latest) => ids(latest).join() === whole);
  };
  await ana.ready();
  // chatjs puts what is pushed before its first page came in the wrong place.
  await seen();
  await say(chat.api, chat.bot, 'from the bot');
  await seen();
  await ana.session.sendMessage({ contentType: 'text/plain', message: 'from Ana' });
  await seen();
});
