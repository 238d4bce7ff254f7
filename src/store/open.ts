import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import { migrations } from './migrations/sqlite.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

export interface StorePlace {
  /** Of PostgreSQL; undefined for the embedded store. */
  readonly store: string | undefined;
  readonly storeSchema: string;
  readonly dataDir: string;
}

/** Opens the store that is configured. The driver of PostgreSQL is loaded only where it is. */
export async function openStore(
  { store: url, storeSchema: schema, dataDir }: StorePlace,
  parts: { readonly steady: Steady; readonly log: Log },
  as: 'server' | 'tool' = 'server',
): Promise<Store> {
  if (url === undefined) return openSqlite(dataDir, parts.steady, as);
  const { openPostgres } = await import('./postgres.ts');
  return openPostgres({ url, schema, ...parts });
}

/** Brings the schema to this program's version, and says so in a line. Several at once do it once. */
export async function migrated(
  { store: url, storeSchema: schema, dataDir }: StorePlace,
  parts: { readonly steady: Steady; readonly log: Log },
): Promise<string> {
  if (url === undefined) {
    // Opening does it.
    await openSqlite(dataDir, parts.steady, 'tool')[Symbol.asyncDispose]();
    return `The store in ${dataDir} has schema version ${migrations.length}.\n`;
  }
  const { migratePostgres } = await import('./postgres.ts');
  const { from, to } = await migratePostgres({ url, schema, ...parts });
  return from === to
    ? `Schema ${schema} has version ${to} already.\n`
    : `Schema ${schema} was brought from version ${from} to ${to}.\n`;
}
