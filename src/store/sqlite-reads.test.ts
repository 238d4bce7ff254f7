import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** How the statements of a read go about it, in SQLite's own words. */
async function planOf(run: (store: Store) => Promise<unknown>): Promise<string[]> {
  await using store = openSqlite(':memory:', systemSteady);
  const seen: string[] = [];
  const prepare: DatabaseSync['prepare'] = store.database.prepare.bind(store.database);
  store.database.prepare = (sql) => {
    seen.push(sql);
    return prepare(sql);
  };
  await run(store);
  return seen.flatMap((sql) =>
    prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail)),
  );
}

describe('reads of the embedded store', () => {
  const runs: [what: string, run: (store: Store) => Promise<unknown>, searched: number][] = [
    ['items, newest first', (store) => store.items(1, { before: 9, newestFirst: true, limit: 5 }), 1],
    ['items, oldest first', (store) => store.items(1, { after: 9, newestFirst: false, limit: 5 }), 1],
    ['marks', (store) => store.marks(1, 5, 9), 4],
  ];
  for (const [what, run, searched] of runs) {
    test(`[TR9, ST25] reads no rows but by an index: ${what}`, async () => {
      const plan = await planOf(run);
      const tables = plan.filter((step) => /\b(item|mark|past)\b/.test(step));
      assert.equal(tables.length, searched, plan.join('\n'));
      for (const step of tables) assert.match(step, /^SEARCH \w+ USING (INDEX item_by_time|PRIMARY KEY) \(chat=\?/);
    });
  }

  test('[TR9] sorts no items', async () => {
    const plan = await planOf((store) => store.items(1, { newestFirst: true, limit: 5 }));
    assert.deepEqual(
      plan.filter((step) => step.includes('TEMP B-TREE')),
      [],
    );
  });
});
