import type { StatementSync } from 'node:sqlite';
import type { ChatKey } from '../domain/chat.ts';
import type { Range } from '../domain/paging.ts';
import type { ReceiptKind } from '../domain/receipts.ts';
import { type ChatRow, chatOf, digest, type ItemRow, itemOf, positionOf, tokenKey } from './plan.ts';
import type { Tail } from './sqlite-tail.ts';
import type { Store } from './store.ts';

type Prepared = (sql: string) => StatementSync;

/**
 * Of chat ?1 each reader's marks on items ?2 to ?3, and its first one from ?3 on. Readers are found one after the other,
 * so that what is read grows with them and the items asked for, never with the marks of the chat.
 */
const marksOf = `
  WITH RECURSIVE reader (name) AS (
    SELECT min(reader) FROM mark WHERE chat = ?1
    UNION ALL
    SELECT (SELECT min(reader) FROM mark WHERE chat = ?1 AND reader > name) FROM reader WHERE name IS NOT NULL
  ), kind (name) AS (VALUES ('delivered'), ('read'))
  SELECT reader, kind, number, time FROM reader CROSS JOIN kind CROSS JOIN mark
  WHERE chat = ?1 AND reader = reader.name AND kind = kind.name AND number >= ?2 AND number <= coalesce(
    (SELECT min(past.number) FROM mark AS past
     WHERE past.chat = ?1 AND past.reader = reader.name AND past.kind = kind.name AND past.number >= ?3), ?3)
  ORDER BY reader, kind, number`;

/** Reads by purpose, each by an index. */
export function reads(
  prepared: Prepared,
  tail: Tail,
): Pick<Store, 'chat' | 'items' | 'marks' | 'positions' | 'answered' | 'resource' | 'resources'> {
  const chatColumns = 'key, last, last_time, revision, document';
  return {
    async chat(ref) {
      tail.know();
      const [where, value] = 'key' in ref ? ['key = ?', ref.key] : ['id = ?', ref.contactId];
      const row = prepared(
        `SELECT ${chatColumns} FROM chat JOIN chat_detail ON chat_detail.chat = chat.key WHERE ${where}`,
      ).get(value);
      const chat = row && chatOf(row as unknown as ChatRow);
      return chat && tail.present(chat.key, chat);
    },
    async items(chat: ChatKey, range: Range) {
      const rows = prepared(`
        SELECT number, item.time, tail, type, content_type, content, participant, extra
        FROM ${isPlaced(chat, tail) ? 'item_place' : placedOrNot} AS place CROSS JOIN item ON item.key = place.item
        WHERE place.chat = ? AND place.time > ? AND place.time < ? ORDER BY place.time ${range.newestFirst ? 'DESC' : 'ASC'} LIMIT ?`).all(
        chat,
        range.after ?? -1,
        range.before ?? Number.MAX_SAFE_INTEGER,
        range.limit,
      );
      return rows.map((row) => itemOf(row as unknown as ItemRow));
    },
    async marks(chat, from, to) {
      return prepared(marksOf)
        .all(chat, from, to)
        .map((row) => ({
          reader: row.reader as string,
          kind: row.kind as ReceiptKind,
          number: row.number as number,
          time: row.time as number,
        }));
    },
    async positions(chats) {
      tail.know();
      const rows = prepared(
        'SELECT key, last, last_time, revision FROM chat WHERE key IN (SELECT value FROM json_each(?))',
      ).all(JSON.stringify(chats));
      return rows.map((row) => tail.present(row.key as number, positionOf(row as unknown as ChatRow)));
    },
    async answered(token, now) {
      const key = tokenKey(token);
      const row = prepared('SELECT request, answer FROM token WHERE key = ? AND expires_at > ?').get(key, now);
      if (!row) return undefined;
      const used = row.request as Uint8Array;
      return { answer: JSON.parse(row.answer as string), matches: (request) => digest(request).equals(used) };
    },
    async resource(kind, instance, id) {
      const row = prepared(
        'SELECT name, revision, document FROM resource WHERE kind = ? AND instance = ? AND id = ?',
      ).get(kind, instance, id);
      return row && { kind, instance, id, ...namedOf(row) };
    },
    async resources(kind) {
      const rows = prepared(
        'SELECT instance, id, name, revision, document FROM resource WHERE kind = ? ORDER BY instance, id',
      ).all(kind);
      return rows.map((row) => ({
        kind,
        instance: row.instance as string,
        id: row.id as string,
        ...namedOf(row),
      }));
    },
  };
}

/** Every item, where what waits cannot be placed: reads the log's end. */
const placedOrNot = `(
  SELECT chat, time, item FROM item_place
  UNION SELECT chat, time, key FROM item WHERE key > (SELECT item FROM placed))`;

/** What a full disk has no room for can be read all the same. */
function isPlaced(chat: ChatKey, tail: Tail): boolean {
  try {
    tail.placeChat(chat);
    return true;
  } catch {
    return false;
  }
}

function namedOf(row: Record<string, unknown>): { name: string; revision: number; document: Record<string, unknown> } {
  return { name: row.name as string, revision: row.revision as number, document: JSON.parse(row.document as string) };
}
