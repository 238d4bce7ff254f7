import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Steady } from '../runtime/steady.ts';
import { CannotOpen } from './cannot-open.ts';
import { type Checkpointer, openCheckpointer } from './checkpoint.ts';
import { type CommitCounts, openCommitCounts } from './commit-counts.ts';
import { wakeStreams } from './lanes.ts';
import { migrations } from './migrations/sqlite.ts';
import {
  type ChatRow,
  type Dialect,
  digest,
  extraColumn,
  inColumn,
  itemTypeColumn,
  plan,
  positionOf,
  type Statement,
} from './plan.ts';
import { lanes } from './sqlite-lanes.ts';
import { reads } from './sqlite-reads.ts';
import { transaction } from './sqlite-transaction.ts';
import { upkeep } from './sqlite-upkeep.ts';
import type { Append, AppendOutcome, Change, ChangeOutcome, Store } from './store.ts';

const dialect: Dialect = { greater: 'max', position: 'instr', lock: '' };

/** SQLITE_BUSY: another connection holds the lock. */
const sqliteBusy = 5;

type Waiting =
  | {
      readonly append: Append;
      readonly resolve: (outcome: AppendOutcome) => void;
      readonly reject: (why: unknown) => void;
    }
  | {
      readonly change: Change;
      readonly resolve: (outcome: ChangeOutcome) => void;
      readonly reject: (why: unknown) => void;
    };

/**
 * The embedded store: SQLite, write-ahead log, synced before every answer.
 *
 * Commits wait in a queue until the event loop has read what had arrived, and then share one transaction and one sync.
 * `directory` is `:memory:` or a folder, made if absent, which one server at a time holds; a tool may open it beside.
 */
export function openSqlite(
  directory: string,
  steady: Steady,
  as: 'server' | 'tool' = 'server',
): Store & { readonly database: DatabaseSync } {
  const inMemory = directory === ':memory:';
  const release = inMemory || as === 'tool' ? () => {} : lock(directory);
  let database: DatabaseSync;
  try {
    database = openDatabase(inMemory ? ':memory:' : join(directory, 'tertulia.db'));
  } catch (failure) {
    release();
    throw failure;
  }
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string) => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const checkpointer = inMemory ? undefined : openCheckpointer(join(directory, 'tertulia.db'), database);
  const queue = groupCommit(database, prepared, steady, checkpointer);

  return {
    database,
    append: (append) => new Promise((resolve, reject) => queue.add({ append, resolve, reject })),
    commit: (change) => new Promise((resolve, reject) => queue.add({ change, resolve, reject })),
    ...reads(prepared),
    ...lanes(database, prepared, steady, (changes) => checkpointer?.wrote(changes)),
    ...upkeep(database, prepared, steady, (changes) => checkpointer?.wrote(changes)),
    metrics: () => [...queue.metrics(), ...(checkpointer?.metrics() ?? [])],
    async [Symbol.asyncDispose]() {
      if (!database.isOpen) return;
      queue.flush();
      await checkpointer?.[Symbol.asyncDispose]();
      database.close();
      release();
    },
  };
}

/**
 * Holds the folder by an open exclusive transaction on a file of its own, which the system lets go even after kill -9.
 * (Reading a locked SQLite file through `fs` in this process would drop its locks: nothing here ever does.)
 */
function lock(directory: string): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const holder = new DatabaseSync(join(directory, 'lock.db'));
    try {
      holder.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    } catch (failure) {
      holder.close();
      throw failure;
    }
    return () => holder.close();
  } catch (failure) {
    throw new CannotOpen(
      (failure as { errcode?: unknown }).errcode === sqliteBusy
        ? `the data directory ${directory} is held by another server; stop it, or set TERTULIA_DATA_DIR to another directory`
        : `the data directory ${directory} cannot be used: ${reason(failure)}`,
    );
  }
}

function reason(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // For a tool that comes before the first server: a server's lock has made it.
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    database = new DatabaseSync(file);
    configure(database);
    migrate(database);
    return database;
  } catch (failure) {
    database?.close();
    if (failure instanceof CannotOpen) throw failure;
    throw new CannotOpen(`the store ${file} cannot be used: ${reason(failure)}`);
  }
}

function configure(database: DatabaseSync): void {
  database.exec(`
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -65536;
    PRAGMA foreign_keys = OFF;
  `);
}

/** Brings the schema to this program's version, in one transaction, so that of two racing migrators one finds it done. */
export function migrate(database: DatabaseSync): void {
  transaction(database, () => {
    database.exec('CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY) STRICT');
    const row = database.prepare('SELECT coalesce(max(number), 0) AS version FROM migration').get();
    const version = row?.version as number;
    if (version > migrations.length) {
      throw new CannotOpen(
        `the store has schema version ${version}, newer than this program's ${migrations.length}; run a newer Tertulia`,
      );
    }
    for (const [index, migration] of migrations.entries()) {
      if (index < version) continue;
      database.exec(migration);
      database.prepare('INSERT INTO migration (number) VALUES (?)').run(index + 1);
    }
  });
}

type Prepared = (sql: string) => StatementSync;

function groupCommit(
  database: DatabaseSync,
  prepared: Prepared,
  steady: Steady,
  checkpointer: Checkpointer | undefined,
) {
  let waiting: Waiting[] = [];
  const counts = openCommitCounts(['all']);

  function flush(): void {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const since = steady.now();
    let settle: (() => void)[];
    try {
      settle = transaction(database, () => batch.map((each) => apply(each, prepared, counts)));
    } catch {
      // One of them failed, and the transaction with it: each has its own now, so that the others do not suffer.
      settle = batch.map((each) => alone(each));
    }
    counts.wrote('all', batch.length, steady.now() - since);
    for (const each of settle) each();
    checkpointer?.wrote(batch.length);
  }

  function alone(each: Waiting): () => void {
    try {
      return transaction(database, () => apply(each, prepared, counts));
    } catch (failure) {
      if ('append' in each) counts.appended('failed');
      else counts.changed('failed');
      return () => each.reject(failure);
    }
  }

  return {
    add(each: Waiting): void {
      waiting.push(each);
      if (waiting.length === 1) steady.soon(flush);
    },
    flush,
    metrics: () => counts.metrics(waiting.length),
  };
}

/** Writes one change and returns how to answer it once the transaction is on disk. */
function apply(each: Waiting, prepared: Prepared, counts: CommitCounts): () => void {
  if ('append' in each) {
    const outcome = applyAppend(each.append, prepared);
    return () => {
      counts.appended(outcome);
      each.resolve(outcome);
    };
  }
  const outcome = applyChange(each.change, prepared);
  return () => {
    counts.changed(outcome);
    each.resolve(outcome);
  };
}

/** The expectation is the first write, so that a refused append has written nothing. */
function applyAppend(append: Append, prepared: Prepared): AppendOutcome {
  const { chat, author, item, now } = append;
  const key = digest(`${author}\0${append.token.value}`);
  const request = digest(append.token.request);
  const row = prepared(`
    UPDATE chat SET last = last + 1, last_time = max(?, last_time + 1)
    WHERE key = ? AND ended = 0 AND instr(connected, ?) > 0
      AND NOT EXISTS (SELECT 1 FROM message_token WHERE chat = ? AND key = ?)
    RETURNING last, last_time, revision, streamed, instr(idle, ?) > 0 AS was_idle`).get(
    now,
    chat,
    inColumn(author),
    chat,
    key,
    inColumn(author),
  ) as { last: number; last_time: number; revision: number; streamed: number; was_idle: number } | undefined;
  if (!row) return refusal(append, key, request, prepared);
  prepared(`
    INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
    chat,
    row.last_time,
    row.last,
    item.tail,
    itemTypeColumn(item.type),
    item.contentType ?? null,
    item.content ?? null,
    item.participantId ?? null,
    extraColumn(item),
  );
  prepared('INSERT INTO message_token (chat, key, request, number, time, tail) VALUES (?, ?, ?, ?, ?, ?)').run(
    chat,
    key,
    request,
    row.last,
    row.last_time,
    item.tail,
  );
  if (row.streamed) run(wakeStreams(chat, now), prepared);
  return {
    done: true,
    number: row.last,
    time: row.last_time,
    tail: item.tail,
    revision: row.revision,
    again: false,
    wasIdle: row.was_idle === 1,
    isStreamed: row.streamed === 1,
  };
}

/** Nothing was written; look the reason up. A used token comes first: a repeat is answered even after the end. */
function refusal({ chat }: Append, key: Buffer, request: Buffer, prepared: Prepared): AppendOutcome {
  const used = prepared('SELECT request, number, time, tail FROM message_token WHERE chat = ? AND key = ?').get(
    chat,
    key,
  ) as { request: Uint8Array; number: number; time: number; tail: Uint8Array } | undefined;
  const row = prepared('SELECT ended, revision FROM chat WHERE key = ?').get(chat) as
    | { ended: number; revision: number }
    | undefined;
  if (!row) return { refused: 'no-chat' };
  if (!used) return { refused: row.ended ? 'ended' : 'not-connected' };
  if (!request.equals(used.request)) return { refused: 'token-conflict' };
  return {
    done: true,
    number: used.number,
    time: used.time,
    tail: used.tail,
    revision: row.revision,
    again: true,
    wasIdle: false,
    isStreamed: false,
  };
}

function applyChange(change: Change, prepared: Prepared): ChangeOutcome {
  prepared('SAVEPOINT change').run();
  try {
    const outcome = runChange(change, prepared);
    if (!('done' in outcome)) prepared('ROLLBACK TO change').run();
    return outcome;
  } catch (failure) {
    prepared('ROLLBACK TO change').run();
    throw failure;
  } finally {
    prepared('RELEASE change').run();
  }
}

function runChange(change: Change, prepared: Prepared): ChangeOutcome {
  const { head, rest } = plan(change, dialect);
  const row = head && (prepared(head.sql).get(...head.args) as Omit<ChatRow, 'document'> | undefined);
  if (head && !row) return { stale: true };
  const position = row && positionOf(row);
  const { statements, items } = rest(position);
  for (const statement of statements) {
    const missed = failed(statement, run(statement, prepared));
    if (missed) return missed;
  }
  return { done: true, chat: position, items };
}

/** Resolves to how many rows it changed. */
function run({ sql, args }: Statement, prepared: Prepared): number {
  return Number(prepared(sql).run(...args).changes);
}

function failed(statement: Statement, changes: number): { stale: true } | { again: true } | undefined {
  if (statement.expect === undefined || statement.expect === changes) return undefined;
  return statement.otherwise === 'again' ? { again: true } : { stale: true };
}
