import type { Parcel } from '../wire/parcel.ts';

export type { Parcel } from '../wire/parcel.ts';

/**
 * What leaves the building, and how. A destination gets parcels of one chat one after the other, of several chats at
 * once, and answers each by resolving.
 */
export interface Destination extends AsyncDisposable {
  /**
   * Resolves when whoever receives it has taken it. Rejects with `Rejected` if it was understood and not wanted; with
   * anything else if it is not known to have arrived. The signal ends it when its time is up or the server stops.
   */
  deliver(parcel: Parcel, signal: AbortSignal): Promise<void>;
}

/** The receiver says that it will not take this one: it is given up after a few tries, where others wait for hours. */
export class Rejected extends Error {}
