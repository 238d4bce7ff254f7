import type { Chat, NewChat, PassingEvent } from '../domain/chat.ts';
import { contactEvents } from '../domain/contact-events.ts';
import { openStreams } from '../domain/streams.ts';
import { showingOf } from '../domain/visibility.ts';
import type { Owed } from '../store/lanes.ts';
import { wireContactEvent } from '../wire/contact-event.ts';
import { type Parcel, streamParcel } from '../wire/parcel.ts';

/** What a change of a chat owes to the outside, by what the chat was and what it is: nobody who changes one need think of it. */

/** An event that passes by, placed. */
export type PlacedEvent = PassingEvent & { readonly id: string; readonly time: number };

/** What is written once the contact has ended, and again when what it says has changed. */
export const archiveLane = { id: 'archive', kind: 'archive', destination: 'archive' } as const;

export interface Placing {
  readonly now: number;
  readonly uuid: () => string;
  /** Where the contact events of an instance go, in the configuration's words. */
  readonly eventDestinations: (of: Pick<Chat, 'region' | 'account' | 'instanceId'>) => readonly string[];
}

export function owedBy(
  before: Chat | undefined,
  after: Chat | NewChat,
  passing: readonly PlacedEvent[],
  placing: Placing,
): Owed[] {
  return [...streams(before, after, passing), ...events(before, after, placing), ...archive(before, after)];
}

/** Events that pass by are the streams' too, in rows of their own; nothing is owed by a chat that has none. */
export function owedEvents(chat: Chat, events: readonly PlacedEvent[]): Owed[] {
  const told = events.filter(({ contentType }) => showingOf({ type: 'EVENT', contentType }).isStreamed);
  if (told.length === 0) return [];
  return openStreams(chat).map((stream) => ({
    lane: laneOf(stream),
    parcels: told.map((each) => JSON.stringify(streamParcel({ ...each, type: 'EVENT' }, stream, chat))),
    isBeforeItems: true,
  }));
}

function streams(before: Chat | undefined, after: Chat | NewChat, events: readonly PlacedEvent[]): Owed[] {
  const [was, is] = [before ? openStreams(before) : [], openStreams(after)];
  const opened = is.filter((each) => !was.includes(each)).map((each) => ({ lane: laneOf(each), opens: true }));
  const closed = was
    .filter(({ id }) => !is.some((each) => each.id === id))
    .map((each) => ({ lane: laneOf(each), closes: true }));
  return [...(before ? owedEvents(before, events) : []), ...opened, ...closed];
}

function laneOf({ id, topic }: { readonly id: string; readonly topic: string }): Owed['lane'] {
  return { id, kind: 'stream', destination: topic };
}

/** Each in a lane of its own for each destination, which is there only while anything is in it. */
function events(before: Chat | undefined, after: Chat | NewChat, { now, uuid, eventDestinations }: Placing): Owed[] {
  const destinations = eventDestinations(after);
  if (destinations.length === 0) return [];
  const parcels = contactEvents(before, after, now).map((event) => {
    const id = uuid();
    const body = JSON.stringify(wireContactEvent(event, after, id));
    const parcel: Parcel = { id, topic: '', body, time: event.time, attributes: {} };
    return JSON.stringify(parcel);
  });
  if (parcels.length === 0) return [];
  return destinations.map((id) => ({ lane: { id, kind: 'events', destination: id }, opens: true, parcels }));
}

function archive(before: Chat | undefined, after: Chat | NewChat): Owed[] {
  if (!after.end || after.erasingAt !== undefined) return [];
  const isSame = before?.end && before.attributes === after.attributes && before.contact === after.contact;
  return isSame ? [] : [{ lane: archiveLane, opens: true }];
}
