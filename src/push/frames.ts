import type { News } from '../bus/bus.ts';
import * as contentType from '../domain/content-type.ts';
import type { Item } from '../domain/item.ts';
import { type Mark, type Receipt, receiptsOf } from '../domain/receipts.ts';
import { chatFrame } from '../wire/frame.ts';
import { pushedItem, pushedReceipt, surroundings } from '../wire/item.ts';
import type { Frame } from './session.ts';

/** What is pushed, as the text of a frame: made once, however many sockets it goes to. */

type Named = Parameters<typeof surroundings>[0];

export type MarkNews = Extract<News, { kind: 'mark' }>;
export type EventNews = Extract<News, { kind: 'event' }>;

export function itemFrame(item: Item, chat: Named): Frame {
  return chatFrame(pushedItem(item, surroundings(chat)));
}

/** An event that is no item of the transcript. */
export function eventFrame({ id, time, contentType, content, participantId, after }: EventNews, chat: Named): Frame {
  return itemFrame({ id, time, participantId, number: after, type: 'EVENT', contentType, content }, chat);
}

/** `chat.rehydrated`: an event of nobody. */
export function rehydratedFrame(event: { readonly id: string; readonly time: number }, chat: Named): Frame {
  return itemFrame({ ...event, number: 0, type: 'EVENT', contentType: contentType.rehydrated }, chat);
}

/** Named by the message's id: chatjs passes over pushed receipts without one. `marks` are the chat's, if they are known. */
export function receiptFrame({ mark, messageId }: MarkNews, marks: readonly Mark[], chat: Named): Frame {
  const receipt = receiptsOf(mark.number, undefined, marks).find((each) => each.reader === mark.reader) ?? alone(mark);
  return chatFrame(pushedReceipt(messageId, receipt, mark.time, messageId, surroundings(chat)));
}

/** What one mark says by itself: reading delivers. */
function alone({ reader, kind, time }: Mark): Receipt {
  return kind === 'read' ? { reader, deliveredAt: time, readAt: time } : { reader, deliveredAt: time };
}
