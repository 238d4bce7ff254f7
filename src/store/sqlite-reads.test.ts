import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { message, newChat, noon } from '../../test/contract/store-fixtures.ts';
import { closeLane, lane, pass, settle, waiting, way } from '../../test/contract/store-lanes-fixtures.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** How the statements of a read go about it, in SQLite's own words. */
async function planOf(run: (store: Store) => Promise<unknown>): Promise<string[]> {
  await using store = openSqlite(':memory:', systemSteady);
  // What waits to be placed is asked for once, whatever is read first.
  await store.positions([]);
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
    ['items, newest first', (store) => store.items(1, { before: 9, newestFirst: true, limit: 5 }), 2],
    ['items, oldest first', (store) => store.items(1, { after: 9, newestFirst: false, limit: 5 }), 2],
    ['marks', (store) => store.marks(1, 5, 9), 4],
  ];
  for (const [what, run, searched] of runs) {
    test(`[TR9, ST25] reads no rows but by an index: ${what}`, async () => {
      const plan = await planOf(run);
      const tables = plan.filter((step) => /\b(item|place|mark|past)\b/.test(step));
      assert.equal(tables.length, searched, plan.join('\n'));
      for (const step of tables)
        assert.match(step, /^SEARCH \w+ USING (PRIMARY KEY \(chat=\?|INTEGER PRIMARY KEY \(rowid=\?)/);
    });
  }

  test('[TR9] sorts no items', async () => {
    const plan = await planOf((store) => store.items(1, { newestFirst: true, limit: 5 }));
    assert.deepEqual(
      plan.filter((step) => step.includes('TEMP B-TREE')),
      [],
    );
  });

  const lanes: [what: string, run: (store: Store) => Promise<unknown>, index: RegExp][] = [
    ['dueLanes', (store) => store.dueLanes('one', 9, 5), /lane_by_due \(destination=\? AND due<\?/],
    ['laneDestinations', (store) => store.laneDestinations(9), /lane_by_due \(destination=\? AND due<\?/],
    ['nextLaneDue', (store) => store.nextLaneDue(), /lane_by_due \(destination=\? AND due>\?/],
    ['nextLaneDue past a time', (store) => store.nextLaneDue(9), /lane_by_due \(destination=\? AND due>\?/],
    ['hurry', (store) => store.hurry('one', 9), /lane_by_due \(destination=\? AND due>\?/],
    ['notices', (store) => store.notices(1, 5), /notice_by_lane \(lane=\?/],
    ['dead letters', (store) => store.deadLetters(undefined, 5, 5), /PRIMARY KEY \(rowid>\?/],
    [
      'dead letters of one destination',
      (store) => store.deadLetters('one', 5, 5),
      /dead_letter_by_destination \(destination=\? AND key>\?/,
    ],
    ['forgetDeadLetters', (store) => store.forgetDeadLetters(5, 5), /dead_letter_by_death \(died_at<\?/],
  ];
  /** A table read whole; of `min` SQLite says SEARCH, and looks at one end of an index. */
  const slow = /^SCAN (lane|notice|dead_letter)|TEMP B-TREE|AUTOMATIC/;
  for (const [what, run, index] of lanes) {
    test(`[ST29] reads lanes by an index and sorts nothing: ${what}`, async () => {
      const plan = await planOf(run);
      assert.deepEqual(
        plan.filter((step) => slow.test(step)),
        [],
        plan.join('\n'),
      );
      assert(
        plan.some((step) => index.test(step)),
        plan.join('\n'),
      );
    });
  }

  test('[ST29] is caught reading all lanes, and sorting them', async () => {
    const plan = await planOf(async (store) => {
      const { database } = store as ReturnType<typeof openSqlite>;
      database.prepare('SELECT key FROM lane WHERE attempts > 1 ORDER BY since');
    });
    assert.equal(plan.filter((step) => slow.test(step)).length, 2, plan.join('\n'));
  });
});

describe('writes of the embedded store', () => {
  /** The statements that it runs for a message, in a chat with that many streams. */
  async function statementsOfMessage(streams: number): Promise<string[]> {
    await using store = openSqlite(':memory:', systemSteady);
    const ids = Array.from({ length: streams }, (_, index) => `stream ${index}`);
    const created = { ...newChat(), streams: ids.map((id) => ({ id, topic: 't', startedAt: noon })) };
    const owed = ids.map((id) => ({ lane: way(id, 't'), opens: true }));
    const outcome = await store.commit({ now: noon, chat: { created }, owed });
    assert('done' in outcome && outcome.chat);
    const seen: string[] = [];
    // Each statement is prepared once: before the first message none of its own is.
    const prepare: DatabaseSync['prepare'] = store.database.prepare.bind(store.database);
    store.database.prepare = (sql) => {
      seen.push(sql);
      return prepare(sql);
    };
    assert('done' in (await store.append(message(outcome.chat.key, 'ann'))));
    return [...seen];
  }

  test('[OB1] run nothing at lanes for a message of a chat without streams, and one statement for one with two', async () => {
    const [without, withTwo] = [await statementsOfMessage(0), await statementsOfMessage(2)];
    assert.equal(without.length, 3, without.join('\n'));
    assert.deepEqual(
      without.filter((sql) => /\b(lane|notice|dead_letter)\b/.test(sql)),
      [],
    );
    assert.equal(withTwo.length, 4, withTwo.join('\n'));
    assert.equal(withTwo.filter((sql) => /^UPDATE lane\b/.test(sql)).length, 1);
  });

  test('[ST29] go by an index where lanes are made due, told, closed and settled', async () => {
    const plan = await planOf(async (store) => {
      const chat = await waiting(store);
      await pass(store, chat, ['notice']);
      const read = await lane(store, chat);
      const dead = { parcel: 'x', error: 'x', attempts: 8 };
      assert('done' in (await settle(store, read, { number: 1, time: noon, noticed: 1, dead })));
      await closeLane(store, chat, 'lane');
      await store.redrive('other', noon, 5);
      await store.redrive(undefined, noon, 5);
    });
    const steps = plan.filter((step) => /\b(lane|notice|dead_letter)\b/.test(step));
    assert(steps.length > 10, 'statements were seen');
    const whole = steps.filter((step) => /^SCAN/.test(step) && !step.includes('USING COVERING INDEX lane_parked'));
    // The dead letters of all destinations are read in the order of their keys, up to a limit.
    assert.deepEqual(whole, ['SCAN dead_letter'], plan.join('\n'));
  });
});
