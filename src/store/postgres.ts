import { type Log, silentLog } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import { CannotOpen } from './cannot-open.ts';
import { openCommitCounts } from './commit-counts.ts';
import { appends } from './postgres-append.ts';
import { countedChange } from './postgres-change.ts';
import { type ConnectionSettings, openConnection, openConnections } from './postgres-connection.ts';
import { lanes } from './postgres-lanes.ts';
import { connectionMetrics } from './postgres-metrics.ts';
import { migrate } from './postgres-migrate.ts';
import { named } from './postgres-query.ts';
import { type Read, reads } from './postgres-reads.ts';
import { upkeep } from './postgres-upkeep.ts';
import type { Store } from './store.ts';

export interface PostgresSettings {
  /** `postgres://user:password@host:port/database`, with `?sslmode=` and what else `pg` understands. */
  readonly url: string;
  /** Everything of the store is in it; made if absent. Nodes of one service name the same. */
  readonly schema?: string | undefined;
  readonly steady: Steady;
  readonly log?: Log | undefined;
  /** How many connections a node holds at most for each kind of work. */
  readonly connections?: Partial<Readonly<Record<'append' | 'change' | 'read', number>>> | undefined;
  /** Milliseconds for which what is safe to repeat is tried again while the database cannot be reached. */
  readonly patience?: number | undefined;
  /** Milliseconds that a statement may take. */
  readonly statementTimeout?: number | undefined;
}

export const defaultSchema = 'tertulia';
/** Two batches keep a database of a few cores busy; ten connections a node leave room for nine nodes of PostgreSQL's hundred. */
const defaultConnections = { append: 2, change: 4, read: 4 };
/** A restart of PostgreSQL or a failover takes seconds; callers' own timeouts are longer. */
const defaultPatience = 8_000;
/** Nothing here takes more than milliseconds, unless the database is overwhelmed or somebody holds a lock. */
const defaultStatementTimeout = 5_000;

/**
 * The distributed store: PostgreSQL, shared by any number of nodes. Opening brings the schema to this program's version;
 * of nodes that open at once, one does. Connections are made when they are needed and again when they are lost.
 */
export async function openPostgres(given: PostgresSettings): Promise<Store> {
  const settings = settingsOf(given);
  await openSchema(settings);
  const sizes = { ...defaultConnections, ...given.connections };
  const forAppends = openConnections(sizes.append, settings);
  const forChanges = openConnections(sizes.change, settings);
  const forReads = openConnections(sizes.read, settings);

  const run = async (text: string, values: readonly unknown[], isRepeatable = true) => {
    const query = values.length > 0 ? named(text, values) : { text };
    const [result] = await forReads.least().run((session) => session.send([query]), { isRepeatable });
    return result;
  };
  // Not repeated: what was claimed and not heard of is claimed again once its lease is over.
  const claim: Read = async (text, ...values) => (await run(text, values, false))?.rows ?? [];
  const read: Read = async (text, ...values) => (await run(text, values))?.rows ?? [];
  const change = async (text: string, ...values: readonly unknown[]) => (await run(text, values))?.count ?? 0;
  const counts = openCommitCounts(['append', 'change']);
  const append = appends(forAppends, settings.steady, counts);
  const commits = openGate();

  return {
    append: (each) => commits.through(() => append(each)),
    commit: (each) => commits.through(() => countedChange(each, forChanges, settings.steady, counts)),
    ...reads(read),
    ...lanes(read, change, claim, forChanges.least),
    ...upkeep(read, change, claim, forChanges.least),
    metrics: () => [
      ...counts.metrics(commits.inside()),
      ...connectionMetrics({ append: forAppends, change: forChanges, read: forReads }),
    ],
    async [Symbol.asyncDispose]() {
      await commits.close();
      await Promise.all([forAppends, forChanges, forReads].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

/** Brings the schema to this program's version, and says from which to which. */
export async function migratePostgres(given: PostgresSettings): Promise<{ from: number; to: number }> {
  return openSchema(settingsOf(given));
}

function settingsOf({ url, schema, steady, log, patience, statementTimeout }: PostgresSettings): ConnectionSettings {
  return {
    ...{ url, steady },
    schema: schema ?? defaultSchema,
    log: log ?? silentLog,
    patience: patience ?? defaultPatience,
    statementTimeout: statementTimeout ?? defaultStatementTimeout,
  };
}

async function openSchema(settings: ConnectionSettings): Promise<{ from: number; to: number }> {
  await using connection = openConnection(settings);
  try {
    return await migrate(connection, settings.schema);
  } catch (failure) {
    if (failure instanceof CannotOpen) throw failure;
    const why = failure instanceof Error ? failure.message : String(failure);
    throw new CannotOpen(`the store ${placeOf(settings.url)} cannot be used: ${why}`);
  }
}

/** Where the database is, without the password. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'in PostgreSQL';
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

/** Lets everything through until it is closed, and is closed when all that went in has come out. */
function openGate() {
  let inside = 0;
  let isClosed = false;
  const empty = Promise.withResolvers<void>();
  return {
    async through<T>(run: () => Promise<T>): Promise<T> {
      if (isClosed) throw new Error('the store is closed');
      inside += 1;
      try {
        return await run();
      } finally {
        inside -= 1;
        if (isClosed && inside === 0) empty.resolve();
      }
    },
    inside: () => inside,
    close(): Promise<void> {
      isClosed = true;
      if (inside === 0) empty.resolve();
      return empty.promise;
    },
  };
}
