import { type Chat, end, gone, isConnected, leftItem, participantOf, type Step } from './chat.ts';
import * as contentType from './content-type.ts';
import { paired } from './idle.ts';
import type { NewItem } from './item.ts';

export const roles = ['AGENT', 'CUSTOMER', 'SYSTEM', 'CUSTOM_BOT', 'SUPERVISOR'] as const;
export type ParticipantRole = (typeof roles)[number];

/**
 * Somebody in a chat.
 *
 * | State     | Entered by                                        | Left for                                            |
 * |-----------|---------------------------------------------------|-----------------------------------------------------|
 * | created   | `admit`                                           | connected; expired (a bot that nobody connects in   |
 * |           |                                                   | 15 s); left (removed by an agent, or by the end)    |
 * | connected | `connect`, with `participant.joined`              | left                                                |
 * | left      | `disconnect`, an agent's `connect`, the end       | never                                               |
 * | expired   | the time alone: nothing is written                | never                                               |
 */
export interface Participant {
  readonly id: string;
  readonly role: ParticipantRole;
  readonly displayName: string;
  readonly createdAt: number;
  /** The first successful CreateParticipantConnection: a bot that was connected with is no longer waited for. */
  readonly exchangedAt?: number | undefined;
  readonly connectedAt?: number | undefined;
  readonly leftAt?: number | undefined;
  readonly leftBecause?: 'left' | 'removed' | 'idle' | 'ended' | undefined;
}

/** A custom participant must be connected with within this time of being created. Milliseconds. */
export const botWindow = 15_000;

/** The bound on all participants that one chat ever had; a program in a loop must not grow a chat without end. */
export const maxParticipants = 1000;

export function stateOf(participant: Participant, now: number): 'created' | 'connected' | 'left' | 'expired' {
  if (participant.leftAt !== undefined) return 'left';
  if (participant.connectedAt !== undefined) return 'connected';
  const isWaitedFor = participant.role === 'CUSTOM_BOT' && participant.exchangedAt === undefined;
  return isWaitedFor && now > participant.createdAt + botWindow ? 'expired' : 'created';
}

export type AdmitRefusal =
  | { readonly refused: 'contact-ended'; readonly at: number }
  | { readonly refused: 'agent-present'; readonly role: ParticipantRole }
  | { readonly refused: 'bot-present'; readonly displayName: string; readonly until: number | undefined }
  | { readonly refused: 'too-many-participants' };

/**
 * Adds a participant that is yet to connect; it is joined, with an item that says so, by `connect`. A chat has room for
 * one custom participant, and for none beside an agent or a supervisor.
 */
export function admit(chat: Chat, participant: Participant, now: number): Step | AdmitRefusal {
  if (chat.end) return { refused: 'contact-ended', at: chat.end.at };
  if (participant.role === 'CUSTOM_BOT') {
    const agent = chat.participants.find((each) => isAgent(each) && stateOf(each, now) === 'connected');
    if (agent) return { refused: 'agent-present', role: agent.role };
    const bot = chat.participants.find((each) => holdsBotPlace(each, now));
    if (bot) {
      const isWaitedFor = bot.connectedAt === undefined && bot.exchangedAt === undefined;
      const until = isWaitedFor ? bot.createdAt + botWindow : undefined;
      return { refused: 'bot-present', displayName: bot.displayName, until };
    }
  }
  if (chat.participants.length >= maxParticipants) return { refused: 'too-many-participants' };
  return { chat: { ...chat, participants: [...chat.participants, participant] }, items: [] };
}

/** Why somebody is in the chat no more. */
export type Departure =
  | { readonly refused: 'contact-ended'; readonly at: number }
  | { readonly refused: 'participant-left'; readonly at: number }
  | { readonly refused: 'participant-removed'; readonly at: number }
  | { readonly refused: 'no-participant' };

/** Why a participant cannot act: it departed, or nobody connected it in time. */
export type Absence = Departure | { readonly refused: 'participant-expired'; readonly at: number };

/** Undefined for whoever is in the chat, connected or not yet. */
export function departure(chat: Pick<Chat, 'participants' | 'end'>, participantId: string): Departure | undefined {
  const participant = participantOf(chat, participantId);
  if (!participant) return { refused: 'no-participant' };
  const { leftAt, leftBecause } = participant;
  if (leftAt !== undefined && leftBecause === 'removed') return { refused: 'participant-removed', at: leftAt };
  // A customer's leaving is the end of the chat.
  if (leftAt !== undefined && (leftBecause === 'left' || leftBecause === 'idle') && participant.role !== 'CUSTOMER') {
    return { refused: 'participant-left', at: leftAt };
  }
  return chat.end && { refused: 'contact-ended', at: chat.end.at };
}

/** Undefined while the participant may act, created or connected. */
export function absence(chat: Chat, participantId: string, now: number): Absence | undefined {
  const participant = participantOf(chat, participantId);
  if (participant && stateOf(participant, now) === 'expired') {
    return { refused: 'participant-expired', at: participant.createdAt + botWindow };
  }
  return departure(chat, participantId);
}

/** Takes note that somebody connects with the participant's token: the 15 seconds of a bot are over with that. */
export function exchange(chat: Chat, participantId: string, now: number): Step | Absence {
  const away = absence(chat, participantId, now);
  if (away) return away;
  const participant = participantOf(chat, participantId);
  if (participant?.role !== 'CUSTOM_BOT' || participant.exchangedAt !== undefined) return { chat, items: [] };
  return { chat: replaced(chat, { ...participant, exchangedAt: now }), items: [] };
}

/**
 * Marks a participant connected: `participant.joined`, once; for the customer its initial message follows, and an agent
 * or supervisor first takes out the custom participant. Connecting again changes nothing.
 */
export function connect(chat: Chat, participantId: string, now: number, tail: () => Uint8Array): Step | Absence {
  const away = absence(chat, participantId, now);
  if (away) return away;
  const participant = participantOf(chat, participantId);
  if (!participant || participant.connectedAt !== undefined) return { chat, items: [] };
  const cleared = isAgent(participant) ? withoutBots(chat, now, tail) : { chat, items: [] };
  const items: NewItem[] = [
    ...cleared.items,
    { tail: tail(), type: 'EVENT', contentType: contentType.joined, participantId },
  ];
  const isCustomer = participant.role === 'CUSTOMER';
  const first = isCustomer ? chat.settings.initialMessage : undefined;
  if (first) items.push({ tail: tail(), type: 'MESSAGE', ...first, participantId });
  const contact = isCustomer ? { ...chat.contact, connectedToSystemAt: now, updatedAt: now } : chat.contact;
  const connected = { ...participant, exchangedAt: participant.exchangedAt ?? now, connectedAt: now };
  return { chat: paired({ ...replaced(cleared.chat, connected), contact }, now), items };
}

/** The chat without its custom participants: those that were connected leave with an item, the others silently. */
function withoutBots(chat: Chat, now: number, tail: () => Uint8Array): Step {
  const bots = chat.participants.filter((each) => holdsBotPlace(each, now));
  const items = bots.filter((each) => each.connectedAt !== undefined).map((each) => leftItem(each.id, tail));
  const after = bots.reduce((result, each) => replaced(result, gone(each, now, 'removed')), chat);
  return { chat: after, items };
}

/** Takes a participant out: its `participant.left`, and the end of the chat if it is the customer or the last agent. */
export function disconnect(chat: Chat, participantId: string, now: number, tail: () => Uint8Array): Step | Absence {
  const away = absence(chat, participantId, now);
  if (away) return away;
  const participant = participantOf(chat, participantId);
  if (!participant) return { refused: 'no-participant' };
  const items = participant.connectedAt === undefined ? [] : [leftItem(participantId, tail)];
  const after = paired(replaced(chat, gone(participant, now, 'left')), now);
  const reason = reasonToEnd(after, participant);
  if (!reason) return { chat: after, items };
  const over = end(after, reason, now, tail);
  return { chat: over.chat, items: [...items, ...over.items] };
}

function reasonToEnd(after: Chat, leaver: Participant): 'CUSTOMER_DISCONNECT' | 'AGENT_DISCONNECT' | undefined {
  if (leaver.role === 'CUSTOMER') return 'CUSTOMER_DISCONNECT';
  if (leaver.role !== 'AGENT' || leaver.connectedAt === undefined) return undefined;
  const hasAgent = after.participants.some((each) => each.role === 'AGENT' && isConnected(each));
  return hasAgent ? undefined : 'AGENT_DISCONNECT';
}

/** Those whose messages the chat takes. */
export function connectedIds(chat: Pick<Chat, 'participants'>): string[] {
  return chat.participants.filter(isConnected).map((each) => each.id);
}

/** A supervisor counts like an agent. */
function isAgent({ role }: Participant): boolean {
  return role === 'AGENT' || role === 'SUPERVISOR';
}

function holdsBotPlace(participant: Participant, now: number): boolean {
  return participant.role === 'CUSTOM_BOT' && ['created', 'connected'].includes(stateOf(participant, now));
}

function replaced(chat: Chat, participant: Participant): Chat {
  return {
    ...chat,
    participants: chat.participants.map((each) => (each.id === participant.id ? participant : each)),
  };
}
