import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Steady } from '../runtime/steady.ts';
import { CannotOpen } from './cannot-open.ts';
import { openCheckpointer } from './checkpoint.ts';
import { type CommitCounts, openCommitCounts } from './commit-counts.ts';
import { migrations } from './migrations/sqlite.ts';
import { type ChatRow, type Dialect, plan, positionOf, type Statement, tokenKey } from './plan.ts';
import { lanes } from './sqlite-lanes.ts';
import { type PlaceLimits, placeLimits } from './sqlite-places.ts';
import { reads } from './sqlite-reads.ts';
import { openTail, type Tail } from './sqlite-tail.ts';
import { transaction } from './sqlite-transaction.ts';
import { upkeep } from './sqlite-upkeep.ts';
import type { Append, AppendOutcome, Change, ChangeOutcome, Store, Token } from './store.ts';

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
  limits: PlaceLimits = placeLimits,
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
  const wrote = (changes: number) => checkpointer?.wrote(changes);
  const tail = openTail(database, prepared, wrote, limits);
  const queue = groupCommit(database, prepared, steady, tail, wrote);

  return {
    database,
    append: (append) => new Promise((resolve, reject) => queue.add({ append, resolve, reject })),
    commit: (change) => new Promise((resolve, reject) => queue.add({ change, resolve, reject })),
    ...reads(prepared, tail),
    ...lanes(database, prepared, steady, wrote),
    ...upkeep(database, prepared, steady, tail, wrote),
    metrics: () => [...queue.metrics(), ...(checkpointer?.metrics() ?? [])],
    async [Symbol.asyncDispose]() {
      if (!database.isOpen) return;
      queue.flush();
      try {
        if (as === 'server') tail.place();
      } catch {
        // A full disk, most likely: the next start finds what waits, as after kill -9.
      }
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
  tail: Tail,
  wrote: (changes: number) => void,
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
      settle = transaction(database, () => batch.map((each) => apply(each, prepared, tail, counts)));
    } catch {
      tail.lost();
      // One of them failed, and the transaction with it: each has its own now, so that the others do not suffer.
      settle = batch.map((each) => alone(each));
    }
    counts.wrote('all', batch.length, steady.now() - since);
    for (const each of settle) each();
    wrote(batch.length);
    try {
      tail.settle();
    } catch {
      // A full disk, most likely: all of it is answered and on disk, and the next commit tries again.
    }
  }

  function alone(each: Waiting): () => void {
    try {
      return tail.attempt(() => transaction(database, () => apply(each, prepared, tail, counts)));
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
function apply(each: Waiting, prepared: Prepared, tail: Tail, counts: CommitCounts): () => void {
  if ('append' in each) {
    const outcome = tail.append(each.append);
    return () => {
      counts.appended(outcome);
      each.resolve(outcome);
    };
  }
  tail.before(each.change);
  const change = applyChange(each.change, prepared);
  const outcome = 'done' in change ? tail.after(each.change, change) : change;
  return () => {
    counts.changed(outcome);
    each.resolve(outcome);
  };
}

/**
 * Its token and its chat are asked before anything is written. Only what can be refused after that has a savepoint,
 * which keeps a copy of each page that is written within it.
 */
function applyChange(change: Change, prepared: Prepared): ChangeOutcome {
  if (change.token && isUsed(change.token, change.now, prepared)) return { again: true };
  if (!change.settled && !change.replaced?.length) return runChange(change, prepared);
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

function isUsed(token: Token, now: number, prepared: Prepared): boolean {
  return prepared('SELECT 1 FROM token WHERE key = ? AND expires_at > ?').get(tokenKey(token), now) !== undefined;
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
