import type { Steady } from '../runtime/steady.ts';
import type { CommitCounts } from './commit-counts.ts';
import { type ChatRow, type Dialect, plan, positionOf, type Statement } from './plan.ts';
import { type Connection, type Connections, failedAt, type Session } from './postgres-connection.ts';
import { isAnswered, unexpectedRows } from './postgres-failure.ts';
import { named, type Query, translated } from './postgres-query.ts';
import type { Change, ChangeOutcome } from './store.ts';

const dialect: Dialect = { greater: 'greatest', position: 'strpos', lock: 'FOR NO KEY UPDATE' };

const begin: Query = { text: 'BEGIN' };
const commit: Query = { text: 'COMMIT' };
const rollback: Query = { text: 'ROLLBACK' };

/**
 * The general lane: each change in a transaction of its own, in two round trips. The first takes the chat's row, which
 * says what the rest is made of; the second writes the rest and commits, unless a statement of it finds that the change
 * is stale or a repeat, which fails the transaction.
 */
async function commitChange(change: Change, connections: Connections): Promise<ChangeOutcome> {
  const { head, rest } = plan(change, dialect);
  return connectionFor(change, connections).run(async (session) => {
    const first = [begin, ...locks(change)];
    if (!head) {
      const { statements, items } = rest(undefined);
      const missed = await write(session, first, statements);
      return missed ?? { done: true, chat: undefined, items };
    }
    const results = await session.send([...first, translated(head.sql, head.args)]);
    const row = results.at(-1)?.rows[0] as unknown as Omit<ChatRow, 'document'> | undefined;
    if (!row) {
      await session.send([rollback]);
      return { stale: true };
    }
    const position = positionOf(row);
    const { statements, items } = rest(position);
    const missed = await write(session, [], statements);
    return missed ?? { done: true, chat: position, items };
  });
}

/** The same, counted. */
export async function countedChange(
  change: Change,
  connections: Connections,
  steady: Steady,
  counts: CommitCounts,
): Promise<ChangeOutcome> {
  const since = steady.now();
  try {
    const outcome = await commitChange(change, connections);
    counts.changed(outcome);
    return outcome;
  } catch (failure) {
    counts.changed('failed');
    throw failure;
  } finally {
    counts.wrote('change', 1, steady.now() - since);
  }
}

/** Changes of one chat stand in one line, as do those that replace one thing; what stands alone goes where there is room. */
function connectionFor({ chat, mark, owedBy, settled, replaced, token }: Change, connections: Connections): Connection {
  if (chat && 'after' in chat) return connections.of(chat.after.key);
  if (chat?.atMost !== undefined) return connections.of(chat.created.instanceId);
  if (mark) return connections.of(mark.chat);
  if (owedBy !== undefined) return connections.of(owedBy);
  if (settled) return connections.of(settled.key);
  const [resource] = replaced ?? [];
  if (resource) return connections.of(resource.id);
  return token ? connections.of(token.value) : connections.least();
}

/**
 * What must be held before the change reads: a statement that waits for a lock still reads other tables as they were
 * before. Who counts the open chats of an instance counts alone; who changes what a chat owes holds the chat, so that
 * nothing is added to it meanwhile that would then be taken for delivered.
 */
function locks({ chat, owedBy, settled }: Change): Query[] {
  const queries: Query[] = [];
  if (chat && 'created' in chat && chat.atMost !== undefined) {
    queries.push(
      named(`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' open chats of ' || $1, 0))`, [
        chat.created.instanceId,
      ]),
    );
  }
  if (owedBy !== undefined || settled) {
    queries.push(
      named(
        `SELECT 1 FROM chat WHERE key IN ($1::bigint, (SELECT lane.chat FROM lane WHERE lane.key = $2::bigint))
         ORDER BY key FOR NO KEY UPDATE`,
        [owedBy ?? null, settled?.key ?? null],
      ),
    );
  }
  return queries;
}

/** Writes and commits. Answers what the change is otherwise, if it is not done. */
async function write(
  session: Session,
  before: readonly Query[],
  statements: readonly Statement[],
): Promise<{ stale: true } | { again: true } | undefined> {
  session.commits();
  try {
    // A transaction in which a statement failed is rolled back by COMMIT.
    await session.send([...before, ...statements.map(expecting), commit]);
    return undefined;
  } catch (failure) {
    if (!isAnswered(failure) || failure.code !== unexpectedRows) throw failure;
    const missed = statements[failedAt(failure) - before.length];
    return missed?.otherwise === 'again' ? { again: true } : { stale: true };
  }
}

function expecting({ sql, args, expect }: Statement): Query {
  if (expect === undefined) return translated(sql, args);
  const counted = `WITH changed AS (${sql} RETURNING 1) SELECT expect_rows((SELECT count(*) FROM changed), ?)`;
  return translated(counted, [...args, expect]);
}
