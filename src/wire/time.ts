let [last, text] = [Number.NaN, ''];

/**
 * `2026-01-31T12:00:00.000Z`, the form of every time of the Participant Service. The last one is kept: a message's is asked
 * for twice, and those of a moment are the same (1 % of a message).
 */
export function isoTime(milliseconds: number): string {
  if (milliseconds !== last) [last, text] = [milliseconds, new Date(milliseconds).toISOString()];
  return text;
}

/** `2026-01-31T12:00:00Z`, the form of contact records: the second that it is in. */
export function isoSecond(milliseconds: number): string {
  return `${isoTime(milliseconds).slice(0, 19)}Z`;
}

/** `2026/01/31`, as folders of stored objects are called, in UTC. */
export function datePath(milliseconds: number): string {
  return isoTime(milliseconds).slice(0, 10).replaceAll('-', '/');
}
