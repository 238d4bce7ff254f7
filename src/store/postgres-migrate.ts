import { CannotOpen } from './cannot-open.ts';
import { migrations } from './migrations/postgres.ts';
import { type Connection, quoted, type Session } from './postgres-connection.ts';
import { named } from './postgres-query.ts';

/** Brings the schema to this program's version if it is older. Resolves to the versions from and to. */
export async function migrate(connection: Connection, schema: string): Promise<{ from: number; to: number }> {
  return connection.run(
    async (session) => {
      const from = await versionOf(session, schema);
      check(from);
      if (from < migrations.length) await advance(session, schema);
      return { from, to: migrations.length };
    },
    { isRepeatable: true },
  );
}

/** 0 if there is no schema yet. */
async function versionOf(session: Session, schema: string): Promise<number> {
  const [encoding, table] = await session.send([
    { text: 'SHOW server_encoding' },
    named('SELECT to_regclass($1) AS name', [`${quoted(schema)}.migration`]),
  ]);
  const name = encoding?.rows[0]?.server_encoding;
  if (name !== 'UTF8') {
    throw new CannotOpen(`the database has the encoding ${name}; Tertulia needs one with the encoding UTF8`);
  }
  if (!table?.rows[0]?.name) return 0;
  const [version] = await session.send([{ text: 'SELECT coalesce(max(number), 0) AS version FROM migration' }]);
  return version?.rows[0]?.version as number;
}

function check(version: number): void {
  if (version <= migrations.length) return;
  throw new CannotOpen(
    `the store has schema version ${version}, newer than this program's ${migrations.length}; run a newer Tertulia`,
  );
}

/** In one transaction, of which one at a time is in the schema: who comes second finds it done. */
async function advance(session: Session, schema: string): Promise<void> {
  await session.send([
    { text: 'BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0' },
    {
      ...named(`SELECT pg_advisory_xact_lock(hashtextextended('tertulia migrates ' || $1, 0))`, [schema]),
      isSlow: true,
    },
  ]);
  const [found] = await session.send([named('SELECT to_regnamespace($1) AS name', [quoted(schema)])]);
  // Even where it is there, making it if it is not asks for a permission that the user may not have.
  if (!found?.rows[0]?.name) await session.send([{ text: `CREATE SCHEMA ${quoted(schema)}` }]);
  const [, present] = await session.send([
    { text: 'CREATE TABLE IF NOT EXISTS migration (number bigint PRIMARY KEY)' },
    { text: 'SELECT coalesce(max(number), 0) AS version FROM migration' },
  ]);
  const version = present?.rows[0]?.version as number;
  check(version);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    await session.send([
      { text: migration, isSlow: true },
      named('INSERT INTO migration (number) VALUES ($1::bigint)', [index + 1]),
    ]);
  }
  session.commits();
  await session.send([{ text: 'COMMIT' }]);
}
