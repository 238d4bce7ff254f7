import { type Chat, participantOf } from '../domain/chat.ts';
import type { Item } from '../domain/item.ts';
import { below } from '../domain/storage.ts';
import { showingOf } from '../domain/visibility.ts';
import { wireItem } from './item.ts';
import { datePath, isoTime } from './time.ts';

/** The file that a chat's transcript is kept in, in Amazon's format and under Amazon's name, in pieces of any length. */

/** `<prefix>/2026/01/31/<contactId>_20260131T12:00_UTC.json`, by the start of the contact. */
export function transcriptKey(prefix: string, { contact }: Chat): string {
  const minute = isoTime(contact.initiatedAt).slice(0, 16).replaceAll('-', '');
  return below(prefix, `${datePath(contact.initiatedAt)}/${contact.id}_${minute}_UTC.json`);
}

/** All before the first item. */
export function transcriptHead(chat: Chat): string {
  const head = JSON.stringify({
    Version: '2019-08-26',
    AWSAccountId: chat.account,
    InstanceId: chat.instanceId,
    InitialContactId: chat.id,
    ContactId: chat.contact.id,
    // Who never connected took no part.
    Participants: chat.participants
      .filter(({ connectedAt }) => connectedAt !== undefined)
      .map(({ id }) => ({ ParticipantId: id })),
  });
  return `${head.slice(0, -1)},"Transcript":[`;
}

/** Items in their order, each as one text, without what goes between them. What passes by is in no file. */
export function transcriptItems(chat: Chat, items: readonly Item[]): string[] {
  const surroundings = {
    chatId: chat.id,
    contactId: chat.contact.id,
    participant: (id: string) => participantOf(chat, id),
  };
  return items
    .filter((each) => showingOf(each).isStored)
    .map((each) => JSON.stringify({ ...wireItem(each, surroundings), ContactId: undefined }));
}

export const transcriptTail = ']}';
