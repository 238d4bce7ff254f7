import { type Chat, participantOf } from '../domain/chat.ts';
import type { Item } from '../domain/item.ts';
import type { Stream } from '../domain/streams.ts';
import { showingOf } from '../domain/visibility.ts';
import { pushedItem, surroundings } from './item.ts';

/** One thing to be delivered. It is made from what is committed, and is the same in every attempt. */
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

/** An item, or an event that passes by, as a stream's consumers read it: behaviours, section 4. */
export function streamParcel(
  item: Omit<Item, 'number'> & { readonly number?: number },
  { id, topic }: Pick<Stream, 'id' | 'topic'>,
  chat: Chat,
): Parcel {
  const { participantId } = item;
  const role = participantId === undefined ? undefined : participantOf(chat, participantId)?.role;
  const attributes = {
    InitialContactId: chat.id,
    ContactId: chat.contact.id,
    ParticipantRole: role,
    InstanceId: chat.instanceId,
    AccountId: chat.account,
    Type: item.type,
    ContentType: item.contentType,
    MessageVisibility: showingOf(item).visibleTo,
    // Beyond Amazon's: with these a consumer can order and deduplicate.
    SequenceNumber: item.number === undefined ? undefined : String(item.number),
    DeduplicationId: item.id,
  };
  return {
    id: joined(id, item.id),
    topic,
    body: JSON.stringify(pushedItem({ number: 0, ...item }, surroundings(chat))),
    time: item.time,
    // An attribute cannot be empty.
    attributes: Object.fromEntries(Object.entries(attributes).filter((each): each is [string, string] => !!each[1])),
  };
}

/** The UUID (version 8, made by our own rule) that follows from two others. */
function joined(one: string, other: string): string {
  const digits = (id: string) => BigInt(`0x${id.replaceAll('-', '')}`);
  const mixed = (digits(one) ^ digits(other)).toString(16).padStart(32, '0');
  const variant = ((Number.parseInt(mixed[16] ?? '0', 16) & 3) | 8).toString(16);
  return [
    mixed.slice(0, 8),
    mixed.slice(8, 12),
    `8${mixed.slice(13, 16)}`,
    variant + mixed.slice(17, 20),
    mixed.slice(20),
  ].join('-');
}
