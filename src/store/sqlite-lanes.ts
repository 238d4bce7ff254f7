import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Steady } from '../runtime/steady.ts';
import { deadLetterOf, laneOf, summaryOf } from './lane-rows.ts';
import type { LaneStore, Notice } from './lanes.ts';
import { transaction } from './sqlite-transaction.ts';

type Prepared = (sql: string) => StatementSync;

/**
 * Destinations that have lanes due, found one after the other in the index: what is read grows with them, not with the
 * lanes that a dead one has.
 */
const dueDestinations = `
  destination (name) AS (
    SELECT min(destination) FROM lane WHERE due IS NOT NULL
    UNION ALL
    SELECT (SELECT min(lane.destination) FROM lane WHERE due IS NOT NULL AND lane.destination > name)
    FROM destination WHERE name IS NOT NULL
  )`;

/** The embedded store's lanes: what is still to leave, and what could not. */
export function lanes(
  database: DatabaseSync,
  prepared: Prepared,
  steady: Steady,
  wrote: (changes: number) => void,
): LaneStore {
  // Whoever moves or removes batch after batch leaves everybody else a turn between two of them.
  const turn = () => new Promise<void>((resolve) => steady.soon(resolve));
  const run = (sql: string, ...args: readonly (string | number | null)[]) => {
    const changes = Number(prepared(sql).run(...args).changes);
    if (changes > 0) wrote(changes);
    return changes;
  };
  return {
    async laneDestinations(by) {
      const rows = prepared(
        `WITH RECURSIVE ${dueDestinations} SELECT name FROM destination
         WHERE name IS NOT NULL AND EXISTS (SELECT 1 FROM lane WHERE lane.destination = name AND due <= ?)`,
      ).all(by);
      return rows.map(({ name }) => name as string);
    },
    async dueLanes(destination, by, limit) {
      return prepared('SELECT * FROM lane WHERE destination = ? AND due <= ? ORDER BY due, key LIMIT ?')
        .all(destination, by, limit)
        .map(laneOf);
    },
    // One server holds the data directory: nobody is there to share with.
    async renewLanes() {},
    async nextLaneDue(past = -1, except = []) {
      const row = prepared(
        `WITH RECURSIVE ${dueDestinations}
         SELECT min((SELECT min(due) FROM lane WHERE lane.destination = name AND due > ?)) AS due FROM destination
         WHERE name NOT IN (SELECT value FROM json_each(?))`,
      ).get(past, JSON.stringify(except));
      return (row?.due as number | null) ?? undefined;
    },
    lanesOf: async (chat) => prepared('SELECT * FROM lane WHERE chat = ? ORDER BY key').all(chat).map(laneOf),
    async notices(lane, limit) {
      const rows = prepared('SELECT key, after, parcel FROM notice WHERE lane = ? ORDER BY key LIMIT ?').all(
        lane,
        limit,
      );
      return rows as unknown as Notice[];
    },
    async parkOldest(destination, most) {
      const row = prepared('SELECT count(*) AS count FROM lane WHERE destination = ? AND due IS NOT NULL').get(
        destination,
      );
      const excess = (row?.count as number) - most;
      if (excess <= 0) return 0;
      return run(
        `UPDATE lane SET parked = 1, due = NULL, fence = fence + 1 WHERE key IN (
           SELECT key FROM lane WHERE destination = ? AND due IS NOT NULL ORDER BY since, key LIMIT ?)`,
        destination,
        excess,
      );
    },
    async hurry(destination, now) {
      run('UPDATE lane SET due = ? WHERE destination = ? AND due > ?', now, destination, now);
    },
    async laneSummary() {
      const rows = prepared(
        `SELECT destination, sum(waiting) AS waiting, sum(parked) AS parked, sum(dead) AS dead, min(since) AS since,
                max(error) AS error FROM (
           SELECT destination, 1 AS waiting, 0 AS parked, 0 AS dead, since, error FROM lane WHERE due IS NOT NULL
           UNION ALL SELECT destination, 0, 1, 0, since, error FROM lane WHERE parked = 1
           UNION ALL SELECT destination, 0, 0, count(*), NULL, NULL FROM dead_letter GROUP BY destination)
         GROUP BY destination ORDER BY destination`,
      ).all();
      return rows.map(summaryOf);
    },
    async deadLetters(destination, past, limit) {
      const rows =
        destination === undefined
          ? prepared('SELECT * FROM dead_letter WHERE key > ? ORDER BY key LIMIT ?').all(past, limit)
          : prepared('SELECT * FROM dead_letter WHERE destination = ? AND key > ? ORDER BY key LIMIT ?').all(
              destination,
              past,
              limit,
            );
      return rows.map(deadLetterOf);
    },
    async redrive(destination, now, limit) {
      await turn();
      return transaction(database, () => redrive(run, prepared, destination, now, limit));
    },
    async forgetDeadLetters(before, limit) {
      await turn();
      return run(
        'DELETE FROM dead_letter WHERE key IN (SELECT key FROM dead_letter WHERE died_at < ? LIMIT ?)',
        before,
        limit,
      );
    },
  };
}

type Run = (sql: string, ...args: readonly (string | number | null)[]) => number;

/** A dead letter goes back into its lane as the first thing to be delivered; a lane that is gone is made for it alone. */
function redrive(run: Run, prepared: Prepared, destination: string | undefined, now: number, limit: number) {
  const [where, args] = destination === undefined ? ['1 = 1', []] : ['destination = ?', [destination]];
  const rows = prepared(
    `SELECT key, chat, lane, kind, destination, parcel FROM dead_letter WHERE ${where} ORDER BY key LIMIT ?`,
  );
  const letters = rows.all(...args, limit);
  for (const { key, chat, lane, kind, destination: to, parcel } of letters as Record<string, string | number>[]) {
    const at = [chat as number, lane as string] as const;
    run(
      `INSERT INTO lane (chat, id, kind, destination, number, time, until, since, attempts, rejections, parked, fence)
       VALUES (?, ?, ?, ?, 0, 0, ?, ?, 0, 0, 0, 0) ON CONFLICT (chat, id) DO NOTHING`,
      ...at,
      kind as string,
      to as string,
      kind === 'stream' ? 0 : null,
      now,
    );
    run(
      'INSERT INTO notice (lane, after, parcel) SELECT key, 0, ? FROM lane WHERE chat = ? AND id = ?',
      parcel as string,
      ...at,
    );
    run(
      'UPDATE lane SET due = ?, since = ?, attempts = 0, rejections = 0, parked = 0, fence = fence + 1 WHERE chat = ? AND id = ?',
      now,
      now,
      ...at,
    );
    run('DELETE FROM dead_letter WHERE key = ?', key as number);
  }
  const unparked = run(
    `UPDATE lane SET parked = 0, due = ?, since = ?, attempts = 0, rejections = 0, fence = fence + 1
     WHERE key IN (SELECT key FROM lane WHERE parked = 1 AND ${where} ORDER BY destination, key LIMIT ?)`,
    now,
    now,
    ...args,
    limit - letters.length,
  );
  return { lanes: unparked, deadLetters: letters.length };
}
