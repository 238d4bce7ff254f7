import type { ChatAttachment } from './attachments.ts';
import * as contentType from './content-type.ts';
import type { Pairing } from './idle.ts';
import type { NewItem } from './item.ts';
import type { Participant } from './participant.ts';
import type { Past } from './past.ts';
import type { StoredObject } from './storage.ts';
import type { Stream } from './streams.ts';

/** The key that the store gave a chat: small, and cheaper to index than its id. Never shown to a client. */
export type ChatKey = number;

/**
 * The whole conversation, named by its InitialContactId: the boundary of consistency. Everything about it but its items
 * and receipts is in this one value, so that a rule can be a pure function from a chat to the next.
 */
export interface Chat {
  readonly key: ChatKey;
  /** InitialContactId; also the ContactId of the first segment. */
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly instanceId: string;

  /** Moves with membership, state, attributes, timers; what a change expects. Appends leave it alone. */
  readonly revision: number;
  /** Number of the last item, and its time. Never an expectation: a busy chat starves nobody. */
  readonly last: number;
  readonly lastTime: number;

  readonly createdAt: number;
  /** The end of the chat's duration. */
  readonly expiresAt: number;
  /** Set once: the chat is over. */
  readonly end?: ContactEnd | undefined;

  readonly settings: ChatSettings;
  readonly participants: readonly Participant[];
  /** Shared by all contacts of the chat. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The first segment; until routing exists, the only one. */
  readonly contact: Contact;
  /** What `UpdateParticipantRoleConfig` set last, a timer a role and type. */
  readonly timers?: readonly ParticipantTimer[] | undefined;
  /** The customer and whom it talks to, as far as silence between them counts. */
  readonly pairing?: Pairing | undefined;
  /** Its files, at most `maxAttachments`, in the order of their start. */
  readonly attachments?: readonly ChatAttachment[] | undefined;
  /** The topics that it is or was streamed to, at most `maxStreams`, in the order of their start. */
  readonly streams?: readonly Stream[] | undefined;
  /** What was written of it when it had ended: see `outbox/archive.ts`. */
  readonly archived?: Archived | undefined;
  /** When it was asked to be erased: what it has is being removed. */
  readonly erasingAt?: number | undefined;
  /** Of a persistent chat: what it continues. */
  readonly past?: Past | undefined;
  /** Its message tokens are gone: they are kept a day past the end. */
  readonly isForgotten?: boolean | undefined;
}

/** The objects that a chat was written to. One that is named here stays there: the record is replaced in its place. */
export interface Archived {
  readonly transcript?: StoredObject | undefined;
  readonly record?: StoredObject | undefined;
}

/** Minutes after which a silent participant counts as idle, or those it talks to are disconnected. */
export interface ParticipantTimer {
  readonly role: 'CUSTOMER' | 'AGENT';
  readonly type: 'IDLE' | 'DISCONNECT_NONCUSTOMER';
  readonly minutes: number;
}

/** What `StartChatContact` fixed for the life of the chat. */
export interface ChatSettings {
  readonly flowId: string;
  readonly supportedContentTypes: readonly string[];
  readonly initialMessage?: { readonly contentType: string; readonly content: string } | undefined;
  readonly responseMode?: 'INCREMENTAL' | 'COMPLETE' | undefined;
  readonly disconnectOnCustomerExit?: readonly 'AGENT'[] | undefined;
}

/** One segment of a chat, named by its ContactId. Times in epoch milliseconds. */
export interface Contact {
  readonly id: string;
  readonly initiationMethod: 'API';
  readonly initiatedAt: number;
  /** When the customer connected. */
  readonly connectedToSystemAt?: number | undefined;
  readonly updatedAt: number;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly customerId?: string | undefined;
  readonly relatedContactId?: string | undefined;
  /** The root of the tree of contacts that are related to each other. */
  readonly associationId: string;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** By key; the values have the shape of the API's Reference. */
  readonly references?: Readonly<Record<string, Reference>> | undefined;
  /** As given; the values have the shape of the API's SegmentAttributeValue. */
  readonly segmentAttributes: Readonly<Record<string, unknown>>;
}

export interface Reference {
  readonly Type: string;
  readonly Value?: string | undefined;
  readonly Status?: string | undefined;
  readonly Arn?: string | undefined;
  readonly StatusReason?: string | undefined;
}

/** A chat that is not stored yet. */
export type NewChat = Omit<Chat, 'key' | 'revision' | 'last' | 'lastTime'>;

export function participantOf(chat: Pick<Chat, 'participants'>, participantId: string): Participant | undefined {
  return chat.participants.find((each) => each.id === participantId);
}

/** Why a chat's contact ended, in the words of contact records. */
export type DisconnectReason =
  | 'AGENT_DISCONNECT'
  | 'API'
  | 'CUSTOMER_CONNECTION_NOT_ESTABLISHED'
  | 'CUSTOMER_DISCONNECT'
  | 'EXPIRED'
  | 'IDLE_DISCONNECT';

export interface ContactEnd {
  readonly at: number;
  readonly reason: DisconnectReason;
}

/** What a rule wants written: the chat as it shall be, and the items that say so. */
export interface Step<C extends Chat | NewChat = Chat> {
  readonly chat: C;
  readonly items: readonly NewItem[];
  /** What is pushed before the items and stored nowhere. */
  readonly events?: readonly PassingEvent[] | undefined;
}

export interface PassingEvent {
  readonly contentType: string;
  readonly content?: string | undefined;
  readonly participantId?: string | undefined;
}

/** Ends the chat: `chat.ended`, last of all and without a participant. Ending an ended chat changes nothing. */
export function end(chat: Chat, reason: DisconnectReason, now: number, tail: () => Uint8Array): Step {
  if (chat.end) return { chat, items: [] };
  return {
    chat: {
      ...chat,
      end: { at: now, reason },
      participants: chat.participants.map((each) => gone(each, now, 'ended')),
      pairing: undefined,
      contact: { ...chat.contact, updatedAt: now },
    },
    items: [{ tail: tail(), type: 'EVENT', contentType: contentType.ended }],
  };
}

/** The same participant, gone; one that had left stays as it was. */
export function gone(participant: Participant, now: number, because: Participant['leftBecause']): Participant {
  return participant.leftAt === undefined ? { ...participant, leftAt: now, leftBecause: because } : participant;
}

/** Has connected and not left: its messages are taken. */
export function isConnected(participant: Participant): boolean {
  return participant.connectedAt !== undefined && participant.leftAt === undefined;
}

/** The `participant.left` that a chat writes of somebody. */
export function leftItem(participantId: string, tail: () => Uint8Array): NewItem {
  return { tail: tail(), type: 'EVENT', contentType: contentType.left, participantId };
}
