import { type Chat, participantOf } from './chat.ts';
import { connectedIds } from './participant.ts';

/** Delivered and read receipts: marks that only move forward, and what they mean for one message. */

export type ReceiptKind = 'delivered' | 'read';

/** A reader's mark: everything up to item `number` was delivered to it, or read by it, at `time`. */
export interface Mark {
  readonly reader: string;
  readonly kind: ReceiptKind;
  readonly number: number;
  readonly time: number;
}

export interface Receipt {
  readonly reader: string;
  readonly deliveredAt?: number | undefined;
  readonly readAt?: number | undefined;
}

/** Whether the chat takes receipts as it is now: they are for two, and not while a supervisor is there. */
export function takesReceipts(chat: Pick<Chat, 'participants'>): boolean {
  const connected = connectedIds(chat);
  return connected.length <= 2 && connected.every((id) => participantOf(chat, id)?.role !== 'SUPERVISOR');
}

/**
 * The receipts of the message with that number, one a reader: its times are those of the first mark at or past it;
 * reading delivers. `marks` of one reader and kind are in the order of their numbers.
 */
export function receiptsOf(number: number, author: string | undefined, marks: readonly Mark[]): Receipt[] {
  const readers = [...new Set(marks.map((mark) => mark.reader))].filter((reader) => reader !== author);
  return readers.flatMap((reader) => {
    const first = (kind: ReceiptKind) =>
      marks.find((mark) => mark.reader === reader && mark.kind === kind && mark.number >= number)?.time;
    const readAt = first('read');
    const deliveredAt = earlier(first('delivered'), readAt);
    return deliveredAt === undefined ? [] : [{ reader, deliveredAt, readAt }];
  });
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
