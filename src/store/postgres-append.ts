import type { Steady } from '../runtime/steady.ts';
import type { CommitCounts } from './commit-counts.ts';
import { digest, extraColumn, inColumn, itemTypeColumn } from './plan.ts';
import type { Connection, Connections, Row } from './postgres-connection.ts';
import { DatabaseRefusal, isOverdue } from './postgres-failure.ts';
import { named } from './postgres-query.ts';
import type { Append, AppendOutcome } from './store.ts';

/** Of more than these a batch is not much cheaper an append, and holds its chats for long. */
const mostInBatch = 256;
const mostCharacters = 1_000_000;
/** Above this the database is not keeping up, and who asks is better told. */
const mostWaiting = 20_000;

interface Waiting {
  /** An argument for each parameter of `append_items`. */
  readonly columns: readonly unknown[];
  readonly characters: number;
  readonly tail: Uint8Array;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (why: unknown) => void;
}

/**
 * The append lane: group commit. What is asked while a batch is under way is the next batch; a batch is one call of a
 * function and one round trip. A chat's appends all take the same connection, so that one batch never waits for another.
 *
 * An append is safe to repeat, its token sees to that: whatever becomes of a connection, it is tried again.
 */
export function appends(
  connections: Connections,
  steady: Steady,
  counts: CommitCounts,
): (append: Append) => Promise<AppendOutcome> {
  const queues = new Map<Connection, (each: Waiting) => void>();
  return (append) => {
    const connection = connections.of(append.chat);
    const add = queues.get(connection) ?? groupCommit(connection, steady, counts);
    queues.set(connection, add);
    return new Promise((resolve, reject) => add({ ...encoded(append), resolve, reject }));
  };
}

function groupCommit(connection: Connection, steady: Steady, counts: CommitCounts): (each: Waiting) => void {
  let waiting: Waiting[] = [];
  let isBusy = false;

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, fitting(waiting));
      waiting = waiting.slice(batch.length);
      const since = steady.now();
      await write(batch, connection, counts);
      counts.wrote('append', batch.length, steady.now() - since);
    }
    isBusy = false;
  }

  return (each) => {
    if (waiting.length >= mostWaiting) {
      counts.appended('failed');
      each.reject(new Error(`${waiting.length} messages wait for PostgreSQL already`));
      return;
    }
    waiting.push(each);
    if (isBusy) return;
    isBusy = true;
    steady.soon(() => void flush());
  };
}

/** How many of the first fit into one batch: at least one. */
function fitting(waiting: readonly Waiting[]): number {
  let characters = 0;
  const end = waiting.findIndex((each, index) => {
    characters += each.characters;
    return index === mostInBatch || (index > 0 && characters > mostCharacters);
  });
  return end < 0 ? waiting.length : end;
}

async function write(batch: readonly Waiting[], connection: Connection, counts: CommitCounts): Promise<void> {
  try {
    const outcomes = await connection.run(
      async (session) => {
        session.commits();
        const columns = batch[0]?.columns.map((_, index) => batch.map((each) => each.columns[index])) ?? [];
        const [result] = await session.send([named(call, columns)]);
        return batch.map((each, index) => outcomeOf(result?.rows[index] ?? {}, each.tail, session.isRepeat));
      },
      { isRepeatable: true },
    );
    for (const [index, outcome] of outcomes.entries()) {
      counts.appended(outcome);
      batch[index]?.resolve(outcome);
    }
  } catch (failure) {
    const isOfOne = failure instanceof DatabaseRefusal && !isOverdue(failure.code);
    if (batch.length === 1 || !isOfOne) {
      for (const each of batch) {
        counts.appended('failed');
        each.reject(failure);
      }
      return;
    }
    // One of them failed, and the transaction with it: each has its own now, so that the others do not suffer.
    for (const each of batch) await write([each], connection, counts);
  }
}

const call = `SELECT verdict, number, "time", tail, revision, streamed, was_idle FROM append_items(
  $1::bigint[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[],
  $8::text[], $9::text[], $10::text[], $11::text[])`;

function encoded({ chat, author, now, item, token }: Append): Pick<Waiting, 'columns' | 'characters' | 'tail'> {
  const extra = extraColumn(item);
  return {
    columns: [
      ...[chat, inColumn(author), now, digest(`${author}\0${token.value}`), digest(token.request), item.tail],
      ...[itemTypeColumn(item.type), item.contentType ?? null, item.content ?? null, item.participantId ?? null, extra],
    ],
    characters: (item.content?.length ?? 0) + (extra?.length ?? 0),
    tail: item.tail,
  };
}

/**
 * Of a batch that was tried again because it was not known whether the first try was committed, a repeat with this very
 * item's tail is that first try: its answer was lost, and is given now.
 */
function outcomeOf(row: Row, own: Uint8Array, isRepeat: boolean): AppendOutcome {
  const { verdict } = row;
  if (verdict !== 'done' && verdict !== 'again') return { refused: verdict as 'ended' };
  const tail = verdict === 'done' ? own : (row.tail as Buffer);
  const isOwn = verdict === 'done' || (isRepeat && Buffer.compare(tail, own) === 0);
  return {
    done: true,
    number: row.number as number,
    time: row.time as number,
    tail,
    revision: row.revision as number,
    again: !isOwn,
    wasIdle: isOwn && row.was_idle === true,
    isStreamed: isOwn && row.streamed === 1,
  };
}
