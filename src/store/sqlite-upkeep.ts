import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ContactPlace, ContactSearch } from '../domain/search.ts';
import type { Steady } from '../runtime/steady.ts';
import { joined, searching } from './search.ts';
import type { Tail } from './sqlite-tail.ts';
import { transaction } from './sqlite-transaction.ts';
import type { ChatRef, Erased, Store } from './store.ts';

/** Searching contacts, what is due, and what is removed: the embedded store's reads and writes off the hot path. */
type Upkeep = Pick<
  Store,
  | 'search'
  | 'associated'
  | 'openChats'
  | 'due'
  | 'nextDue'
  | 'beat'
  | 'forgetMessageTokens'
  | 'forgetTokens'
  | 'erase'
  | 'clear'
>;

type Prepared = (sql: string) => StatementSync;

/** `wrote` is told how many rows a transaction of these removed, as the checkpointer is of every other. */
export function upkeep(
  database: DatabaseSync,
  prepared: Prepared,
  steady: Steady,
  tail: Tail,
  wrote: (changes: number) => void,
): Upkeep {
  // Whoever removes batch after batch leaves everybody else a turn between two of them.
  const turn = () => new Promise<void>((resolve) => steady.soon(resolve));
  const removing = async (sql: string, ...args: readonly number[]): Promise<number> => {
    await turn();
    const changes = Number(prepared(sql).run(...args).changes);
    if (changes > 0) wrote(changes);
    return changes;
  };
  return {
    search: async (search) => searched(search, prepared),
    async associated(associationId, past, limit) {
      const rows = prepared(
        `SELECT initiated_at AS time, id FROM contact
         WHERE association = ? AND (initiated_at, id) > (?, ?) ORDER BY initiated_at, id LIMIT ?`,
      ).all(associationId, past?.time ?? -1, past?.contactId ?? '', limit);
      return places(rows);
    },
    async openChats(instanceId, limit) {
      const row = prepared(
        'SELECT count(*) AS count FROM (SELECT 1 FROM contact WHERE instance = ? AND ended_at IS NULL LIMIT ?)',
      ).get(instanceId, limit);
      return row?.count as number;
    },
    async due(by, limit) {
      const rows = prepared('SELECT key, due FROM chat WHERE due <= ? ORDER BY due, key LIMIT ?').all(by, limit);
      return rows.map((row) => ({ key: row.key as number, due: row.due as number }));
    },
    beat: async () => ({ nodes: 1 }),
    async nextDue(past = -1) {
      const row = prepared('SELECT min(due) AS due FROM chat WHERE due > ?').get(past);
      return (row?.due as number | null) ?? undefined;
    },
    async forgetMessageTokens(chat, limit) {
      // All, or the next start would find some of them again.
      tail.place();
      return removing(
        `DELETE FROM message_token WHERE (chat, key, item) IN
           (SELECT chat, key, item FROM message_token WHERE chat = ? LIMIT ?)`,
        chat,
        limit,
      );
    },
    forgetTokens: (now, limit) =>
      removing('DELETE FROM token WHERE key IN (SELECT key FROM token WHERE expires_at <= ? LIMIT ?)', now, limit),
    async erase(ref, limit) {
      await turn();
      tail.place();
      const erased = transaction(database, () => erase(prepared, ref, limit));
      tail.lost();
      if (erased) wrote(erased.items + erased.tokens + erased.marks + erased.contacts + erased.owed);
      return erased;
    },
    async clear() {
      const changes = transaction(database, () => {
        prepared('UPDATE placed SET item = 0').run();
        return tables.reduce((sum, table) => sum + Number(prepared(`DELETE FROM ${table}`).run().changes), 0);
      });
      tail.lost();
      wrote(changes);
    },
  };
}

/** Everything but the migrations that were made. */
const tables = [
  ...[
    'chat',
    'chat_detail',
    'contact',
    'contact_term',
    'item',
    'item_place',
    'message_token',
    'token',
    'mark',
    'resource',
  ],
  ...['lane', 'notice', 'dead_letter'],
];

function searched(search: ContactSearch, prepared: Prepared): ContactPlace[] {
  return joined(
    search,
    searching(search).map(({ sql, args }) => places(prepared(sql).all(...args))),
  );
}

function places(rows: readonly unknown[]): ContactPlace[] {
  return (rows as { time: number; id: string }[]).map(({ time, id }) => ({ time, contactId: id }));
}

/**
 * The first call takes the chat out of every read of chats and contacts, and moves its revision so that what was decided
 * before cannot bring it back. Its row stays, so that its ids are never used again. A row that is due but has no document
 * is one whose erasing was cut short.
 */
function erase(prepared: Prepared, ref: ChatRef, limit: number): Erased | undefined {
  const [where, value] = 'key' in ref ? ['key = ?', ref.key] : ['id = ?', ref.contactId];
  const chat = prepared(`SELECT key FROM chat WHERE ${where}`).get(value) as { key: number } | undefined;
  if (!chat) return undefined;
  const run = (sql: string, ...more: readonly number[]) => Number(prepared(sql).run(chat.key, ...more).changes);
  const some = (table: string, keys: string) =>
    run(`DELETE FROM ${table} WHERE (${keys}) IN (SELECT ${keys} FROM ${table} WHERE chat = ? LIMIT ?)`, limit);

  run('DELETE FROM chat_detail WHERE chat = ?');
  run("UPDATE chat SET ended = 1, connected = '', due = 0, revision = revision + 1 WHERE key = ?");
  run('DELETE FROM contact_term WHERE contact IN (SELECT id FROM contact WHERE chat = ?)');
  const contacts = run('DELETE FROM contact WHERE id IN (SELECT id FROM contact WHERE chat = ?)');
  const places = 'FROM item_place WHERE chat = ? ORDER BY time LIMIT ?';
  const items = run(`DELETE FROM item WHERE key IN (SELECT item ${places})`, limit);
  run(`DELETE FROM item_place WHERE (chat, time) IN (SELECT chat, time ${places})`, limit);
  // Keys of items at the end that are gone are used again.
  prepared('UPDATE placed SET item = (SELECT coalesce(max(key), 0) FROM item)').run();
  const tokens = some('message_token', 'chat, key, item');
  const marks = some('mark', 'chat, reader, kind, number');
  const own = 'lane IN (SELECT key FROM lane WHERE chat = ?)';
  const notices = run(`DELETE FROM notice WHERE key IN (SELECT key FROM notice WHERE ${own} LIMIT ?)`, limit);
  const dead = some('dead_letter', 'key');
  // Last of what is owed: what is in a lane is found by it.
  const lanes = notices < limit ? some('lane', 'key') : limit;
  const isDone = [items, tokens, marks, notices, dead, lanes].every((count) => count < limit);
  if (isDone) run('UPDATE chat SET due = NULL WHERE key = ?');
  return { items, tokens, marks, contacts, owed: notices + dead + (notices < limit ? lanes : 0), isDone };
}
