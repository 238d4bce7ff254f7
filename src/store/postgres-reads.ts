import type { ReceiptKind } from '../domain/receipts.ts';
import { type ChatRow, chatOf, digest, type ItemRow, itemOf, positionOf, tokenKey } from './plan.ts';
import type { Row } from './postgres-connection.ts';
import type { Store } from './store.ts';

/** Reads rows; what could not be read because a connection was lost is read again. */
export type Read = (text: string, ...values: readonly unknown[]) => Promise<readonly Row[]>;

/**
 * Of chat $1 each reader's marks on items $2 to $3, and its first one from $3 on. Readers are found one after the other,
 * so that what is read grows with them and the items asked for, never with the marks of the chat.
 */
const marksOf = `
  WITH RECURSIVE reader (name) AS (
    SELECT min(reader) FROM mark WHERE chat = $1::bigint
    UNION ALL
    SELECT (SELECT min(reader) FROM mark WHERE chat = $1 AND reader > name) FROM reader WHERE name IS NOT NULL
  ), kind (name) AS (VALUES ('delivered'), ('read'))
  SELECT found.reader, found.kind, found.number, found.time FROM reader CROSS JOIN kind CROSS JOIN LATERAL (
    SELECT * FROM mark WHERE chat = $1 AND mark.reader = reader.name AND mark.kind = kind.name
    AND number >= $2::bigint AND number <= coalesce(
      (SELECT min(past.number) FROM mark AS past
       WHERE past.chat = $1 AND past.reader = reader.name AND past.kind = kind.name AND past.number >= $3::bigint), $3)
  ) AS found ORDER BY found.reader, found.kind, found.number`;

/** Reads by purpose, each by an index. */
export function reads(
  read: Read,
): Pick<Store, 'chat' | 'items' | 'marks' | 'positions' | 'answered' | 'resource' | 'resources'> {
  return {
    async chat(ref) {
      const [where, value] = 'key' in ref ? ['key = $1::bigint', ref.key] : ['id = $1::text', ref.contactId];
      const [row] = await read(
        `SELECT key, last, last_time, revision, document FROM chat JOIN chat_detail ON chat_detail.chat = chat.key
         WHERE ${where}`,
        value,
      );
      return row && chatOf(row as unknown as ChatRow);
    },
    async items(chat, range) {
      const rows = await read(
        `SELECT number, time, tail, type, content_type, content, participant, extra FROM item
         WHERE chat = $1::bigint AND time > $2::bigint AND time < $3::bigint
         ORDER BY time ${range.newestFirst ? 'DESC' : 'ASC'} LIMIT $4::bigint`,
        chat,
        range.after ?? -1,
        range.before ?? Number.MAX_SAFE_INTEGER,
        range.limit,
      );
      return rows.map((row) => itemOf(row as unknown as ItemRow));
    },
    async marks(chat, from, to) {
      const rows = await read(marksOf, chat, from, to);
      return rows.map((row) => ({
        reader: row.reader as string,
        kind: row.kind as ReceiptKind,
        number: row.number as number,
        time: row.time as number,
      }));
    },
    async positions(chats) {
      const rows = await read('SELECT key, last, last_time, revision FROM chat WHERE key = ANY ($1::bigint[])', chats);
      return rows.map((row) => positionOf(row as unknown as ChatRow));
    },
    async answered(token, now) {
      const [row] = await read(
        'SELECT request, answer FROM token WHERE key = $1::bytea AND expires_at > $2::bigint',
        tokenKey(token),
        now,
      );
      if (!row) return undefined;
      const used = row.request as Buffer;
      return { answer: JSON.parse(row.answer as string), matches: (request) => digest(request).equals(used) };
    },
    async resource(kind, instance, id) {
      const [row] = await read(
        `SELECT name, revision, document FROM resource
         WHERE kind = $1::text AND instance = $2::text AND id = $3::text`,
        kind,
        instance,
        id,
      );
      return row && { kind, instance, id, ...namedOf(row) };
    },
    async resources(kind) {
      const rows = await read(
        'SELECT instance, id, name, revision, document FROM resource WHERE kind = $1::text ORDER BY instance, id',
        kind,
      );
      return rows.map((row) => ({ kind, instance: row.instance as string, id: row.id as string, ...namedOf(row) }));
    },
  };
}

function namedOf(row: Row): { name: string; revision: number; document: Record<string, unknown> } {
  return { name: row.name as string, revision: row.revision as number, document: JSON.parse(row.document as string) };
}
