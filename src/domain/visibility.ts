import { typing } from './content-type.ts';
import type { Item } from './item.ts';
import type { ParticipantRole } from './participant.ts';

/** Who may see what: Amazon's three words for it, and one for what is never shown as it is. */
export type Visibility = 'ALL' | 'AGENT' | 'CUSTOMER' | 'NONE';

export interface Showing {
  readonly visibleTo: Visibility;
  /** An item of the transcript; else it passes by, and who is not there misses it. */
  readonly isStored: boolean;
  /** Goes to the endpoints that a chat is streamed to. */
  readonly isStreamed: boolean;
}

const stored: Showing = { visibleTo: 'ALL', isStored: true, isStreamed: true };
const passing: Showing = { visibleTo: 'ALL', isStored: false, isStreamed: true };
const unstreamed: Showing = { visibleTo: 'ALL', isStored: false, isStreamed: false };
const unseen: Showing = { visibleTo: 'NONE', isStored: false, isStreamed: false };
const forCustomer: Showing = { visibleTo: 'CUSTOMER', isStored: false, isStreamed: false };

/**
 * Every event of the API, by the end of its content type; also those that nothing causes yet. Amazon names the events of
 * an ended chat's transcript: invited, joined, left, ended and the two transfers; and, as streamed, typing, joined, left,
 * the transfers, ended, and idleness, "and more". What it leaves open is said beside the row.
 */
const events: Readonly<Record<string, Showing>> = {
  typing: passing,
  'participant.joined': stored,
  'participant.left': stored,
  // Streamed like the others that are stored.
  'participant.invited': stored,
  'participant.idle': passing,
  'participant.returned': passing,
  'participant.autodisconnection': passing,
  // Older words for idle and returned.
  'participant.active': passing,
  'participant.inactive': passing,
  // Names change on items that are shown later, too: nothing to keep.
  'participant.displayname.updated': passing,
  // Whoever sends it leaves out agents that stay: their chatjs takes it for the end.
  'transfer.succeeded': stored,
  'transfer.failed': stored,
  'chat.ended': stored,
  // Says that GetTranscript has more, which nobody can ask from a stream.
  'chat.rehydrated': unstreamed,
  // Shown as message.metadata, and on their message in the transcript.
  'message.delivered': unseen,
  'message.read': unseen,
  'message.metadata': unstreamed,
  'connection.acknowledged': unseen,
  // The customer's own affair, and not offered on channels that live by streaming.
  'authentication.initiated': forCustomer,
  'authentication.succeeded': forCustomer,
  'authentication.failed': forCustomer,
  'authentication.timeout': forCustomer,
  'authentication.expired': forCustomer,
  'authentication.cancelled': forCustomer,
  'workflow.cancelled': unstreamed,
};

const prefix = typing.slice(0, -'typing'.length);
const byContentType: ReadonlyMap<string, Showing> = new Map(
  Object.entries(events).map(([name, showing]) => [prefix + name, showing]),
);

/** How an item or an event is shown. Messages, attachments and what has no row are for everybody. */
export function showingOf({ type, contentType }: Pick<Item, 'type' | 'contentType'>): Showing {
  return (type === 'EVENT' ? byContentType.get(contentType ?? '') : undefined) ?? stored;
}

/** Whether a participant of that role may see it. Who is no customer is of the agents' side. */
export function maySee(role: ParticipantRole, { visibleTo }: Pick<Showing, 'visibleTo'>): boolean {
  switch (visibleTo) {
    case 'ALL':
      return true;
    case 'NONE':
      return false;
    default:
      return (visibleTo === 'CUSTOMER') === (role === 'CUSTOMER');
  }
}
