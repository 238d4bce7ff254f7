import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ChatKey } from '../domain/chat.ts';
import { wakeStreams } from './lanes.ts';
import { digest, extraColumn, inColumn, itemTypeColumn } from './plan.ts';
import { openPlaces, type PlaceLimits, type Places, startOf } from './sqlite-places.ts';
import type { Append, AppendOutcome, Change, ChangeOutcome } from './store.ts';

type Prepared = (sql: string) => StatementSync;

/**
 * The embedded store's appends. An append writes one row, at the end of `item`, which is the log; the rest follows from
 * it: the item's place in its chat, its token among those used, and where the chat stands. That is *placed* later, a chat
 * at a time, before anything looks at it: a page of these trees is then written once for many messages, and a server that
 * was killed loses nothing by it. (`docs/decisions/0008` has the scores.)
 *
 * Meanwhile `Places` knows which items wait for that, and this where their chats stand. All of it is called between two
 * turns of the event loop, so that nobody sees a transaction half done.
 */
export interface Tail extends Pick<Places, 'place' | 'placeChat' | 'present' | 'know'> {
  /** Within a transaction. A refused append has written nothing. */
  append(append: Append): AppendOutcome;
  /** Within a transaction, before a change: the rows that it looks at are made to say what is so. */
  before(change: Change): void;
  /** After it, if it was done: what is answered. */
  after(change: Change, outcome: Done): Done;
  /** After a transaction: what has waited long enough is placed, and what is known of chats kept within its bound. */
  settle(): void;
  /** Runs a transaction; if it throws, what is known is what was known before. */
  attempt<T>(run: () => T): T;
  /** Rows were changed by another way than `append` and changes, or a transaction of many came to nothing. */
  lost(): void;
}

type Done = Extract<ChangeOutcome, { done: true }>;

/** Where a chat stands, and who may speak in it. */
interface Head {
  readonly ended: number;
  readonly connected: string;
  readonly idle: string;
  readonly streamed: number;
  readonly revision: number;
  last: number;
  lastTime: number;
}

/** Chats whose heads are kept: 10 MB or so. */
const mostHeads = 20_000;

export function openTail(
  database: DatabaseSync,
  prepared: Prepared,
  wrote: (changes: number) => void,
  limits: PlaceLimits,
): Tail {
  const places = openPlaces(database, prepared, wrote, limits);
  const heads = new Map<ChatKey, Head>();

  function headOf(chat: ChatKey): Head | undefined {
    const known = heads.get(chat);
    if (known) return known;
    const row = prepared(
      'SELECT ended, connected, idle, streamed, revision, last, last_time AS lastTime FROM chat WHERE key = ?',
    ).get(chat);
    if (!row) return undefined;
    const head = { ...places.present(chat, row as unknown as Head) };
    heads.set(chat, head);
    return head;
  }

  function append(append: Append): AppendOutcome {
    const { chat, author, now } = append;
    places.know();
    const head = headOf(chat);
    if (!head) return { refused: 'no-chat' };
    const token = digest(`${author}\0${append.token.value}`);
    const request = digest(append.token.request);
    const isUsed = places.hasToken(chat, token) || usedBy(chat, token, prepared) !== undefined;
    if (isUsed || head.ended || !head.connected.includes(inColumn(author))) {
      places.placeChat(chat);
      return refused(head, usedBy(chat, token, prepared), request);
    }
    const key = places.newest + 1;
    head.last += 1;
    head.lastTime = Math.max(now, head.lastTime + 1);
    const at = { key, number: head.last, time: head.lastTime, token };
    write(append, { ...at, request }, prepared);
    if (head.streamed) {
      const { sql, args } = wakeStreams(chat, now);
      prepared(sql).run(...args);
    }
    places.wait(chat, at);
    return done(append, head);
  }

  return {
    append,
    before({ chat, owedBy, settled }) {
      places.know();
      if (chat && 'after' in chat) places.placeChat(chat.after.key);
      if (owedBy !== undefined) places.placeChat(owedBy);
      // Whether anything is left in a lane is seen by where its chat stands.
      const lane = settled && prepared('SELECT chat FROM lane WHERE key = ?').get(settled.key);
      if (lane) places.placeChat(lane.chat as number);
    },
    after(change, outcome) {
      const { chat, items } = outcome;
      if (!chat) return outcome;
      if (!change.chat) return { ...outcome, chat: places.present(chat.key, chat) };
      heads.delete(chat.key);
      for (const { number, time } of items) {
        // SQLite's next key follows the largest.
        places.wait(chat.key, { key: places.newest + 1, number, time, token: null });
      }
      return outcome;
    },
    settle() {
      places.placeSome();
      if (heads.size > mostHeads) heads.clear();
    },
    attempt(run) {
      try {
        return places.attempt(run);
      } catch (failure) {
        heads.clear();
        throw failure;
      }
    },
    lost() {
      heads.clear();
      places.lost();
    },
    place: places.place,
    placeChat: places.placeChat,
    present: places.present,
    know: places.know,
  };
}

function write(
  { chat, item }: Append,
  at: { readonly key: number; readonly number: number; readonly time: number; token: Buffer; request: Buffer },
  prepared: Prepared,
): void {
  prepared(`
    INSERT INTO item (key, chat, time, number, tail, type, content_type, content, participant, extra, token, request)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
    at.key,
    chat,
    at.time,
    at.number,
    item.tail,
    itemTypeColumn(item.type),
    item.contentType ?? null,
    item.content ?? null,
    item.participantId ?? null,
    extraColumn(item),
    at.token,
    at.request,
  );
}

function done({ author, item: { tail } }: Append, head: Head): AppendOutcome {
  const { last: number, lastTime: time, revision, idle, streamed } = head;
  const wasIdle = idle.includes(inColumn(author));
  return { done: true, number, time, tail, revision, again: false, wasIdle, isStreamed: streamed === 1 };
}

interface Used {
  readonly request: Uint8Array;
  readonly number: number;
  readonly time: number;
  readonly tail: Uint8Array;
}

/** The item that was placed with that token. */
function usedBy(chat: ChatKey, token: Buffer, prepared: Prepared): Used | undefined {
  return prepared(`
    SELECT request, number, time, tail FROM message_token CROSS JOIN item ON item.key = message_token.item
    WHERE message_token.chat = ? AND message_token.key = ? AND token = ?`).get(chat, startOf(token), token) as
    | Used
    | undefined;
}

/** A used token comes first: a repeat is answered even after the end. */
function refused(head: Head, used: Used | undefined, request: Buffer): AppendOutcome {
  if (!used) return { refused: head.ended ? 'ended' : 'not-connected' };
  if (!request.equals(used.request)) return { refused: 'token-conflict' };
  const { number, time, tail } = used;
  return { done: true, number, time, tail, revision: head.revision, again: true, wasIdle: false, isStreamed: false };
}
