import { type Chat, type Contact, participantOf } from '../domain/chat.ts';
import * as contentType from '../domain/content-type.ts';
import type { Item } from '../domain/item.ts';
import type { Participant } from '../domain/participant.ts';
import type { Receipt } from '../domain/receipts.ts';
import { isoTime } from './time.ts';

/** What the transcript needs to know of the chat to name an item's author and place. */
export interface Surroundings {
  readonly chatId: string;
  readonly contactId: string;
  /** The contact is one that the reader's chat continues. */
  readonly isPast?: boolean | undefined;
  readonly participant: (id: string) => Pick<Participant, 'displayName' | 'role'> | undefined;
}

export function surroundings(
  chat: Pick<Chat, 'id' | 'participants'> & { readonly contact: Pick<Contact, 'id'> },
): Surroundings {
  return { chatId: chat.id, contactId: chat.contact.id, participant: (id) => participantOf(chat, id) };
}

/** An item as every client reads it: members in PascalCase, absent rather than null. */
export function wireItem(
  item: Item,
  { contactId, isPast, participant }: Surroundings,
  receipts: readonly Receipt[] = [],
) {
  const author = item.participantId === undefined ? undefined : participant(item.participantId);
  return {
    AbsoluteTime: isoTime(item.time),
    Content: item.content,
    ContentType: item.contentType,
    Id: item.id,
    Type: item.type,
    ParticipantId: item.participantId,
    DisplayName: author?.displayName,
    ParticipantRole: author?.role,
    Attachments: item.attachments?.map((each) => ({
      ContentType: each.contentType,
      AttachmentId: each.id,
      AttachmentName: each.name,
      Status: each.status,
    })),
    MessageMetadata: receipts.length > 0 ? { MessageId: item.id, Receipts: receipts.map(wireReceipt) } : undefined,
    RelatedContactId: isPast ? contactId : undefined,
    ContactId: isPast ? undefined : contactId,
  };
}

function wireReceipt(receipt: Receipt) {
  return {
    DeliveredTimestamp: receipt.deliveredAt === undefined ? undefined : isoTime(receipt.deliveredAt),
    ReadTimestamp: receipt.readAt === undefined ? undefined : isoTime(receipt.readAt),
    RecipientParticipantId: receipt.reader,
  };
}

/** An item as it is pushed: clients drop what carries no contact of theirs, so both ids are there. */
export function pushedItem(item: Item, surroundings: Surroundings, receipts: readonly Receipt[] = []): object {
  return { ...wireItem(item, surroundings, receipts), InitialContactId: surroundings.chatId };
}

/** A receipt as it is pushed. One a push: clients look at the first alone. */
export function pushedReceipt(messageId: string, receipt: Receipt, time: number, id: string, at: Surroundings): object {
  return {
    AbsoluteTime: isoTime(time),
    ContentType: contentType.metadata,
    Id: id,
    Type: 'MESSAGEMETADATA',
    InitialContactId: at.chatId,
    ContactId: at.contactId,
    MessageMetadata: { MessageId: messageId, Receipts: [wireReceipt(receipt)] },
  };
}
