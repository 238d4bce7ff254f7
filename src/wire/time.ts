/** `2026-01-31T12:00:00.000Z`, the form of every time of the Participant Service. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
