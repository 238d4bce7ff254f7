import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Client } from 'pg';
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

/** A server of this test file alone, that ends with it. PostgreSQL refuses to run as root: then its own user runs it. */
async function startServer(): Promise<string | undefined> {
  const [version] = existsSync(programs) ? readdirSync(programs).sort((one, other) => Number(other) - Number(one)) : [];
  const folder = join(programs, version ?? '', 'bin');
  if (version === undefined || !existsSync(join(folder, 'initdb'))) return undefined;
  const isRoot = userInfo().uid === 0;
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(isRoot ? 'runuser' : command, isRoot ? ['-u', 'postgres', '--', command, ...args] : args, {
      stdio: 'ignore',
      timeout: 120_000,
    });
  const place = mkdtempSync('/tmp/tertulia-postgres-');
  if (isRoot) execFileSync('chown', ['postgres', place]);
  const data = join(place, 'data');
  run(join(folder, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C');
  const [port] = await freePorts(1);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${place} -c max_connections=200`;
  const ctl = join(folder, 'pg_ctl');
  run(ctl, '-D', data, '-l', join(place, 'log'), '-o', options, '-w', '-t', '60', 'start');
  process.once('exit', () => {
    run(ctl, '-D', data, '-m', 'immediate', 'stop');
    rmSync(place, { recursive: true, force: true });
  });
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

const given = process.env.TERTULIA_TEST_POSTGRES_URL;
const found = given ?? ((await answers(usual)) ? usual : await startServer());

/** Why tests that need it are skipped; in CI they are not, and fail where it is missing. */
export const postgresMissing =
  found === undefined &&
  process.env.CI !== 'true' &&
  'no PostgreSQL here (set TERTULIA_TEST_POSTGRES_URL, or apt-get install postgresql)';

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
