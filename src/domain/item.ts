/** One line of a transcript, and the id that its committed time gives it. */

export type ItemType = 'MESSAGE' | 'EVENT' | 'ATTACHMENT';

export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly status: 'APPROVED' | 'REJECTED' | 'IN_PROGRESS';
}

/** What an author wants to say, before the commit gives it a place. */
export interface NewItem {
  /** The last ten bytes of the item's id. The first six are the committed time: see `itemId`. */
  readonly tail: Uint8Array;
  readonly type: ItemType;
  readonly contentType?: string | undefined;
  readonly content?: string | undefined;
  /** Absent on events that nobody caused, such as `chat.ended`. */
  readonly participantId?: string | undefined;
  readonly attachments?: readonly Attachment[] | undefined;
}

/** A committed item. */
export interface Item extends Omit<NewItem, 'tail'> {
  readonly id: string;
  /** 1, 2, 3 … within the chat, without gaps, in the order of the commits. */
  readonly number: number;
  /** AbsoluteTime in epoch milliseconds; strictly increasing within the chat, because clients sort by it. */
  readonly time: number;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * The version 7 UUID of an item: six bytes of its committed time, then its tail. The id is therefore nowhere stored
 * twice, and an item can be found by its id through the index on (chat, time).
 */
export function itemId(time: number, tail: Uint8Array): string {
  const head = time.toString(16).padStart(12, '0');
  const byte = (index: number) => hex[tail[index] ?? 0];
  return (
    `${head.slice(0, 8)}-${head.slice(8)}-${byte(0)}${byte(1)}-${byte(2)}${byte(3)}-` +
    `${byte(4)}${byte(5)}${byte(6)}${byte(7)}${byte(8)}${byte(9)}`
  );
}

const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The committed time that an item's id names, or undefined if no item can have that id. */
export function timeOfItemId(id: string): number | undefined {
  if (!version7.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
