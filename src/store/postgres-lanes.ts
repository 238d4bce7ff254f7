import { deadLetterOf, laneOf, summaryOf } from './lane-rows.ts';
import type { LaneStore, Notice } from './lanes.ts';
import type { Connection, Row } from './postgres-connection.ts';
import type { Read } from './postgres-reads.ts';
import { inTransaction, type Run } from './postgres-transaction.ts';

const lane = `key, chat, id, kind, destination, number, time, until, due, since, attempts, rejections, parked, error, fence`;
const deadLetter = 'key, chat, lane, kind, destination, parcel, error, attempts, died_at';

/** Destinations that have lanes due, found one after the other in the index, as in the embedded store. */
const dueDestinations = `
  destination (name) AS (
    SELECT min(destination) FROM lane WHERE due IS NOT NULL
    UNION ALL
    SELECT (SELECT min(lane.destination) FROM lane WHERE due IS NOT NULL AND lane.destination > name)
    FROM destination WHERE name IS NOT NULL
  )`;

/** The distributed store's lanes: what is still to leave, and what could not. `change` is as `read`, and tells how many rows it changed. */
export function lanes(
  read: Read,
  change: (text: string, ...values: readonly unknown[]) => Promise<number>,
  claim: Read,
  connection: () => Connection,
): LaneStore {
  return {
    async laneDestinations(by) {
      const rows = await read(
        `WITH RECURSIVE ${dueDestinations} SELECT name FROM destination
         WHERE name IS NOT NULL AND EXISTS (SELECT 1 FROM lane WHERE lane.destination = name AND due <= $1::bigint)`,
        by,
      );
      return rows.map(({ name }) => name as string);
    },
    async dueLanes(destination, by, limit, lease) {
      if (lease) {
        const { holder, forMs, known } = lease;
        return (await claim(claimLanes, destination, by, limit, holder, forMs, known)).map(laneOf);
      }
      const rows = await read(
        `SELECT ${lane} FROM lane WHERE destination = $1::text AND due <= $2::bigint ORDER BY due, key LIMIT $3::bigint`,
        destination,
        by,
        limit,
      );
      return rows.map(laneOf);
    },
    async renewLanes(keys, { holder, forMs }) {
      await change(
        `UPDATE lane SET leased_until = clock_timestamp() + $3::bigint * interval '1 millisecond'
         WHERE key = ANY ($1::bigint[]) AND lease = $2::text AND leased_fence = fence`,
        keys,
        holder,
        forMs,
      );
    },
    async nextLaneDue(past = -1, except = []) {
      const [row] = await read(
        `WITH RECURSIVE ${dueDestinations}
         SELECT min((SELECT min(due) FROM lane WHERE lane.destination = name AND due > $1::bigint)) AS due FROM destination
         WHERE name <> ALL ($2::text[])`,
        past,
        except,
      );
      return (row?.due as number | null) ?? undefined;
    },
    async lanesOf(chat) {
      const rows = await read(`SELECT ${lane} FROM lane WHERE chat = $1::bigint ORDER BY key`, chat);
      return rows.map(laneOf);
    },
    async notices(of, limit) {
      const rows = await read(
        'SELECT key, after, parcel FROM notice WHERE lane = $1::bigint ORDER BY key LIMIT $2::bigint',
        of,
        limit,
      );
      return rows as unknown as Notice[];
    },
    parkOldest: (destination, most) =>
      change(
        `UPDATE lane SET parked = 1, due = NULL, fence = fence + 1 WHERE due IS NOT NULL AND key IN (
           SELECT key FROM lane WHERE destination = $1::text AND due IS NOT NULL ORDER BY since, key
           LIMIT greatest(0, (SELECT count(*) FROM lane WHERE destination = $1 AND due IS NOT NULL) - $2::bigint))`,
        destination,
        most,
      ),
    async hurry(destination, now) {
      await change('UPDATE lane SET due = $2::bigint WHERE destination = $1::text AND due > $2', destination, now);
    },
    async laneSummary() {
      const rows = await read(
        `SELECT destination, sum(waiting)::bigint AS waiting, sum(parked)::bigint AS parked, sum(dead)::bigint AS dead,
                min(since) AS since, max(error) AS error FROM (
           SELECT destination, 1 AS waiting, 0 AS parked, 0 AS dead, since, error FROM lane WHERE due IS NOT NULL
           UNION ALL SELECT destination, 0, 1, 0, since, error FROM lane WHERE parked = 1
           UNION ALL SELECT destination, 0, 0, count(*), NULL, NULL FROM dead_letter GROUP BY destination) AS each
         GROUP BY destination ORDER BY destination`,
      );
      return rows.map(summaryOf);
    },
    async deadLetters(destination, past, limit) {
      const rows =
        destination === undefined
          ? await read(
              `SELECT ${deadLetter} FROM dead_letter WHERE key > $1::bigint ORDER BY key LIMIT $2::bigint`,
              past,
              limit,
            )
          : await read(
              `SELECT ${deadLetter} FROM dead_letter WHERE destination = $1::text AND key > $2::bigint
               ORDER BY key LIMIT $3::bigint`,
              destination,
              past,
              limit,
            );
      return rows.map(deadLetterOf);
    },
    redrive: (destination, now, limit) =>
      inTransaction(connection(), (run) => redrive(run, destination ?? null, now, limit)),
    forgetDeadLetters: (before, limit) =>
      change(
        `DELETE FROM dead_letter WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM dead_letter WHERE died_at < $1::bigint LIMIT $2::bigint))`,
        before,
        limit,
      ),
  };
}

/**
 * A lease of a lane is over with its time, and with its fence, which every settlement moves. Taking one moves the fence,
 * too: what a holder that was taken for dead settles late is stale.
 */
const claimLanes = `
  WITH claimed AS (
    UPDATE lane SET lease = $4::text, leased_until = clock_timestamp() + $5::bigint * interval '1 millisecond',
      fence = fence + 1, leased_fence = fence + 1
    WHERE key IN (
      SELECT key FROM lane WHERE destination = $1::text AND due <= $2::bigint AND (
        lease IS NULL OR leased_fence <> fence OR leased_until < clock_timestamp()
        OR (lease = $4 AND key <> ALL ($6::bigint[])))
      ORDER BY due, key LIMIT $3::bigint FOR UPDATE SKIP LOCKED)
    RETURNING ${lane})
  SELECT ${lane} FROM claimed ORDER BY due, key`;

/**
 * A dead letter goes back into its lane as the first thing to be delivered; a lane that is gone is made for it alone. Its
 * chat is held, as by whoever changes what a chat owes; and as chats are held in their order, they are known first.
 */
async function redrive(run: Run, destination: string | null, now: number, limit: number) {
  const where = destination === null ? '$1::text IS NULL' : 'destination = $1::text';
  const keysOf = (rows: readonly Row[]) => rows.map(({ key }) => key as number);
  const found = await run(
    `SELECT key, chat FROM dead_letter WHERE ${where} ORDER BY key LIMIT $2::bigint`,
    destination,
    limit,
  );
  const chats = [...new Set(found.rows.map(({ chat }) => chat as number))];
  await run('SELECT 1 FROM chat WHERE key = ANY ($1::bigint[]) ORDER BY key FOR NO KEY UPDATE', chats);
  // Somebody else may have been faster.
  const letters = await run(
    `SELECT key, chat, lane, kind, destination, parcel FROM dead_letter WHERE key = ANY ($1::bigint[])
     ORDER BY key FOR UPDATE`,
    keysOf(found.rows),
  );
  for (const { key, chat, lane: id, kind, destination: to, parcel } of letters.rows) {
    await run(
      `INSERT INTO lane (chat, id, kind, destination, number, time, until, since, attempts, rejections, parked, fence)
       VALUES ($1::bigint, $2::text, $3::text, $4::text, 0, 0, $5::bigint, $6::bigint, 0, 0, 0, 0)
       ON CONFLICT (chat, id) DO NOTHING`,
      ...[chat, id, kind, to, kind === 'stream' ? 0 : null, now],
    );
    await run(
      `INSERT INTO notice (lane, after, parcel)
       SELECT key, 0, $3::text FROM lane WHERE chat = $1::bigint AND id = $2::text`,
      ...[chat, id, parcel],
    );
    await run(
      `UPDATE lane SET due = $3::bigint, since = $3, attempts = 0, rejections = 0, parked = 0, fence = fence + 1
       WHERE chat = $1::bigint AND id = $2::text`,
      ...[chat, id, now],
    );
    await run('DELETE FROM dead_letter WHERE key = $1::bigint', key);
  }
  const unparked = await run(
    `UPDATE lane SET parked = 0, due = $2::bigint, since = $2, attempts = 0, rejections = 0, fence = fence + 1
     WHERE parked = 1 AND key IN (SELECT key FROM lane WHERE parked = 1 AND ${where} ORDER BY key LIMIT $3::bigint)`,
    ...[destination, now, limit - letters.rows.length],
  );
  return { lanes: unparked.count, deadLetters: letters.rows.length };
}
