import type { ContactPlace } from '../domain/search.ts';
import type { Connection, Row } from './postgres-connection.ts';
import { translated } from './postgres-query.ts';
import type { Read } from './postgres-reads.ts';
import { inTransaction, type Run } from './postgres-transaction.ts';
import { joined, searching } from './search.ts';
import type { ChatRef, Erased, Store } from './store.ts';

/** Searching contacts, what is due, and what is removed: the distributed store's reads and writes off the hot path. */
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

/** Everything but the migrations that were made. */
const tables = [
  ...['chat', 'chat_detail', 'contact', 'contact_term', 'item', 'message_token', 'token', 'mark', 'resource'],
  ...['lane', 'notice', 'dead_letter', 'node'],
];

export function upkeep(
  read: Read,
  change: (text: string, ...values: readonly unknown[]) => Promise<number>,
  claim: Read,
  connection: () => Connection,
): Upkeep {
  return {
    async search(search) {
      const pages = searching(search).map(async ({ sql, args }) => {
        const { text, values = [] } = translated(sql, args);
        return places(await read(text, ...values));
      });
      return joined(search, await Promise.all(pages));
    },
    async associated(associationId, past, limit) {
      const rows = await read(
        `SELECT initiated_at AS time, id FROM contact WHERE association = $1::text
         AND (initiated_at, id) > ($2::bigint, $3::text) ORDER BY initiated_at, id LIMIT $4::bigint`,
        associationId,
        past?.time ?? -1,
        past?.contactId ?? '',
        limit,
      );
      return places(rows);
    },
    async openChats(instanceId, limit) {
      const [row] = await read(
        `SELECT count(*) AS count FROM (
           SELECT 1 FROM contact WHERE instance = $1::text AND ended_at IS NULL LIMIT $2::bigint) AS open`,
        instanceId,
        limit,
      );
      return row?.count as number;
    },
    async due(by, limit, lease) {
      const rows = lease
        ? await claim(claimDue, by, limit, lease.holder, lease.forMs)
        : await read('SELECT key, due FROM chat WHERE due <= $1::bigint ORDER BY due, key LIMIT $2::bigint', by, limit);
      return rows.map((row) => ({ key: row.key as number, due: row.due as number }));
    },
    async beat(node, forMs) {
      const [row] = await claim(beat, node, forMs);
      return { nodes: row?.nodes as number, time: row?.time as number };
    },
    async nextDue(past = -1) {
      const [row] = await read('SELECT min(due) AS due FROM chat WHERE due > $1::bigint', past);
      return (row?.due as number | null) ?? undefined;
    },
    forgetMessageTokens: (chat, limit) => change(someOf('message_token', 'chat = $1::bigint'), chat, limit),
    forgetTokens: (now, limit) => change(someOf('token', 'expires_at <= $1::bigint'), now, limit),
    erase: (ref, limit) => inTransaction(connection(), (run) => erase(run, ref, limit)),
    async clear() {
      await change(`TRUNCATE ${tables.join(', ')}`);
    },
  };
}

/** A lease of a chat is over with its time, and with its revision: then what it was for is done, or another thing. */
const claimDue = `
  WITH claimed AS (
    UPDATE chat SET lease = $3::text, leased_until = clock_timestamp() + $4::bigint * interval '1 millisecond',
      leased_revision = revision
    WHERE key IN (
      SELECT key FROM chat WHERE due <= $1::bigint AND (
        lease IS NULL OR lease = $3 OR leased_revision <> revision OR leased_until < clock_timestamp())
      ORDER BY due, key LIMIT $2::bigint FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING key, due)
  SELECT key, due FROM claimed ORDER BY due, key`;

/** Nodes that were not heard of for a day are forgotten. */
const beat = `
  WITH gone AS (DELETE FROM node WHERE until < clock_timestamp() - interval '1 day'),
  own AS (
    INSERT INTO node (id, until) VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET until = excluded.until)
  SELECT 1 + (SELECT count(*) FROM node WHERE id <> $1 AND until >= clock_timestamp())::bigint AS nodes,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time`;

/** Removes up to $2 rows, found by an index and then by their places: rows of these tables are never changed. */
function someOf(table: string, where: string): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT $2::bigint))`;
}

function places(rows: readonly Row[]): ContactPlace[] {
  return rows.map(({ time, id }) => ({ time: time as number, contactId: id as string }));
}

/** As in the embedded store. Its first write holds the chat's row. */
async function erase(run: Run, ref: ChatRef, limit: number): Promise<Erased | undefined> {
  const [where, value] = 'key' in ref ? ['key = $1::bigint', ref.key] : ['id = $1::text', ref.contactId];
  const { rows } = await run(
    `UPDATE chat SET ended = 1, connected = '', due = 0, revision = revision + 1 WHERE ${where} RETURNING key`,
    value,
  );
  const [chat] = rows;
  if (!chat) return undefined;
  const remove = async (text: string, ...more: readonly number[]) => (await run(text, chat.key, ...more)).count;
  const some = (table: string, of = 'chat = $1::bigint') => remove(someOf(table, of), limit);

  await remove('DELETE FROM chat_detail WHERE chat = $1::bigint');
  await remove('DELETE FROM contact_term WHERE contact IN (SELECT id FROM contact WHERE chat = $1::bigint)');
  const contacts = await remove('DELETE FROM contact WHERE chat = $1::bigint');
  const items = await some('item');
  const tokens = await some('message_token');
  const marks = await some('mark');
  const notices = await some('notice', 'lane IN (SELECT key FROM lane WHERE chat = $1::bigint)');
  const dead = await some('dead_letter');
  // Last of what is owed: what is in a lane is found by it.
  const lanes = notices < limit ? await removeLanes() : limit;
  const isDone = [items, tokens, marks, notices, dead, lanes].every((count) => count < limit);
  if (isDone) await remove('UPDATE chat SET due = NULL WHERE key = $1::bigint');
  return { items, tokens, marks, contacts, owed: notices + dead + (notices < limit ? lanes : 0), isDone };

  function removeLanes(): Promise<number> {
    return remove(
      'DELETE FROM lane WHERE key IN (SELECT key FROM lane WHERE chat = $1::bigint LIMIT $2::bigint)',
      limit,
    );
  }
}
