import type { Chat, NewChat } from './chat.ts';

/** What contact events say that happened; of one change, in this order. */
export const contactEventTypes = [
  'INITIATED',
  'CONNECTED_TO_SYSTEM',
  'CONTACT_DATA_UPDATED',
  // Until chats are routed nothing queues them.
  'QUEUED',
  'CONNECTED_TO_AGENT',
  'DISCONNECTED',
  'COMPLETED',
] as const;
export type ContactEventType = (typeof contactEventTypes)[number];

/** In Amazon's spelling, blank and all. */
export type UpdatedProperty = 'UserDefinedAttributes' | 'Tags' | 'Segment Attributes';

export interface ContactEvent {
  readonly type: ContactEventType;
  /** Epoch milliseconds. */
  readonly time: number;
  /** Of CONTACT_DATA_UPDATED: at least one. */
  readonly updatedProperties?: readonly UpdatedProperty[] | undefined;
  /** Of CONNECTED_TO_AGENT: who. */
  readonly participantId?: string | undefined;
}

/**
 * What follows from one committed change of a chat; `before` is undefined for its creation. Runs in every commit that is
 * no append: what is the same object before and after is not looked into.
 */
export function contactEvents(before: Chat | undefined, after: Chat | NewChat, now: number): ContactEvent[] {
  const events: ContactEvent[] = [];
  if (before === after) return events;
  const { contact, end } = after;
  if (!before) events.push({ type: 'INITIATED', time: contact.initiatedAt });
  if (contact.connectedToSystemAt !== undefined && before?.contact.connectedToSystemAt === undefined) {
    events.push({ type: 'CONNECTED_TO_SYSTEM', time: contact.connectedToSystemAt });
  }
  // What a contact is created with is told by its initiation.
  const updatedProperties = before ? updates(before, after) : [];
  if (updatedProperties.length > 0) events.push({ type: 'CONTACT_DATA_UPDATED', time: now, updatedProperties });
  events.push(...agentsConnected(before?.participants ?? [], after.participants));
  if (end && !before?.end) {
    events.push({ type: 'DISCONNECTED', time: end.at });
    // Work after the contact belongs to agents' desktops, of which there are none here.
    events.push({ type: 'COMPLETED', time: end.at });
  }
  return events;
}

/** A contact whose last tag was removed has none, as one that never had any. */
const noTags = {};

function updates(before: Chat, after: Chat | NewChat): UpdatedProperty[] {
  const found: UpdatedProperty[] = [];
  if (!isSame(before.attributes, after.attributes)) found.push('UserDefinedAttributes');
  if (!isSame(before.contact.tags ?? noTags, after.contact.tags ?? noTags)) found.push('Tags');
  if (!isSame(before.contact.segmentAttributes, after.contact.segmentAttributes)) found.push('Segment Attributes');
  return found;
}

/** Participants keep their places: they are added at the end, replaced where they stand, and never removed. */
function agentsConnected(before: Chat['participants'], after: Chat['participants']): ContactEvent[] {
  if (before === after) return [];
  return after.flatMap(({ id, role, connectedAt }, place) =>
    role === 'AGENT' && connectedAt !== undefined && before[place]?.connectedAt === undefined
      ? [{ type: 'CONNECTED_TO_AGENT' as const, time: connectedAt, participantId: id }]
      : [],
  );
}

/** Of two values of JSON; members that are undefined are absent, and their order does not matter. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [one, other] as Readonly<Record<string, unknown>>[];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isSame(member(left, name), member(right, name)));
}

/** A key such as `constructor` is not found where nobody put it. */
function member(of: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  return of && Object.hasOwn(of, name) ? of[name] : undefined;
}
