import type { Chat } from '../domain/chat.ts';
import { openStreams } from '../domain/streams.ts';
import type { Lane, Notice } from '../store/lanes.ts';
import type { Store } from '../store/store.ts';
import { type Parcel, streamParcel } from '../wire/parcel.ts';

/** What a lane owes next, read from the log and from what waits beside it. */

/** Parcels between two commits of a cursor: what a crash makes arrive twice. */
const batch = 16;

/** One thing that is owed, and where the lane stands after it. */
export interface Step {
  readonly parcel: Parcel;
  readonly item?: { readonly number: number; readonly time: number };
  readonly notice?: Notice;
}

/** The next things of a lane, in order: the log from its cursor on, and notices where they belong. */
export async function stepsOf(store: Store, lane: Lane): Promise<{ chat: Chat; owed: Step[] } | undefined> {
  const follows = lane.kind === 'stream' && (lane.until === undefined || lane.until > lane.number);
  const items = follows ? await store.items(lane.chat, { after: lane.time, newestFirst: false, limit: batch }) : [];
  // After the items, so that what belongs before one of them is there: it was committed before it.
  const notices = await store.notices(lane.key, batch);
  // After its items: whoever wrote one of them is in it.
  const chat = await store.chat({ key: lane.chat });
  if (!chat) return undefined;
  if (lane.kind === 'archive') return { chat, owed: [{ parcel: archiveParcel }] };
  const stream = { id: lane.id, topic: lane.destination };
  const until = lane.until ?? (await closedSince(store, lane, chat));
  const owed: Step[] = [];
  let at = lane.number;
  for (const item of [...items.filter(({ number }) => number <= (until ?? number)), undefined]) {
    for (let notice = notices[0]; notice && (lane.kind !== 'stream' || notice.after <= at); notice = notices[0]) {
      owed.push({ parcel: JSON.parse(notice.parcel), notice });
      notices.shift();
    }
    if (!item) break;
    owed.push({ parcel: streamParcel(item, stream, chat), item });
    at = item.number;
  }
  return { chat, owed: owed.slice(0, batch) };
}

/** Where a stream ends that was stopped after its lane was read: the items may be later ones. */
async function closedSince(store: Store, { key, id, kind }: Lane, chat: Chat): Promise<number | undefined> {
  if (kind !== 'stream' || openStreams(chat).some((each) => each.id === id)) return undefined;
  return (await store.lanesOf(chat.key)).find((each) => each.key === key)?.until;
}

/** What is archived is read when it is written. */
const archiveParcel: Parcel = { id: '', topic: '', body: '', time: 0, attributes: {} };
