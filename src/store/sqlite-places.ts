import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ChatKey } from '../domain/chat.ts';
import { transaction } from './sqlite-transaction.ts';
import type { Position } from './store.ts';

type Prepared = (sql: string) => StatementSync;

/**
 * The items of the log that are not placed: known here, and in the rows of `item` after the one that `placed` names.
 * Placing writes an item's place in its chat, its token among those used, and where the chat stands.
 */
export interface Places {
  /** Key of the log's last row. */
  readonly newest: number;
  /** An item was written to the end of the log. */
  wait(chat: ChatKey, item: Unplaced): void;
  /** Whether an item that waits has that token. */
  hasToken(chat: ChatKey, token: Uint8Array): boolean;
  /** Places all: in the transaction that is under way, or in one of its own. */
  place(): void;
  /** Places what waits of a chat. */
  placeChat(chat: ChatKey): void;
  /** Places what has waited longest, if much waits. */
  placeSome(): void;
  /** A position as it was just read, brought to where its chat stands. */
  present<P extends Stand>(chat: ChatKey, position: P): P;
  /** Before a read: asks the database what waits, if that is not known. */
  know(): void;
  /** Runs a transaction. If it throws it has come to nothing: what waits is then what waited before. */
  attempt<T>(run: () => T): T;
  /** Rows were changed by another way, or many came to nothing at once: only the database knows what waits. */
  lost(): void;
}

export interface Unplaced {
  readonly key: number;
  readonly number: number;
  readonly time: number;
  readonly token: Uint8Array | null;
}

type Stand = Pick<Position, 'last' | 'lastTime'>;

/** What waits of one chat. */
interface Waiting {
  readonly items: Unplaced[];
  readonly tokens: Set<string>;
}

export interface PlaceLimits {
  /** Items that may wait: of 300 busy chats each has then ten or more, so that a page is written for as many. */
  readonly mostWaiting: number;
  /** How far behind the log's end any may wait: so many rows the next start has to look at. */
  readonly furthestBack: number;
  /** Placed at a time, and then the rest of their chats: a millisecond or two, in which nothing else is done. */
  readonly placedAtOnce: number;
}

export const placeLimits: PlaceLimits = { mostWaiting: 4000, furthestBack: 16_000, placedAtOnce: 250 };

/** `wrote` is told how many items a transaction placed, as the checkpointer is of every other. */
export function openPlaces(
  database: DatabaseSync,
  prepared: Prepared,
  wrote: (changes: number) => void,
  { mostWaiting, furthestBack, placedAtOnce }: PlaceLimits,
): Places {
  // In the order of their first items.
  const waiting = new Map<ChatKey, Waiting>();
  let [length, newest, isUnknown] = [0, 0, true];
  let placedSince: [ChatKey, Waiting][] | undefined;

  function know(): void {
    if (!isUnknown) return;
    newest = (prepared('SELECT coalesce(max(key), 0) AS newest FROM item').get() as { newest: number }).newest;
    for (const row of prepared(unplaced).all()) wait(row.chat as number, row as unknown as Unplaced);
    isUnknown = false;
  }

  function lost(): void {
    waiting.clear();
    length = 0;
    isUnknown = true;
  }

  function wait(chat: ChatKey, item: Unplaced): void {
    const mine = waiting.get(chat) ?? { items: [], tokens: new Set() };
    if (mine.items.length === 0) waiting.set(chat, mine);
    mine.items.push(item);
    if (item.token) mine.tokens.add(nameOf(item.token));
    newest = Math.max(newest, item.key);
    length += 1;
  }

  function place(chats: readonly ChatKey[]): void {
    if (chats.length === 0) return;
    let count = 0;
    const run = () => {
      for (const chat of chats) {
        const mine = waiting.get(chat);
        if (!mine) continue;
        waiting.delete(chat);
        placedSince?.push([chat, mine]);
        count += mine.items.length;
        placeItems(chat, mine.items, prepared);
      }
      length -= count;
      const [oldest] = waiting.values();
      prepared('UPDATE placed SET item = ?').run((oldest?.items[0]?.key ?? newest + 1) - 1);
    };
    if (database.isTransaction) run();
    else attempt(() => unsynced(database, run));
    wrote(count);
  }

  function attempt<T>(run: () => T): T {
    know();
    const before = { length, newest, placed: [] };
    placedSince = before.placed;
    try {
      return run();
    } catch (failure) {
      undo(before);
      throw failure;
    } finally {
      placedSince = undefined;
    }
  }

  function undo(before: { readonly length: number; readonly newest: number; placed: [ChatKey, Waiting][] }): void {
    for (const [chat, mine] of waiting) {
      dropAfter(before.newest, mine);
      if (mine.items.length === 0) waiting.delete(chat);
    }
    if (before.placed.length > 0) {
      const all = [...waiting, ...before.placed].sort(([, one], [, other]) => firstOf(one) - firstOf(other));
      waiting.clear();
      for (const [chat, mine] of all) waiting.set(chat, mine);
    }
    ({ length, newest } = before);
  }

  return {
    get newest() {
      return newest;
    },
    wait,
    hasToken: (chat, token) => waiting.get(chat)?.tokens.has(nameOf(token)) ?? false,
    place() {
      know();
      place([...waiting.keys()]);
    },
    placeChat(chat) {
      know();
      if (waiting.has(chat)) place([chat]);
    },
    placeSome() {
      const enough = length > mostWaiting ? Math.max(placedAtOnce, length - mostWaiting) : 0;
      const chats: ChatKey[] = [];
      let count = 0;
      for (const [chat, { items }] of waiting) {
        if (count >= enough && newest - (items[0]?.key ?? newest) < furthestBack) break;
        chats.push(chat);
        count += items.length;
      }
      place(chats);
    },
    present(chat, position) {
      const { number: last = 0, time: lastTime = 0 } = waiting.get(chat)?.items.at(-1) ?? {};
      return last > position.last ? { ...position, last, lastTime } : position;
    },
    know,
    attempt,
    lost,
  };
}

function dropAfter(key: number, { items, tokens }: Waiting): void {
  for (let last = items.at(-1); last && last.key > key; last = items.at(-1)) {
    items.pop();
    if (last.token) tokens.delete(nameOf(last.token));
  }
}

function firstOf({ items: [first] }: Waiting): number {
  return first?.key ?? 0;
}

/** Some of them may be placed: chats are not placed in the order of the log. */
export const unplaced =
  'SELECT key, chat, number, time, token FROM item WHERE key > (SELECT item FROM placed) ORDER BY key';

function placeItems(chat: ChatKey, items: readonly Unplaced[], prepared: Prepared): void {
  const putPlace = prepared('INSERT OR IGNORE INTO item_place (chat, time, item) VALUES (?, ?, ?)');
  const putToken = prepared('INSERT OR IGNORE INTO message_token (chat, key, item) VALUES (?, ?, ?)');
  for (const { key, time, token } of items) {
    putPlace.run(chat, time, key);
    if (token) putToken.run(chat, startOf(token), key);
  }
  const { number = 0, time = 0 } = items.at(-1) ?? {};
  // A change that wrote the last of them has moved the chat itself.
  prepared('UPDATE chat SET last = ?, last_time = ? WHERE key = ? AND last < ?').run(number, time, chat, number);
}

/** The first six bytes of a token are all that the index has: what a message adds to it is 20 bytes. */
export function startOf(token: Uint8Array): Uint8Array {
  return token.subarray(0, 6);
}

function nameOf(token: Uint8Array): string {
  return Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString('latin1');
}

/** In a transaction that is not synced: what it writes can be made again. */
function unsynced(database: DatabaseSync, run: () => void): void {
  database.exec('PRAGMA synchronous = NORMAL');
  try {
    transaction(database, run);
  } finally {
    database.exec('PRAGMA synchronous = FULL');
  }
}
