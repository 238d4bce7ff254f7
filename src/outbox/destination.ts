/**
 * What leaves the building, and how. A parcel is made from what is committed and is the same in every attempt; a
 * destination gets parcels of one chat one after the other, of several chats at once, and answers each by resolving.
 */
export interface Parcel {
  /** Names it for whoever receives it twice: a UUID that follows from what is told and to whom. */
  readonly id: string;
  /** The SNS topic that it is published to; '' for what is not published to one. */
  readonly topic: string;
  /** JSON: an item of a chat, or a contact event. */
  readonly body: string;
  /** When it happened. Epoch milliseconds. */
  readonly time: number;
  /** Message attributes, all of type String. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Destination extends AsyncDisposable {
  /**
   * Resolves when whoever receives it has taken it. Rejects with `Rejected` if it was understood and not wanted; with
   * anything else if it is not known to have arrived. The signal ends it when its time is up or the server stops.
   */
  deliver(parcel: Parcel, signal: AbortSignal): Promise<void>;
}

/** The receiver says that it will not take this one: it is given up after a few tries, where others wait for hours. */
export class Rejected extends Error {}
