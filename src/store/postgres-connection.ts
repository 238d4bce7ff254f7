import { Socket } from 'node:net';
import type * as Pg from 'pg';
import { UnknownOutcome } from '../domain/unknown-outcome.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import { DatabaseRefusal, endsConnection, isAnswered, isClash, Unreachable } from './postgres-failure.ts';
import type { Query } from './postgres-query.ts';

export interface Row {
  readonly [column: string]: unknown;
}

export interface Result {
  readonly rows: readonly Row[];
  /** How many rows were read or changed. */
  readonly count: number;
}

export interface ConnectionSettings {
  readonly url: string;
  readonly schema: string;
  readonly steady: Steady;
  readonly log: Log;
  /** Milliseconds for which a lost or refused connection is tried again before what waits for it fails. */
  readonly patience: number;
  /** Milliseconds after which PostgreSQL gives a statement up; a little later so does this side. */
  readonly statementTimeout: number;
}

/** What a piece of work does on a connection that is its own meanwhile. */
export interface Session {
  /** Sends all at once. Throws the first that fails, of which `failedAt` knows the place; those after it were sent too. */
  send(queries: readonly Query[]): Promise<Result[]>;
  /** From now on a lost connection leaves it unknown whether the work was done. */
  commits(): void;
  /** An attempt before this one may have been done after all. */
  readonly isRepeat: boolean;
}

export interface Connection extends AsyncDisposable {
  /** Pieces of work that wait or are being done. */
  readonly load: number;
  /** As far as is known. */
  readonly isOpen: boolean;
  /** How often it was lost, or could not be made. */
  readonly losses: number;
  /**
   * One piece after the other. One that was rolled back because of others, or whose connection was lost before it could
   * have been done, is done again; after that only if it `isRepeatable`. Throws `UnknownOutcome`, `Unreachable` or what
   * PostgreSQL refused.
   */
  run<T>(work: (session: Session) => Promise<T>, options?: { readonly isRepeatable?: boolean }): Promise<T>;
}

/** Above this the database is not keeping up, and who asks is better told. */
const mostWaiting = 20_000;
/** Deadlocks are rare, and each has a winner: who loses this often has met something else. */
const mostClashes = 20;
const firstPause = 10;
const longestPause = 500;
const connectTimeout = 5_000;
/** Past the statement's own timeout, for an answer to come over a slow network; after that the connection is dead. */
const answerGrace = 2_000;
const answerForever = 30 * 60_000;

const failedPlaces = new WeakMap<object, number>();

/** Which of the queries that were sent together was the first to fail. */
export function failedAt(failure: unknown): number {
  return failedPlaces.get(failure as object) ?? -1;
}

interface Live {
  readonly client: Pg.Client;
  readonly socket: Socket;
}

/** One connection, made when it is first needed and again when it is lost. */
export function openConnection(settings: ConnectionSettings): Connection {
  const { steady, log, patience } = settings;
  let live: Live | undefined;
  let end: Promise<unknown> = Promise.resolve();
  let load = 0;
  let losses = 0;
  let isClosed = false;

  function drop(): void {
    live?.socket.destroy();
    live = undefined;
  }

  async function pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void steady.after(ms, resolve));
  }

  /** Rolls back what failed on a sound connection, so that the next work finds it clean. */
  async function clean(): Promise<void> {
    if (!live) return;
    const status = (live.client as unknown as { getTransactionStatus(): string | null }).getTransactionStatus();
    if (status === 'I') return;
    await live.client.query('ROLLBACK').catch(drop);
  }

  async function persist<T>(work: (session: Session) => Promise<T>, isRepeatable: boolean): Promise<T> {
    const start = steady.now();
    let isUnknown = false;
    for (let tries = 1, clashes = 0; ; tries += 1) {
      let mayBeDone = false;
      try {
        if (live?.socket.destroyed) live = undefined;
        live ??= await connect(settings);
        const { send } = sender(live, settings);
        const commits = () => {
          mayBeDone = true;
        };
        return await work({ send, commits, isRepeat: isUnknown });
      } catch (failure) {
        const isLost = !live || live.socket.destroyed || (isAnswered(failure) && endsConnection(failure.code));
        if (!isLost) {
          await clean();
          if (!(isAnswered(failure) && isClash(failure.code) && clashes < mostClashes)) throw refusal(failure);
          clashes += 1;
        } else {
          drop();
          losses += 1;
          isUnknown ||= mayBeDone;
          if (isFinal(failure)) throw refusal(failure);
          if (tries === 1) log.warn({ why: reason(failure) }, 'the connection to PostgreSQL was lost');
          const isOver = isClosed || steady.now() - start >= patience;
          if (isUnknown && (isOver || !isRepeatable)) {
            throw new UnknownOutcome(`it is not known whether this was committed: ${reason(failure)}`);
          }
          if (isOver) throw new Unreachable(`PostgreSQL cannot be reached: ${reason(failure)}`);
        }
        await pause(Math.min(longestPause, firstPause * 2 ** Math.min(tries - 1, 10)));
      }
    }
  }

  return {
    get load() {
      return load;
    },
    get isOpen() {
      return live !== undefined && !live.socket.destroyed;
    },
    get losses() {
      return losses;
    },
    run(work, { isRepeatable = false } = {}) {
      if (isClosed) return Promise.reject(new Error('the store is closed'));
      if (load >= mostWaiting) return Promise.reject(new Unreachable(`${load} wait for PostgreSQL already`));
      load += 1;
      const done = end
        .then(() => persist(work, isRepeatable))
        .finally(() => {
          load -= 1;
        });
      end = done.catch(() => {});
      return done;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await end;
      await live?.client.end().catch(() => {});
      live = undefined;
    },
  };
}

/** The server answered, and another try would be answered the same: a wrong password, no such database, no permission. */
function isFinal(failure: unknown): boolean {
  return isAnswered(failure) && /^(28|3D|42|0A)/.test(failure.code);
}

function refusal(failure: unknown): unknown {
  if (!isAnswered(failure)) return failure;
  const refused = new DatabaseRefusal(failure.message, failure.code);
  failedPlaces.set(refused, failedAt(failure));
  return refused;
}

function reason(failure: unknown): string {
  const { message, code } = failure as { message?: string; code?: string };
  return message || code || String(failure);
}

async function connect({ url, schema, steady, statementTimeout }: ConnectionSettings): Promise<Live> {
  const { Client, types } = await import('pg');
  const socket = new Socket();
  const client = new Client({
    connectionString: url,
    application_name: 'tertulia',
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: connectTimeout,
    // One batch of statements does not wait for the answers to those before it.
    pipeline: true,
    types: {
      // 64 bits: keys, counts and times, all far below 2^53.
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === 20 ? Number : types.getTypeParser(oid, format as 'text'),
    },
  } as Pg.ClientConfig);
  // Such as the server's farewell on a connection that does nothing at the moment.
  client.on('error', () => socket.destroy());
  const callOff = steady.after(connectTimeout, () => socket.destroy());
  try {
    await client.connect();
    // Every read here has its index, and a plan that was made while a table was empty must not be kept (ST23).
    await client.query(`
      SET search_path TO ${quoted(schema)}; SET statement_timeout = ${statementTimeout};
      SET lock_timeout = ${statementTimeout}; SET idle_in_transaction_session_timeout = ${statementTimeout * 2};
      SET enable_seqscan = off; SET jit = off; SET client_min_messages = warning;
      SET default_transaction_isolation = 'read committed';
      SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`);
  } catch (failure) {
    socket.destroy();
    throw failure;
  } finally {
    callOff();
  }
  return { client, socket };
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function sender({ client, socket }: Live, { steady, statementTimeout }: ConnectionSettings): Pick<Session, 'send'> {
  return {
    async send(queries) {
      const isSlow = queries.some(({ isSlow }) => isSlow);
      const callOff = steady.after(isSlow ? answerForever : statementTimeout + answerGrace, () => socket.destroy());
      try {
        const answers = await Promise.allSettled(
          queries.map(({ text, values, name }) =>
            client.query<Row>({ text, ...(values && { values: [...values] }), ...(name !== undefined && { name }) }),
          ),
        );
        const failed = answers.findIndex(({ status }) => status === 'rejected');
        if (failed >= 0) {
          const { reason } = answers[failed] as PromiseRejectedResult;
          failedPlaces.set(reason, failed);
          throw reason;
        }
        return answers.map((each) => {
          const { rows, rowCount } = (each as PromiseFulfilledResult<Pg.QueryResult<Row>>).value;
          return { rows, count: rowCount ?? 0 };
        });
      } finally {
        callOff();
      }
    },
  };
}

/** Connections for one kind of work. */
export interface Connections extends AsyncDisposable {
  readonly all: readonly Connection[];
  /** The same one for the same key: what belongs together is done in the order in which it was asked. */
  of(key: number | string): Connection;
  /** The one with the least to do. */
  least(): Connection;
}

export function openConnections(size: number, settings: ConnectionSettings): Connections {
  const all = Array.from({ length: size }, () => openConnection(settings));
  const at = (index: number) => all[index % size] as Connection;
  return {
    all,
    of: (key) => at(typeof key === 'number' ? Math.abs(Math.trunc(key)) : sum(key)),
    least: () => all.reduce((best, each) => (each.load < best.load ? each : best)),
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

function sum(text: string): number {
  let total = 0;
  for (let index = 0; index < text.length; index += 1) total = (total * 31 + text.charCodeAt(index)) % 1_000_003;
  return total;
}
