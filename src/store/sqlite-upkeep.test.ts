import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { upkeepRules } from '../../test/contract/store-upkeep.contract.ts';
import { type ContactSearch, term } from '../domain/search.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

describe('store contract, upkeep: SQLite in memory', () => {
  upkeepRules((run) => async () => {
    await using store = openSqlite(':memory:', systemSteady);
    await run(store);
  });
});

/** The statements that a store prepares while something is done with it. */
async function statementsOf(run: (store: Store) => Promise<unknown>): Promise<{ sql: string; plan: string[] }[]> {
  await using store = openSqlite(':memory:', systemSteady);
  const { database } = store;
  const seen: string[] = [];
  const prepare: DatabaseSync['prepare'] = database.prepare.bind(database);
  database.prepare = (sql) => {
    seen.push(sql);
    return prepare(sql);
  };
  // For erasing there must be something to erase.
  prepare(
    "INSERT INTO chat (key, id, ended, connected, idle, last, last_time, revision) VALUES (1, 'a', 1, '', '', 0, 0, 1)",
  ).run();
  await run(store);
  return seen.map((sql) => ({
    sql,
    plan: prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail)),
  }));
}

const wide: ContactSearch = { instanceId: 'one', by: 'initiated', from: 0, to: 9, newestFirst: true, limit: 10 };
const past = { time: 5, contactId: 'x' };
const searches: ContactSearch[] = (['initiated', 'ended'] as const).flatMap((by) =>
  [true, false].flatMap((newestFirst) =>
    [undefined, [term('tag', 'a', 'b'), term('tag', 'c', 'd')]].map((terms) => ({
      ...wide,
      by,
      newestFirst,
      terms,
      past,
    })),
  ),
);

describe('upkeep of the embedded store', () => {
  const runs: [what: string, run: (store: Store) => Promise<unknown>, table: string][] = [
    ...searches.map((search): [string, (store: Store) => Promise<unknown>, string] => [
      `search by ${search.by}, ${search.newestFirst ? 'newest' : 'oldest'} first${search.terms ? ', by terms' : ''}`,
      (store) => store.search(search),
      'contact',
    ]),
    ['associated', (store) => store.associated('a', past, 10), 'contact'],
    ['openChats', (store) => store.openChats('one', 10), 'contact'],
    ['due', (store) => store.due(5, 10), 'chat'],
    ['nextDue', (store) => store.nextDue(), 'chat'],
    ['forgetTokens', (store) => store.forgetTokens(5, 10), 'token'],
    ['forgetMessageTokens', (store) => store.forgetMessageTokens(1, 10), 'message_token'],
    ['erase', (store) => store.erase({ contactId: 'a' }, 10), 'chat'],
    ['erase by key', (store) => store.erase({ key: 1 }, 10), 'chat'],
  ];

  for (const [what, run, table] of runs) {
    test(`[ST23] reads no table whole and sorts nothing: ${what}`, async () => {
      const statements = await statementsOf(run);
      assert(
        statements.some(({ sql }) => sql.includes(table)),
        'statements were seen',
      );
      for (const { sql, plan } of statements) {
        assert(plan.length > 0, sql);
        const slow = plan.filter((step) => /^SCAN (?!\(subquery|placed)|TEMP B-TREE|AUTOMATIC/.test(step));
        assert.deepEqual(slow, [], `${sql}\n${plan.join('\n')}`);
      }
    });
  }

  for (const search of searches) {
    test(`[ST23] goes on from where a page ended, not from the start of the range: ${search.by} ${search.newestFirst} ${search.terms ? 'terms' : 'all'}`, async () => {
      const [statement] = await statementsOf((store) => store.search(search));
      const [step = ''] = statement?.plan ?? [];
      const time = search.by === 'ended' ? 'ended_at' : 'initiated_at';
      const [beyond, within] = search.newestFirst ? ['<', '>'] : ['>', '<'];
      assert(step.includes(`(${time},${search.terms ? 'contact' : 'id'})${beyond}(?,?)`), step);
      assert(step.includes(`${time}${within}?`), step);
    });
  }

  test('[ST23] is caught reading a whole table', async () => {
    const statements = await statementsOf(async (store) => {
      (store as ReturnType<typeof openSqlite>).database.prepare('SELECT key FROM chat WHERE last > ?');
    });
    assert.match(statements[0]?.plan[0] ?? '', /^SCAN chat/);
  });
});

describe('dead letters of the embedded store', () => {
  const steps: [what: string, run: (store: Store) => Promise<unknown>][] = [
    ['removing', (store) => store.forgetDeadLetters(5, 5)],
    ['re-driving', (store) => store.redrive(undefined, 5, 5)],
  ];
  for (const [what, run] of steps) {
    test(`[OB7] ${what} a batch of them leaves everybody else a turn`, async () => {
      await using store = openSqlite(':memory:', systemSteady);
      let hasTurned = false;
      setImmediate(() => {
        hasTurned = true;
      });
      await run(store);
      assert(hasTurned);
    });
  }
});
