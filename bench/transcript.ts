/**
 * What a page of GetTranscript costs in chats of 10, 10,000 and 100,000 items, among 1,000 contacts and among a million:
 * it must be the same.
 *
 * A real server, one kept connection. Every fifth message is marked as read. Pages have five items, so that also in the
 * smallest chat one follows.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { developmentInstance } from '../src/config.ts';
import { systemIds } from '../src/runtime/ids.ts';
import { systemSteady } from '../src/runtime/steady.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { type Connection, membersOf, openConnection } from './connection.ts';
import { filledDirectory } from './fill.ts';
import { type Measurement, median, ratios, shown, startTertulia, takeTurns } from './measure.ts';

const sizes = [10, 10_000, 100_000];
const pages = ['last', 'middle', 'first'] as const;
/** Calls of a turn. */
const calls = 40;
/** Turns are short: many of them beside each other tell more than few. */
const turnsPerRound = 5;
/** Items that share a transaction while a chat is filled. */
const batch = 1000;

type Page = (typeof pages)[number];

interface Chat {
  readonly key: number;
  readonly customer: string;
  readonly bot: string;
  readonly token: string;
}

interface Sample {
  readonly contacts: number;
  readonly items: number;
  readonly page: Page;
  readonly connection: Connection;
  readonly head: readonly string[];
  readonly body: string;
  readonly times: number[];
}

export const measurement: Measurement = {
  name: 'transcript',
  async run({ isFull, rounds, progress }) {
    await using stack = new AsyncDisposableStack();
    const samples: Sample[] = [];
    for (const contacts of [1000, ...(isFull ? [1_000_000] : [])]) {
      progress(`transcript: filling chats among ${contacts.toLocaleString('en')} contacts`);
      samples.push(...(await samplesAmong(contacts, stack, progress)));
    }
    progress('transcript: reading');
    const counts = { warming: 5, counted: rounds * turnsPerRound };
    await takeTurns(samples, counts, async ({ connection, head, body, times }, isCounted) => {
      const each: number[] = [];
      for (let call = 0; call < calls; call += 1) {
        const began = performance.now();
        const { status } = await connection.ask('POST', '/participant/transcript', head, body);
        if (status !== 200) throw new Error(`GetTranscript answered ${status}`);
        each.push((performance.now() - began) * 1000);
      }
      // The median, as one call that had to wait for another process says nothing of the page.
      if (isCounted) times.push(median(each));
    });
    return [table(samples)];
  },
};

function table(samples: readonly Sample[]) {
  const rows = pages.flatMap((page) => {
    const own = samples.filter((each) => each.page === page);
    return own.map(({ contacts, items, times }) => {
      const beside = median(ratios(times, own[0]?.times ?? []));
      return [page, ...[contacts, items].map((each) => each.toLocaleString('en')), shown(times), beside.toFixed(2)];
    });
  });
  return {
    title: 'transcript: a page of GetTranscript over HTTP',
    columns: ['page', 'contacts stored', 'items of the chat', 'µs a page', '× the first row'],
    rows,
    notes: ['Target: the last page at most 1.20 of the first row, whatever the size.'],
  };
}

async function samplesAmong(
  contacts: number,
  stack: AsyncDisposableStack,
  progress: (text: string) => void,
): Promise<Sample[]> {
  const directory = filledDirectory(contacts, progress);
  stack.defer(() => rmSync(directory, { recursive: true }));
  const chats: Chat[] = [];
  {
    await using server = await startTertulia({ TERTULIA_DATA_DIR: directory });
    using connection = await openConnection(server.port);
    await using store = openSqlite(directory, systemSteady, 'tool');
    for (const _ of sizes) chats.push(await startChat(connection, store));
  }
  const made: Pick<Sample, 'contacts' | 'items' | 'page' | 'head' | 'body'>[] = [];
  {
    // Filled while no server holds it.
    await using store = openSqlite(directory, systemSteady);
    for (const [index, items] of sizes.entries()) {
      const chat = chats[index] as Chat;
      await fill(store, chat, items);
      const head = ['content-type: application/json', `x-amz-bearer: ${chat.token}`];
      for (const page of pages) {
        made.push({ contacts, items, page, head, body: JSON.stringify(await inputOf(page, store, chat.key, items)) });
      }
    }
  }
  const server = stack.use(await startTertulia({ TERTULIA_DATA_DIR: directory }));
  const connection = stack.use(await openConnection(server.port));
  for (const { head, body } of made) await demandPage(connection, head, body);
  return made.map((each) => ({ ...each, connection, times: [] }));
}

/** A customer and a custom participant, both connected: two items. */
async function startChat(connection: Connection, store: Store): Promise<Chat> {
  const json = 'content-type: application/json';
  const ask = async (method: string, path: string, body: object, ...head: readonly string[]) =>
    membersOf<Record<string, unknown>>(await connection.ask(method, path, [json, ...head], JSON.stringify(body)));
  const connect = async (bearer: unknown) => {
    const body = { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true };
    const { ConnectionCredentials } = await ask('POST', '/participant/connection', body, `x-amz-bearer: ${bearer}`);
    return (ConnectionCredentials as { ConnectionToken: string }).ConnectionToken;
  };
  const InstanceId = developmentInstance.id;
  const { ContactId, ParticipantId, ParticipantToken } = await ask('PUT', '/contact/chat', {
    ...{ InstanceId, ContactFlowId: developmentInstance.flows[0]?.id, ClientToken: randomUUID() },
    ParticipantDetails: { DisplayName: 'Ana' },
  });
  const bot = await ask('POST', '/contact/create-participant', {
    ...{ InstanceId, ContactId, ClientToken: randomUUID() },
    ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' },
  });
  const token = await connect(ParticipantToken);
  await connect((bot.ParticipantCredentials as { ParticipantToken: string }).ParticipantToken);
  const { key } = (await store.chat({ contactId: String(ContactId) })) ?? {};
  if (key === undefined) throw new Error('the chat is not there');
  return { key, customer: String(ParticipantId), bot: String(bot.ParticipantId), token };
}

async function fill(store: Store, { key, customer, bot }: Chat, size: number): Promise<void> {
  const [ids, now] = [systemIds(), Date.now()];
  for (let number = 3; number <= size; ) {
    const writes: Promise<unknown>[] = [];
    for (let count = 0; count < batch && number <= size; count += 1, number += 1) {
      const [author, reader] = number % 2 ? [customer, bot] : [bot, customer];
      const item = { type: 'MESSAGE', contentType: 'text/plain', content: `message ${number}` } as const;
      writes.push(
        store.append({
          ...{ chat: key, author, now, token: { value: `${number}`, request: '' } },
          item: { ...item, tail: ids.tail(), participantId: author },
        }),
      );
      if (number % 5 === 0) writes.push(store.commit({ now, mark: { chat: key, reader, kind: 'read', number } }));
    }
    await Promise.all(writes);
  }
}

async function demandPage(connection: Connection, head: readonly string[], body: string): Promise<void> {
  const answer = await connection.ask('POST', '/participant/transcript', head, body);
  const { Transcript } = membersOf<{ Transcript: readonly unknown[] }>(answer);
  if (Transcript.length !== 5) throw new Error(`a page has ${Transcript.length} items`);
}

async function inputOf(page: Page, store: Store, chat: number, items: number): Promise<object> {
  if (page === 'last') return { MaxResults: 5, ScanDirection: 'BACKWARD', SortOrder: 'ASCENDING' };
  const limit = page === 'first' ? 1 : Math.floor(items / 2);
  const Id = (await store.items(chat, { newestFirst: false, limit })).at(-1)?.id;
  return { MaxResults: 5, StartPosition: { Id }, ScanDirection: 'FORWARD' };
}
