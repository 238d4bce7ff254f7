/** When what could not be delivered is tried again, and when it is given up. Times in epoch milliseconds of the chats' clock. */

/** What became of a lane that was worked on. */
export interface Settlement {
  readonly key: number;
  /** The lane as it was read; changed since, and the settlement is stale. */
  readonly fence: number;
  /** The last item that was delivered. */
  readonly number: number;
  readonly time: number;
  /** The last notice that was delivered, or is dead: it and those before it are gone. */
  readonly noticed?: number | undefined;
  /** Since when what is left has been waiting, at the earliest. */
  readonly since: number;
  readonly attempts: number;
  /** Of these attempts, those that were rejected. */
  readonly rejections: number;
  readonly error?: string | undefined;
  /** When to try again; else at once, if anything is left. */
  readonly retryAt?: number | undefined;
  readonly isParked?: boolean | undefined;
  /** What is given up: a parcel, as a text of JSON. */
  readonly dead?: { readonly parcel: string; readonly error: string; readonly attempts: number } | undefined;
}

const firstPause = 1000;
/** Up to one and a half of it, by chance. */
export const longestPause = 60_000;
/** Attempts at what a destination rejects: with their pauses, about two minutes. */
export const maxRejections = 8;
/** What has waited this long parks its lane. */
export const longestWait = 24 * 60 * 60_000;

/** Failures in a row, of any lanes, after which a destination counts as down. */
export const failuresOfDown = 5;

/** How long a destination is left alone after so many failures in a row; undefined while it may just be one lane's trouble. */
export function restAfter(failures: number, share: number): number | undefined {
  return failures < failuresOfDown ? undefined : pauseAfter(failures - failuresOfDown + 1, share);
}

/** What a failed attempt leads to. */
export type Verdict = { readonly retryAt: number } | { readonly is: 'dead' } | { readonly is: 'parked' };

/**
 * `attempts` counts this failure; `rejections` those of the attempts that the destination has understood and refused,
 * this one as well, or is 0 if this is none: then it may arrive yet. `since` is when what waits began to wait, `share` a
 * random number from 0 to 1.
 */
export function afterFailure(
  { attempts, rejections, since }: { attempts: number; rejections: number; since: number },
  now: number,
  share: number,
): Verdict {
  if (rejections >= maxRejections) return { is: 'dead' };
  if (rejections === 0 && now - since >= longestWait) return { is: 'parked' };
  return { retryAt: now + pauseAfter(attempts, share) };
}

function pauseAfter(attempts: number, share: number): number {
  const pause = Math.min(longestPause, firstPause * 2 ** Math.min(attempts - 1, 30));
  return Math.round(pause * (0.5 + share));
}
