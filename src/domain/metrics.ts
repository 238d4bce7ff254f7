import { type Chat, participantOf } from './chat.ts';
import type { Item } from './item.ts';
import type { ParticipantRole } from './participant.ts';
import { firstAgent } from './search.ts';

/** What happened in a chat, in numbers. Times in epoch milliseconds, spans in milliseconds, texts in code points. */
export interface ChatMetrics {
  /** A supervisor took part, or two agents did at one time. */
  readonly isMultiParty: boolean;
  readonly messages: number;
  readonly botMessages: number;
  readonly botCharacters: number;
  /** Runs of messages by the customer's side and by the other, one after another. */
  readonly turns: number;
  /** From the customer's last message to the end. */
  readonly closedAfter: number | undefined;
  readonly customer: ParticipantMetrics | undefined;
  /** Of the agent that connected first. */
  readonly agent: (ParticipantMetrics & FirstResponse) | undefined;
}

export interface ParticipantMetrics {
  readonly participantId: string;
  /** It was written to, and never wrote. */
  readonly hasAbandoned: boolean;
  readonly messages: number;
  readonly characters: number;
  /** How often it answered the other side, and how long that took since the other side's last message. */
  readonly responses: number;
  readonly responseTime: number;
  readonly longestResponse: number;
  readonly lastMessageAt: number | undefined;
}

export interface FirstResponse {
  readonly firstResponseAt: number | undefined;
  /** Since the agent connected. */
  readonly firstResponseAfter: number | undefined;
}

/** Items that are read for the metrics of one chat; of a longer one there are none. */
export const maxMeasured = 10_000;

/** Metrics of a chat up to some item. */
export interface Tally {
  readonly messages: number;
  readonly botMessages: number;
  readonly botCharacters: number;
  readonly turns: number;
  readonly side?: 'customer' | 'others' | undefined;
  readonly customer?: Part | undefined;
  readonly agent?: Part | undefined;
}

/** One participant's part in it. */
interface Part {
  readonly id: string;
  readonly since: number;
  readonly messages: number;
  readonly characters: number;
  readonly responses: number;
  readonly responseTime: number;
  readonly longestResponse: number;
  readonly firstAt?: number | undefined;
  readonly lastAt?: number | undefined;
  /** When the other side wrote what is not answered yet. */
  readonly askedAt?: number | undefined;
}

export function openTally(chat: Chat): Tally {
  const customer = chat.participants.find(({ role }) => role === 'CUSTOMER');
  const agent = firstAgent(chat);
  return {
    messages: 0,
    botMessages: 0,
    botCharacters: 0,
    turns: 0,
    customer: customer && newPart(customer.id, chat.createdAt),
    agent: agent && newPart(agent.id, agent.connectedAt ?? chat.createdAt),
  };
}

function newPart(id: string, since: number): Part {
  return { id, since, messages: 0, characters: 0, responses: 0, responseTime: 0, longestResponse: 0 };
}

/** Adds the next items of the chat, in their order. */
export function addItems(chat: Chat, tally: Tally, items: readonly Item[]): Tally {
  return items.filter(({ type }) => type === 'MESSAGE').reduce((sum, item) => added(chat, sum, item), tally);
}

function added(chat: Chat, tally: Tally, item: Item): Tally {
  // What nobody in particular wrote is the system's.
  const role = participantOf(chat, item.participantId ?? '')?.role ?? 'SYSTEM';
  const { customer, agent } = tally;
  const characters = codePoints(item.content ?? '');
  const bot = isBot(role) ? 1 : 0;
  const side = role === 'CUSTOMER' ? 'customer' : 'others';
  const isByAgent = agent !== undefined && item.participantId === agent.id;
  return {
    messages: tally.messages + 1,
    botMessages: tally.botMessages + bot,
    botCharacters: tally.botCharacters + bot * characters,
    turns: tally.turns + (side === tally.side ? 0 : 1),
    side,
    customer: customer && (side === 'customer' ? wrote(customer, item.time, characters) : asked(customer, item.time)),
    agent: isByAgent
      ? wrote(agent, item.time, characters)
      : agent && side === 'customer'
        ? asked(agent, item.time)
        : agent,
  };
}

function wrote(part: Part, time: number, characters: number): Part {
  const { askedAt } = part;
  const took = askedAt === undefined ? 0 : time - askedAt;
  return {
    ...part,
    messages: part.messages + 1,
    characters: part.characters + characters,
    responses: part.responses + (askedAt === undefined ? 0 : 1),
    responseTime: part.responseTime + took,
    longestResponse: Math.max(part.longestResponse, took),
    firstAt: part.firstAt ?? time,
    lastAt: time,
    askedAt: undefined,
  };
}

/** Who was not there yet was not asked. */
function asked(part: Part, time: number): Part {
  return time < part.since ? part : { ...part, askedAt: time };
}

/** The metrics of a chat whose items are all in the tally. */
export function metricsOf(chat: Chat, tally: Tally): ChatMetrics {
  const { messages, botMessages, botCharacters, turns, customer, agent } = tally;
  const lastAsked = customer?.lastAt;
  return {
    isMultiParty: isMultiParty(chat),
    messages,
    botMessages,
    botCharacters,
    turns,
    closedAfter: chat.end && lastAsked !== undefined ? Math.max(0, chat.end.at - lastAsked) : undefined,
    customer: customer && partMetrics(customer),
    agent: agent && {
      ...partMetrics(agent),
      firstResponseAt: agent.firstAt,
      firstResponseAfter: agent.firstAt === undefined ? undefined : Math.max(0, agent.firstAt - agent.since),
    },
  };
}

function partMetrics(part: Part): ParticipantMetrics {
  return {
    participantId: part.id,
    hasAbandoned: part.messages === 0 && part.askedAt !== undefined,
    messages: part.messages,
    characters: part.characters,
    responses: part.responses,
    responseTime: part.responseTime,
    longestResponse: part.longestResponse,
    lastMessageAt: part.lastAt,
  };
}

function isMultiParty({ participants }: Chat): boolean {
  const connected = participants.filter(({ connectedAt }) => connectedAt !== undefined);
  if (connected.some(({ role }) => role === 'SUPERVISOR')) return true;
  const stays = connected
    .filter(({ role }) => role === 'AGENT')
    .map(({ connectedAt = 0, leftAt = Number.POSITIVE_INFINITY }) => ({ from: connectedAt, to: leftAt }))
    .toSorted((one, other) => one.from - other.from);
  return stays.some((stay, index) => stays.slice(0, index).some(({ to }) => to > stay.from));
}

function isBot(role: ParticipantRole): boolean {
  return role === 'CUSTOM_BOT' || role === 'SYSTEM';
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
