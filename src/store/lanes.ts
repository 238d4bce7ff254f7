import type { ChatKey } from '../domain/chat.ts';
import type { Settlement } from '../domain/outbox.ts';
import type { Statement } from './plan.ts';
import type { Lease } from './store.ts';

export interface LaneLease extends Lease {
  /** Lanes that the holder knows it has. Of another that it has a lease of, it was never told, or has given it up. */
  readonly known: readonly number[];
}

/**
 * What the store keeps of the way out. A *lane* is one chat's way to one destination: a stream's is a cursor into the
 * chat's log, and beside it there may be *notices*, things to be delivered that are no items. A lane is due while
 * anything is left in it, and parked when that is not to be tried any more until somebody says so.
 */
export interface LaneStore {
  /** Destinations that have lanes due by then. */
  laneDestinations(by: number): Promise<string[]>;
  /** Lanes of a destination that are due by then, in the order of (due, key). With a lease as `Store.due`: it ends when the lane is settled. */
  dueLanes(destination: string, by: number, limit: number, lease?: LaneLease): Promise<Lane[]>;
  /** Makes leases of lanes last for so long from now, where they are still held. */
  renewLanes(keys: readonly number[], lease: Lease): Promise<void>;
  /** When a lane is due next; with `past`, what is due by then left out. `except` names destinations that are passed over. */
  nextLaneDue(past?: number, except?: readonly string[]): Promise<number | undefined>;
  lanesOf(chat: ChatKey): Promise<Lane[]>;
  /** What waits in a lane beside items, oldest first. */
  notices(lane: number, limit: number): Promise<Notice[]>;
  /** Parks the lanes that wait longest, so that no more than `most` of a destination wait; resolves to how many. */
  parkOldest(destination: string, most: number): Promise<number>;
  /** Makes the lanes of a destination that wait for their next try due now. */
  hurry(destination: string, now: number): Promise<void>;
  /** How things stand at each destination that anything waits for, is parked at or was lost to. */
  laneSummary(): Promise<LaneSummary[]>;
  /** Dead letters in the order they died, after `past`. */
  deadLetters(destination: string | undefined, past: number, limit: number): Promise<DeadLetter[]>;
  /** Makes up to `limit` parked lanes and dead letters, of one destination or of all, due again; resolves to how many. */
  redrive(destination: string | undefined, now: number, limit: number): Promise<{ lanes: number; deadLetters: number }>;
  /** Removes up to `limit` dead letters that died before then. */
  forgetDeadLetters(before: number, limit: number): Promise<number>;
}

export type LaneKind = 'stream' | 'events' | 'archive';

export interface Lane {
  readonly key: number;
  readonly chat: ChatKey;
  /** Names it within its chat: a StreamingId, or the destination. */
  readonly id: string;
  readonly kind: LaneKind;
  /** ARN of a topic, or what the configuration calls it. */
  readonly destination: string;
  /** Number and time of the last item that was delivered, or that the lane began after. */
  readonly number: number;
  readonly time: number;
  /** The last item that it is to deliver; undefined while it goes on. */
  readonly until?: number | undefined;
  readonly due?: number | undefined;
  /** Since when anything has been waiting in it. */
  readonly since: number;
  /** Attempts that failed since something was last delivered. */
  readonly attempts: number;
  /** Of these, those that the destination rejected. */
  readonly rejections: number;
  readonly isParked: boolean;
  readonly error?: string | undefined;
  /** What it must still be at to be settled. */
  readonly fence: number;
}

export interface Notice {
  readonly key: number;
  /** Comes after the item of that number. */
  readonly after: number;
  /** As it was given. */
  readonly parcel: string;
}

/** What a change owes along one lane of its chat. */
export interface Owed {
  readonly lane: Pick<Lane, 'id' | 'kind' | 'destination'>;
  /** The lane is made if there is none; without it, what is owed along a lane that is gone is owed no more. */
  readonly opens?: boolean;
  /** Things to be delivered that are no items of the log, as texts of JSON. */
  readonly parcels?: readonly string[];
  /** Come before this change's items, and after all that was there. Else after all. */
  readonly isBeforeItems?: boolean;
  /** The lane ends after what is there by now. */
  readonly closes?: boolean;
}

export interface LaneSummary {
  readonly destination: string;
  readonly waiting: number;
  readonly parked: number;
  readonly deadLetters: number;
  readonly since?: number | undefined;
  readonly error?: string | undefined;
}

export interface DeadLetter {
  readonly key: number;
  readonly chat: ChatKey;
  readonly lane: string;
  readonly destination: string;
  readonly parcel: string;
  readonly error: string;
  readonly attempts: number;
  readonly diedAt: number;
}

/** Things that a lane keeps beside items; of more, the oldest gives way. */
export const maxNotices = 1000;

/** What waits, waits since the moment that it became due. */
const wake = 'since = CASE WHEN due IS NULL THEN ? ELSE since END, due = coalesce(due, ?)';

/** Items were committed: the chat's streams are due. */
export function wakeStreams(chat: ChatKey, now: number): Statement {
  return {
    sql: `UPDATE lane SET ${wake} WHERE chat = ? AND kind = 'stream' AND until IS NULL AND parked = 0`,
    args: [now, now, chat],
  };
}

/** The statements of what a change owes. `last` and `time` are the chat's after the change, `items` how many it added. */
export function owing(
  { lane, opens, parcels = [], isBeforeItems, closes }: Owed,
  at: { readonly chat: ChatKey; readonly last: number; readonly time: number; readonly items: number },
  now: number,
): Statement[] {
  const { chat, last, time, items } = at;
  const mine = 'SELECT key FROM lane WHERE chat = ? AND id = ?';
  const statements: Statement[] = [];
  if (opens) {
    statements.push({
      sql: `INSERT INTO lane (chat, id, kind, destination, number, time, since, attempts, rejections, parked, fence)
            VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0) ON CONFLICT (chat, id) DO NOTHING`,
      args: [chat, lane.id, lane.kind, lane.destination, last, time, now],
    });
  }
  for (const parcel of parcels) {
    statements.push({
      sql: `INSERT INTO notice (lane, after, parcel) SELECT lane.key, chat.last - ?, ?
            FROM lane JOIN chat ON chat.key = lane.chat WHERE lane.chat = ? AND lane.id = ? AND lane.until IS NULL`,
      args: [isBeforeItems ? items : 0, parcel, chat, lane.id],
    });
  }
  if (parcels.length > 0) {
    const beyond = `SELECT key FROM notice WHERE lane = (${mine}) ORDER BY key DESC LIMIT 1 OFFSET ?`;
    // What passes by in a stream is not worth keeping: a customer who types at a dead endpoint must fill nothing.
    if (lane.kind !== 'stream') {
      statements.push({
        sql: `INSERT INTO dead_letter (chat, lane, kind, destination, parcel, error, attempts, died_at)
              SELECT lane.chat, lane.id, lane.kind, lane.destination, notice.parcel, ?, lane.attempts, ?
              FROM notice JOIN lane ON lane.key = notice.lane WHERE notice.lane = (${mine}) AND notice.key <= (${beyond})`,
        args: [`gave way: more than ${maxNotices} waited`, now, chat, lane.id, chat, lane.id, maxNotices],
      });
    }
    statements.push({
      sql: `DELETE FROM notice WHERE lane = (${mine}) AND key <= (${beyond})`,
      args: [chat, lane.id, chat, lane.id, maxNotices],
    });
  }
  if (closes) {
    statements.push({
      sql: 'UPDATE lane SET until = coalesce(until, ?) WHERE chat = ? AND id = ?',
      args: [last, chat, lane.id],
    });
  }
  if (parcels.length > 0 || closes || lane.kind === 'archive') {
    // Who is at work on an archive has read the chat as it was: its settlement must not say that nothing is left.
    const fence = lane.kind === 'archive' ? ', fence = fence + 1' : '';
    statements.push({
      sql: `UPDATE lane SET ${wake}${fence} WHERE chat = ? AND id = ? AND parked = 0`,
      args: [now, now, chat, lane.id],
    });
  }
  return statements;
}

/** The statements of what became of a lane that was worked on. Stale if it was changed meanwhile by somebody who says so. */
export function settling(
  { key, fence, number, time, noticed, since, attempts, rejections, error, retryAt, isParked, dead }: Settlement,
  now: number,
): Statement[] {
  const statements: Statement[] = [];
  if (noticed !== undefined) {
    statements.push({ sql: 'DELETE FROM notice WHERE lane = ? AND key <= ?', args: [key, noticed] });
  }
  if (dead) {
    statements.push({
      sql: `INSERT INTO dead_letter (chat, lane, kind, destination, parcel, error, attempts, died_at)
            SELECT chat, id, kind, destination, ?, ?, ?, ? FROM lane WHERE key = ?`,
      args: [dead.parcel, dead.error, dead.attempts, now, key],
    });
  }
  const hasMore = `EXISTS (SELECT 1 FROM notice WHERE notice.lane = lane.key) OR kind = 'stream' AND EXISTS (
    SELECT 1 FROM chat WHERE chat.key = lane.chat AND chat.last > ? AND (lane.until IS NULL OR lane.until > ?))`;
  statements.push(
    {
      sql: `UPDATE lane SET number = ?, time = ?, since = ?, attempts = ?, rejections = ?, error = ?, parked = ?, fence = fence + 1,
            due = CASE WHEN ? = 1 THEN NULL WHEN ? >= 0 THEN ? WHEN ${hasMore} THEN ? ELSE NULL END
            WHERE key = ? AND fence = ?`,
      args: [
        ...[number, time, since, attempts, rejections, error ?? null, isParked ? 1 : 0],
        ...[isParked ? 1 : 0, retryAt ?? -1, retryAt ?? -1, number, number, now],
        ...[key, fence],
      ],
      expect: 1,
      otherwise: 'stale',
    },
    {
      sql: `DELETE FROM lane WHERE key = ? AND due IS NULL AND parked = 0 AND (kind <> 'stream' OR until <= number)`,
      args: [key],
    },
  );
  return statements;
}
