import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Client } from 'pg';
import { within } from './journal.ts';
import { freePorts } from './ports.ts';

/** A real PostgreSQL for tests, and schemas of it that they need not share. */

const usual = 'postgres://postgres@127.0.0.1:5432/test';
/** Where Debian puts the server's programs, by version. */
const programs = '/usr/lib/postgresql';

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** A real PostgreSQL of a test's own, that keeps its port and its data over restarts and ends with the test. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** At once, in the middle of everything, as when its process dies; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts again after a kill; resolves when it takes connections. */
  restart(): Promise<void>;
}

/** Debian keeps the programs of each version in a folder of its own. */
function newestPrograms(): string | undefined {
  const [version] = existsSync(programs) ? readdirSync(programs).sort((one, other) => Number(other) - Number(one)) : [];
  const folder = join(programs, version ?? '', 'bin');
  return version !== undefined && existsSync(join(folder, 'initdb')) ? folder : undefined;
}

/** PostgreSQL refuses to run as root: then its own user runs it. */
function asItsUser(command: string, args: readonly string[]): [string, readonly string[]] {
  return userInfo().uid === 0 ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args];
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = newestPrograms();
  if (folder === undefined) throw new Error(`no PostgreSQL in ${programs} (apt-get install postgresql)`);
  // Not waiting for it in silence: relays of the same process go on meanwhile.
  const run = async (program: string, ...args: readonly string[]) => {
    const child = spawn(...asItsUser(join(folder, program), args), { stdio: 'ignore' });
    const [code] = await within(`${program} ${args.at(-1)}`, once(child, 'exit'));
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  };
  const place = mkdtempSync('/tmp/tertulia-postgres-');
  if (userInfo().uid === 0) execFileSync('chown', ['postgres', place]);
  const data = join(place, 'data');
  // What initdb writes need not outlive the machine.
  await run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync');
  const [port = 0] = await freePorts(1);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${place} -c max_connections=200`;
  const restart = () => run('pg_ctl', '-D', data, '-l', join(place, 'log'), '-o', options, '-w', '-t', '60', 'start');
  let isRunning = true;
  const kill = async () => {
    if (isRunning) await run('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
    isRunning = false;
  };
  const remove = () => rmSync(place, { recursive: true, force: true });
  const atExit = () => {
    const stop = asItsUser(join(folder, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop']);
    if (isRunning) execFileSync(...stop, { stdio: 'ignore', timeout: 60_000 });
    remove();
  };
  process.once('exit', atExit);
  await restart();
  return {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    kill,
    async restart() {
      await restart();
      isRunning = true;
    },
    async [Symbol.asyncDispose]() {
      await kill();
      process.off('exit', atExit);
      remove();
    },
  };
}

const given = process.env.TERTULIA_TEST_POSTGRES_URL;
const found = given ?? ((await answers(usual)) ? usual : newestPrograms() && (await startPostgres()).url);

/** Why tests that need it are skipped; in CI they are not, and fail where it is missing. */
export const postgresMissing =
  found === undefined &&
  process.env.CI !== 'true' &&
  'no PostgreSQL here (set TERTULIA_TEST_POSTGRES_URL, or apt-get install postgresql)';

/** Why tests that restart a server of their own are skipped. */
export const ownPostgresMissing =
  newestPrograms() === undefined &&
  process.env.CI !== 'true' &&
  'no programs of PostgreSQL here (apt-get install postgresql)';

/** Of a database that tests may make schemas in. */
export const postgresUrl = found ?? usual;

let connection: Promise<Client> | undefined;
after(async () => (await connection)?.end());

/** Asks the database beside the store. */
export async function ask(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  connection ??= (async () => {
    const client = new Client({ connectionString: postgresUrl });
    await client.connect();
    return client;
  })();
  const { rows } = await (await connection).query(text, [...values]);
  return rows;
}

let made = 0;

/** A name that no other process's tests take. */
export function schemaName(): string {
  made += 1;
  return `tertulia_test_${process.pid}_${made}`;
}

export async function dropSchema(schema: string): Promise<void> {
  await ask(`SET client_min_messages = warning`);
  await ask(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
}

/** A schema of its own that is gone when it is disposed of. */
export function temporarySchema(): AsyncDisposable & { readonly name: string } {
  const name = schemaName();
  return { name, [Symbol.asyncDispose]: () => dropSchema(name) };
}
