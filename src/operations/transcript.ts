import { type Chat, type ChatKey, participantOf } from '../domain/chat.ts';
import { type Item, timeOfItemId } from '../domain/item.ts';
import { type Range, rangeFrom } from '../domain/paging.ts';
import type { ParticipantRole } from '../domain/participant.ts';
import { receiptsOf } from '../domain/receipts.ts';
import { maySee, showingOf } from '../domain/visibility.ts';
import type { Store } from '../store/store.ts';
import { wireItem } from '../wire/item.ts';

/** Reading transcripts in pages, own items and past ones. */

/**
 * What a page of a transcript comes after: an item of the chat itself by its time; or, further back, one of its past,
 * by its time (null before the newest) and the number of its chat in `past.chats`.
 */
export type Place = readonly [time: number] | readonly [time: number | null, chat: number];

/** In the order of reading, as clients see them. */
export interface Page {
  readonly items: readonly WireItem[];
  /** Where the next one begins, if there is more. */
  readonly next: Place | undefined;
}

export type WireItem = ReturnType<typeof wireItem>;

type Log = Pick<Store, 'chat' | 'items' | 'marks'>;

/** Who reads, and where: what one of that role may not see is left out, and its page is the shorter. */
export interface Reader {
  readonly store: Log;
  readonly role: ParticipantRole;
}

/** A page of the chat's own items, at most `range.limit` of them. */
export async function ownPage({ store, role }: Reader, chat: Chat, range: Range): Promise<Page> {
  const { limit } = range;
  // One more than asked for tells whether anything is left.
  const read = await store.items(chat.key, { ...range, limit: limit + 1 });
  const page = read.slice(0, limit);
  const last = read.length > limit ? page.at(-1) : undefined;
  return { items: await shown(store, chat, visible(page, role)), next: last && [last.time] };
}

/** Before the newest of all past items. */
const newestPast: Place = [null, 0];

/** Where the past begins, if there is any. */
export async function beginningOfPast({ store }: Reader, chat: Chat): Promise<Place | undefined> {
  const { isLast } = await readPast(store, chat, newestPast, 0);
  return isLast ? undefined : newestPast;
}

/** A page of the past, newest first. What was erased meanwhile is passed over. */
export async function pastPage({ store, role }: Reader, chat: Chat, place: Place, limit: number): Promise<Page> {
  const { pieces, isLast } = await readPast(store, chat, place, limit);
  const items: WireItem[] = [];
  for (const { past, found } of pieces) items.push(...(await shown(store, past, visible(found, role), true)));
  const [piece, last] = [pieces.at(-1), pieces.at(-1)?.found.at(-1)];
  return { items, next: isLast || !piece || !last ? undefined : [last.time, piece.number] };
}

/** A run of items of one past chat, never empty. */
interface Piece {
  readonly past: Chat;
  readonly number: number;
  readonly found: readonly Item[];
}

async function readPast(store: Log, chat: Chat, place: Place, limit: number) {
  const chats = chat.past?.chats ?? [];
  const [time, first = 0] = place;
  const pieces: Piece[] = [];
  let wanted = limit;
  for (let number = first; number < chats.length; number += 1) {
    const key = chats[number]?.key ?? 0;
    const past = await store.chat({ key });
    if (!past) continue;
    const before = number === first && time !== null ? time : undefined;
    const read = await store.items(key, { before, newestFirst: true, limit: wanted + 1 });
    const found = read.slice(0, wanted);
    if (found.length > 0) pieces.push({ past, number, found });
    if (read.length > wanted) return { pieces, isLast: false };
    wanted -= found.length;
  }
  return { pieces, isLast: true };
}

function visible(items: readonly Item[], role: ParticipantRole): readonly Item[] {
  return items.filter((each) => maySee(role, showingOf(each)));
}

/** Items of one chat as clients see them, with their receipts. */
export async function shown(store: Log, chat: Chat, items: readonly Item[], isPast = false): Promise<WireItem[]> {
  if (items.length === 0) return [];
  const numbers = items.map(({ number }) => number);
  const marks = await store.marks(chat.key, Math.min(...numbers), Math.max(...numbers));
  const surroundings = {
    chatId: chat.id,
    contactId: chat.contact.id,
    isPast,
    participant: (id: string) => participantOf(chat, id),
  };
  return items.map((each) =>
    wireItem(each, surroundings, each.type === 'EVENT' ? [] : receiptsOf(each.number, each.participantId, marks)),
  );
}

/** The item of a chat with this Id. */
export async function itemOf(store: Pick<Store, 'items'>, chat: ChatKey, id: string): Promise<Item | undefined> {
  const time = timeOfItemId(id);
  const [found] = time === undefined ? [] : await store.items(chat, rangeFrom(time, 'FORWARD', 1));
  return found?.id === id ? found : undefined;
}
