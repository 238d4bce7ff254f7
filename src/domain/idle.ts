import { type Chat, end, gone, isConnected, leftItem, type ParticipantTimer, type Step } from './chat.ts';
import * as contentType from './content-type.ts';
import type { Participant } from './participant.ts';

/**
 * Silence between a customer and whom it talks to.
 *
 * A *pairing* begins when the customer and an agent, or a custom participant, are both connected, with the timers as they
 * are configured at that moment, and is over when that agent or bot is gone. Within it each role with timers is *active*
 * or *idle*: idle after its idle timer, active again with its next message. The disconnect timer runs from the last
 * message, or where there is an idle timer as well from the moment of idleness; at its end everybody but the customer
 * is disconnected.
 *
 * No message writes any of this. What was heard of a role is looked up when its time is up, and if that was lately the
 * time begins anew from there.
 */
export interface Pairing {
  readonly with: 'AGENT' | 'CUSTOM_BOT';
  readonly since: number;
  readonly timers: readonly ParticipantTimer[];
  readonly roles: Readonly<Partial<Record<TimedRole, Silence>>>;
}

export type TimedRole = ParticipantTimer['role'];

export interface Silence {
  /** When the role was last known to have said something, or the pairing began. */
  readonly heardAt: number;
  readonly idleSince?: number | undefined;
}

const minute = 60_000;
const timedRoles: readonly TimedRole[] = ['CUSTOMER', 'AGENT'];

/** The chat with the pairing that its present members make: the same, a new one, or none. */
export function paired<C extends Chat>(chat: C, now: number): C {
  const isThere = (role: Participant['role']) => present(chat, role) !== undefined;
  const partner = isThere('AGENT') ? 'AGENT' : isThere('CUSTOM_BOT') ? 'CUSTOM_BOT' : undefined;
  if (chat.end || !partner || !isThere('CUSTOMER')) return chat.pairing ? { ...chat, pairing: undefined } : chat;
  if (chat.pairing?.with === partner) return chat;
  // A custom participant has no timers of its own.
  const timers = (chat.timers ?? []).filter(({ role }) => role === 'CUSTOMER' || partner === 'AGENT');
  const roles = Object.fromEntries(timers.map(({ role }) => [role, { heardAt: now }]));
  return { ...chat, pairing: { with: partner, since: now, timers, roles } };
}

/** When a silence is to be looked at next. */
export function silenceDue({ pairing }: Pick<Chat, 'pairing'>): number {
  if (!pairing) return Number.POSITIVE_INFINITY;
  return Math.min(...timedRoles.map((role) => roleDue(pairing, role)), Number.POSITIVE_INFINITY);
}

function roleDue(pairing: Pairing, role: TimedRole): number {
  const silence = pairing.roles[role];
  if (!silence) return Number.POSITIVE_INFINITY;
  const idle = minutesOf(pairing, role, 'IDLE');
  const disconnect = minutesOf(pairing, role, 'DISCONNECT_NONCUSTOMER');
  if (silence.idleSince !== undefined) return silence.idleSince + disconnect;
  return silence.heardAt + (Number.isFinite(idle) ? idle : disconnect);
}

/** In milliseconds; infinite if the role has no such timer. */
function minutesOf({ timers }: Pairing, role: TimedRole, type: ParticipantTimer['type']): number {
  const timer = timers.find((each) => each.role === role && each.type === type);
  return timer ? timer.minutes * minute : Number.POSITIVE_INFINITY;
}

/**
 * Looks at the silence that is due: it was broken lately, or the role is idle now, or everybody but the customer is
 * disconnected. `heard` is when each role last sent a message or an attachment.
 */
export function endSilence(
  chat: Chat,
  now: number,
  heard: Readonly<Partial<Record<TimedRole, number>>>,
  tail: () => Uint8Array,
): Step {
  const { pairing } = chat;
  const role = pairing && timedRoles.find((each) => roleDue(pairing, each) === silenceDue(chat));
  const silence = role && pairing.roles[role];
  if (!silence || roleDue(pairing, role) > now) return { chat, items: [] };
  const due = roleDue(pairing, role);
  const heardAt = heard[role] ?? 0;
  if (heardAt > (silence.idleSince ?? silence.heardAt)) {
    const events = silence.idleSince === undefined ? [] : [event(chat, role, contentType.returned)];
    return { chat: withSilence(chat, role, { heardAt }), items: [], events };
  }
  if (silence.idleSince === undefined && Number.isFinite(minutesOf(pairing, role, 'IDLE'))) {
    const idle = withSilence(chat, role, { heardAt: silence.heardAt, idleSince: due });
    return { chat: idle, items: [], events: [event(chat, role, contentType.idle)] };
  }
  return disconnectOthers(chat, role, now, tail);
}

/** The role has just said something: it is active, and its time begins anew. */
export function returned(chat: Chat, participantId: string, now: number): Step {
  const author = chat.participants.find(({ id }) => id === participantId);
  const role = timedRoles.find((each) => author?.role === each && isConnected(author));
  if (!role || chat.pairing?.roles[role]?.idleSince === undefined) return { chat, items: [] };
  return {
    chat: withSilence(chat, role, { heardAt: now }),
    items: [],
    events: [{ contentType: contentType.returned, participantId }],
  };
}

/** Those whose next message ends their idleness. */
export function idleIds(chat: Pick<Chat, 'pairing' | 'participants'>): string[] {
  const idle = timedRoles.filter((role) => chat.pairing?.roles[role]?.idleSince !== undefined);
  return chat.participants
    .filter((each) => isConnected(each) && idle.some((role) => role === each.role))
    .map(({ id }) => id);
}

function disconnectOthers(chat: Chat, role: TimedRole, now: number, tail: () => Uint8Array): Step {
  const events = [event(chat, role, contentType.autodisconnection)];
  const others = chat.participants.filter((each) => each.role !== 'CUSTOMER' && isConnected(each));
  const items = others.map(({ id }) => leftItem(id, tail));
  const participants = chat.participants.map((each) => (others.includes(each) ? gone(each, now, 'idle') : each));
  const after = { ...chat, participants, pairing: undefined };
  // Without a flow that goes on there is nothing for the customer to wait for once its agent is gone.
  if (chat.pairing?.with !== 'AGENT') return { chat: after, items, events };
  const over = end(after, 'IDLE_DISCONNECT', now, tail);
  return { chat: over.chat, items: [...items, ...over.items], events };
}

function withSilence(chat: Chat, role: TimedRole, silence: Silence): Chat {
  const { pairing } = chat;
  return pairing ? { ...chat, pairing: { ...pairing, roles: { ...pairing.roles, [role]: silence } } } : chat;
}

function event(chat: Chat, role: TimedRole, contentType: string) {
  return { contentType, participantId: present(chat, role)?.id };
}

/** The first of that role who is connected. */
function present({ participants }: Pick<Chat, 'participants'>, role: Participant['role']): Participant | undefined {
  return participants.find((each) => each.role === role && isConnected(each));
}
