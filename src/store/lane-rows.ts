import type { DeadLetter, Lane, LaneKind, LaneSummary } from './lanes.ts';

/** Rows as every database returns them, and what they say. */
type Row = Readonly<Record<string, unknown>>;

export function laneOf(row: Row): Lane {
  return {
    key: row.key as number,
    chat: row.chat as number,
    id: row.id as string,
    kind: row.kind as LaneKind,
    destination: row.destination as string,
    number: row.number as number,
    time: row.time as number,
    until: (row.until as number | null) ?? undefined,
    due: (row.due as number | null) ?? undefined,
    since: row.since as number,
    attempts: row.attempts as number,
    rejections: row.rejections as number,
    isParked: row.parked === 1,
    error: (row.error as string | null) ?? undefined,
    fence: row.fence as number,
  };
}

export function summaryOf(row: Row): LaneSummary {
  return {
    destination: row.destination as string,
    waiting: row.waiting as number,
    parked: row.parked as number,
    deadLetters: row.dead as number,
    since: (row.since as number | null) ?? undefined,
    error: (row.error as string | null) ?? undefined,
  };
}

export function deadLetterOf(row: Row): DeadLetter {
  return {
    key: row.key as number,
    chat: row.chat as number,
    lane: row.lane as string,
    destination: row.destination as string,
    parcel: row.parcel as string,
    error: row.error as string,
    attempts: row.attempts as number,
    diedAt: row.died_at as number,
  };
}
