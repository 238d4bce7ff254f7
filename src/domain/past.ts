import type { Chat, ChatKey, Contact, NewChat } from './chat.ts';

/** What a persistent chat continues: chats that have ended, found once when it begins to continue them. */
export interface Past {
  /** The one it was continued from, then the past of that one. */
  readonly chats: readonly PastChat[];
  readonly since: number;
  /** Id of its `chat.rehydrated`: the same for every socket, so that clients can tell a repeat. */
  readonly eventId: string;
}

export interface PastChat {
  readonly key: ChatKey;
  /** Size of its transcript. */
  readonly bytes: number;
}

/** As many past contacts as Amazon traverses. */
export const maxPastContacts = 100;
/** Amazon takes transcript files of up to 5 MB; here it bounds the whole past as well. */
export const maxPastBytes = 5 * 1024 * 1024;

/** What a chat has behind it that continues `source`, whose transcript has `bytes`: as far back as the bounds allow. */
export function pastOf(source: Pick<Chat, 'key' | 'past'>, bytes: number, since: number, eventId: string): Past {
  const chats: PastChat[] = [];
  let sum = 0;
  for (const each of [{ key: source.key, bytes }, ...(source.past?.chats ?? [])].slice(0, maxPastContacts)) {
    sum += each.bytes;
    if (sum > maxPastBytes) break;
    chats.push(each);
  }
  return { chats, since, eventId };
}

/** The chat as one that continues `source`: related to its contact, and in its tree. */
export function continuing<C extends Chat | NewChat>(chat: C, source: Chat, past: Past): C {
  const { id, associationId } = source.contact;
  const contact = { ...chat.contact, relatedContactId: id, associationId, updatedAt: past.since };
  return { ...chat, past, contact };
}

/** `chat.rehydrated`, once the chat has a past and a customer to read it. */
export function rehydrated({
  past,
  contact,
}: Pick<Chat, 'past'> & { readonly contact: Pick<Contact, 'connectedToSystemAt'> }):
  | { readonly id: string; readonly time: number }
  | undefined {
  if (!past || contact.connectedToSystemAt === undefined) return undefined;
  return { id: past.eventId, time: Math.max(past.since, contact.connectedToSystemAt) };
}
