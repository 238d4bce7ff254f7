/** Where a page of a transcript begins and which way it goes. */

export type ScanDirection = 'FORWARD' | 'BACKWARD';
export type SortOrder = 'ASCENDING' | 'DESCENDING';

/** A page as the store reads it: items strictly after and before these times, nearest to the start first. */
export interface Range {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** The range that starts at time `from`, itself included. */
export function rangeFrom(from: number | undefined, direction: ScanDirection, limit: number): Range {
  if (direction === 'FORWARD') return { after: from === undefined ? undefined : from - 1, newestFirst: false, limit };
  return { before: from === undefined ? undefined : from + 1, newestFirst: true, limit };
}

/** The range that follows a page whose last item, in reading order, has this time. */
export function rangePast(time: number, direction: ScanDirection, limit: number): Range {
  return direction === 'FORWARD'
    ? { after: time, newestFirst: false, limit }
    : { before: time, newestFirst: true, limit };
}
