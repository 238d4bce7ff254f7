import type { News } from '../bus/bus.ts';
import { type Chat, type ChatKey, type Contact, participantOf } from '../domain/chat.ts';
import type { Item } from '../domain/item.ts';
import { departure } from '../domain/participant.ts';
import { rehydrated } from '../domain/past.ts';
import { maySee, type Showing, showingOf } from '../domain/visibility.ts';
import type { Log } from '../runtime/log.ts';
import type { MovableClock } from '../runtime/movable-clock.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Position, Store } from '../store/store.ts';
import { type EventNews, eventFrame, itemFrame, type MarkNews, receiptFrame, rehydratedFrame } from './frames.ts';
import type { Turn } from './pace.ts';
import type { PushCounts } from './push-counts.ts';
import { type Cursor, type Effect, type Frame, nextNumber, type Session, type SessionEvent, step } from './session.ts';
import type { PushSettings } from './settings.ts';

/**
 * One chat of this node: its sockets, and what is known to exist. The log is the truth: whatever is heard only says
 * how far it goes, or saves reading it.
 *
 * Each socket has its own cursor and takes the next number, nothing else; so order and "each once" hold whatever comes
 * from where. News and pages of the log both end up in `waiting`, and `flow` offers what is there, at once and without
 * waiting for anything. What `flow` cannot do (a number is missing, the chat must be read again because its
 * participants changed, a receipt needs its marks) is done by `work`, of which there is one at a time.
 */
export interface Room {
  readonly key: ChatKey;
  readonly node: Node;
  readonly members: Set<Member>;
  /** As read last; undefined until the first socket is there. */
  chat: SeenChat | undefined;
  /** The highest item number and revision heard of. */
  known: number;
  revision: number;
  /** The highest item number that was pushed and whose lag was looked at. */
  pushed: number;
  /** Somebody acted whom `chat` does not know. */
  hasStranger: boolean;
  /** Items that some socket lacks, not yet offered in full. */
  readonly waiting: Map<number, Item>;
  readonly receipts: MarkNews[];
  /** Something was heard since the last sweep. */
  isHeard: boolean;
  isWorking: boolean;
  /** Calls off the wait for a number that was skipped. */
  patience: (() => void) | undefined;
}

/** What sockets need of a chat: the rest of it would be most of what an idle socket holds. */
export type SeenChat = Pick<Chat, 'id' | 'revision' | 'last' | 'participants' | 'end' | 'past'> & {
  readonly contact: Pick<Contact, 'id' | 'connectedToSystemAt'>;
};

function seen({ id, revision, last, participants, end, past, contact }: Chat): SeenChat {
  const { id: contactId, connectedToSystemAt } = contact;
  return { id, revision, last, participants, end, past, contact: { id: contactId, connectedToSystemAt } };
}

/** A socket in a room. */
export interface Member {
  session: Session;
  readonly peer: Peer;
  /** Calls off the closing of the socket. */
  expiry: (() => void) | undefined;
  /** When it began to get items, by the clock. */
  since: number;
  /** Was told that the chat continues another. */
  knowsPast?: boolean;
}

/** What a socket must be able to do. None of it throws, and after `close` all do nothing. */
export interface Peer {
  send(frame: Frame): void;
  /** Ends the socket soon unless its client shows that it is there. */
  probe(): void;
  close(code: number, reason: string): void;
}

/** What the rooms of a node share. */
export interface Node {
  readonly store: Pick<Store, 'chat' | 'items' | 'marks'>;
  /** For measuring alone: nothing is done by it. */
  readonly clock: Pick<MovableClock, 'now' | 'ahead'>;
  readonly counts: PushCounts;
  readonly steady: Steady;
  readonly log: Log;
  readonly settings: PushSettings;
  readonly turn: Turn;
  /** Runs a read of the store when it is its turn; throws `Stopping` once the node stops. */
  readonly read: <T>(run: () => Promise<T>) => Promise<T>;
  /** Keeps what runs in the background, so that the end can wait for it. */
  readonly keep: (running: Promise<void>) => void;
}

/** The server stops and takes no more sockets. */
export class Stopping extends Error {}

export function openRoom(key: ChatKey, node: Node): Room {
  return {
    key,
    node,
    members: new Set(),
    chat: undefined,
    known: 0,
    revision: 0,
    pushed: 0,
    hasStranger: false,
    waiting: new Map(),
    receipts: [],
    isHeard: true,
    isWorking: false,
    patience: undefined,
  };
}

export function hear(room: Room, news: News): void {
  room.isHeard = true;
  switch (news.kind) {
    case 'items':
      room.known = Math.max(room.known, news.to);
      room.revision = Math.max(room.revision, news.revision);
      for (const item of news.items ?? []) if (room.waiting.size < room.node.settings.maxWaiting) keep(room, item);
      break;
    case 'event':
      room.known = Math.max(room.known, news.after);
      pass(room, news);
      break;
    case 'mark':
      room.known = Math.max(room.known, news.mark.number);
      if (room.receipts.length >= room.node.settings.maxWaiting) room.receipts.shift();
      room.receipts.push(news);
      break;
  }
  goOn(room);
}

/** The chat as it was just read. */
export function learn(room: Room, chat: Chat): void {
  room.known = Math.max(room.known, chat.last);
  if (!room.chat || chat.revision >= room.chat.revision) room.chat = seen(chat);
  goOn(room);
}

/** Where the store says that the chat stands: nothing more is waited for. */
export function compare(room: Room, { last, revision }: Pick<Position, 'last' | 'revision'>): void {
  room.known = Math.max(room.known, last);
  room.revision = Math.max(room.revision, revision);
  flow(room);
  const isBehind = isStale(room) || furthestBehind(room) !== undefined;
  if (isBehind && !room.isWorking) room.node.counts.healed += 1;
  if (isBehind || room.receipts.length > 0) work(room);
}

/** The client of that socket sent a frame. */
export function receive(room: Room, member: Member, text: string | undefined): void {
  const isCrowded =
    member.session.state === 'opened' && subscribedTo(room, member).length >= room.node.settings.socketsPerParticipant;
  tell(room, member, { kind: 'frame', text, isCrowded });
}

/** The sockets of the same participant that get its items. */
function subscribedTo({ members }: Room, { session: { participantId } }: Member): Member[] {
  return [...members].filter(
    ({ session }) => session.state === 'subscribed' && session.participantId === participantId,
  );
}

export function tell(room: Room, member: Member, event: SessionEvent): void {
  const { session, effects } = step(member.session, event, room.node.steady.now(), room.node.settings);
  member.session = session;
  for (const effect of effects) {
    if (effect.do === 'send') room.node.counts.frames[frameKinds[event.kind] ?? 'answer'] += 1;
    perform(room, member, effect);
  }
}

const frameKinds: Partial<Record<SessionEvent['kind'], 'item' | 'passing'>> = { item: 'item', passing: 'passing' };

function perform(room: Room, member: Member, effect: Effect): void {
  switch (effect.do) {
    case 'send':
      room.node.turn.spend();
      member.peer.send(effect.frame);
      break;
    case 'close':
      member.peer.close(effect.code, effect.reason);
      break;
    case 'begin':
      member.since = room.node.clock.now();
      work(room);
      break;
    case 'probe':
      for (const each of subscribedTo(room, member)) each.peer.probe();
      break;
    case 'expire': {
      const { steady, settings } = room.node;
      member.expiry = steady.after(settings.closeAfterEndMs, () => tell(room, member, { kind: 'expired' }));
    }
  }
}

/** Delivers what can be delivered now, and sees to the rest. */
function goOn(room: Room): void {
  const isDone = flow(room);
  if (!isDone || isStale(room) || room.receipts.length > 0) {
    work(room);
  } else if (!room.isWorking && !room.patience && furthestBehind(room)) {
    room.patience = room.node.steady.after(room.node.settings.graceMs, () => {
      room.patience = undefined;
      if (furthestBehind(room)) work(room);
    });
  }
}

/** Offers what waits. False if other work must have its turn before the rest. */
function flow(room: Room): boolean {
  if (room.waiting.size === 0 || isStale(room)) return true;
  for (const item of [...room.waiting.values()].sort((one, other) => one.number - other.number)) {
    if (room.node.turn.isSpent()) return false;
    if (!offer(room, item)) room.waiting.delete(item.number);
  }
  return true;
}

/** True if some socket lacks what comes before the item, and will need it again. */
function offer(room: Room, item: Item): boolean {
  const showing = showingOf(item);
  let frame: Frame | undefined;
  let isEarly = false;
  let isOwed = false;
  for (const member of room.members) {
    const next = nextNumber(member.session);
    if (next === undefined || next > item.number || !room.chat) continue;
    if (next < item.number) {
      isEarly = true;
      continue;
    }
    const isShown = isShownTo(member, room.chat, showing);
    if (isShown) frame ??= itemFrame(item, room.chat);
    if (isShown && item.time >= member.since) isOwed = true;
    tell(room, member, { kind: 'item', item, frame: isShown ? frame : undefined });
  }
  if (isOwed && item.number > room.pushed) {
    room.pushed = item.number;
    noteLag(room.node, item);
  }
  return isEarly;
}

/** A clock that is moved says nothing of how long it took. Nodes' clocks differ a little: less than nothing is nothing. */
function noteLag({ clock, counts }: Node, { time }: Item): void {
  if (clock.ahead() === 0) counts.lag.observe(Math.max(0, clock.now() - time) / 1000);
}

function keep(room: Room, item: Item): void {
  room.waiting.set(item.number, item);
  const { chat } = room;
  if (chat && item.participantId !== undefined && !participantOf(chat, item.participantId)) room.hasStranger = true;
}

function pass(room: Room, news: EventNews): void {
  if (!room.chat || (news.participantId !== undefined && !participantOf(room.chat, news.participantId))) return;
  const frame = eventFrame(news, room.chat);
  const showing = showingOf({ type: 'EVENT', contentType: news.contentType });
  for (const member of room.members) {
    if (isShownTo(member, room.chat, showing)) tell(room, member, { kind: 'passing', after: news.after, frame });
  }
}

function isShownTo({ session }: Member, chat: SeenChat, showing: Showing): boolean {
  // Nearly everything is for all: then nobody's role is looked up.
  if (showing.visibleTo === 'ALL') return true;
  const role = participantOf(chat, session.participantId)?.role;
  return role !== undefined && maySee(role, showing);
}

/** Whether the chat must be read again before anything is said in the name of its participants. */
function isStale(room: Room): boolean {
  return room.chat !== undefined && (room.hasStranger || room.revision > room.chat.revision);
}

/** Where the log must be read on: the cursor of the socket that lacks most; undefined if none lacks anything known. */
function furthestBehind(room: Room): Cursor | undefined {
  let lowest: Cursor | undefined;
  for (const { session } of room.members) {
    const next = nextNumber(session);
    if (next === undefined || next > room.known) continue;
    if (!lowest || session.cursor.number < lowest.number) lowest = session.cursor;
  }
  return lowest;
}

/** Does all that needs the store; what comes meanwhile is included. Failure is left to the next sweep. */
function work(room: Room): void {
  if (room.isWorking) return;
  room.isWorking = true;
  room.patience?.();
  room.patience = undefined;
  room.node.keep(catchUp(room));
}

async function catchUp(room: Room): Promise<void> {
  try {
    while (room.members.size > 0) {
      if (isStale(room)) {
        await refresh(room);
        continue;
      }
      if (!flow(room)) {
        await room.node.turn.next();
        continue;
      }
      const behind = furthestBehind(room);
      if (behind) await readOn(room, behind);
      else if (room.receipts.length > 0) await deliverReceipts(room);
      else break;
    }
    noticePast(room);
    noticeGone(room);
  } catch (failure) {
    room.isHeard = false;
    if (failure instanceof Stopping) return;
    room.node.log.warn({ err: failure, chat: room.key }, 'a chat could not be read; the next sweep tries again');
  } finally {
    // In the same breath as the last look around, or news in between would find nobody who sees to them.
    room.isWorking = false;
  }
}

async function refresh(room: Room): Promise<void> {
  const { revision } = room;
  room.hasStranger = false;
  const chat = await room.node.read(() => room.node.store.chat({ key: room.key }));
  if (chat) {
    room.chat = seen(chat);
    room.known = Math.max(room.known, chat.last);
  }
  // What is read after the news is as new as they are, whatever number they gave; only later news ask again.
  if (room.chat && room.revision === revision) room.revision = room.chat.revision;
}

async function readOn(room: Room, { number, time }: Cursor): Promise<void> {
  const { node, key } = room;
  const range = { after: time, newestFirst: false, limit: node.settings.pageItems };
  const page = await node.read(() => node.store.items(key, range));
  for (const item of page) keep(room, item);
  if (page[0]?.number === number + 1) return;
  node.log.error(
    { chat: key, after: number, known: room.known, found: page[0]?.number },
    'news named items that the log does not have',
  );
  room.known = number;
}

/** Only once all sockets have the items, so that no receipt comes before its message. */
async function deliverReceipts(room: Room): Promise<void> {
  const { node, key, receipts } = room;
  const count = receipts.length;
  const read = receipts.flatMap(({ mark }) => (mark.kind === 'read' ? mark.number : []));
  const marks =
    read.length > 0 ? await node.read(() => node.store.marks(key, Math.min(...read), Math.max(...read))) : [];
  for (const news of receipts.splice(0, count)) {
    if (!room.chat) return;
    const frame = receiptFrame(news, news.mark.kind === 'read' ? marks : [], room.chat);
    for (const member of room.members) {
      if (member.session.participantId === news.mark.reader) continue;
      tell(room, member, { kind: 'passing', after: news.mark.number, frame });
    }
  }
}

/**
 * That a chat continues another follows from the chat itself, so no news of it can be lost. The customer's own socket is
 * there only after the customer is connected, which is when it begins: each socket is told when it subscribes, or then.
 */
function noticePast(room: Room): void {
  const event = room.chat && rehydrated(room.chat);
  if (!room.chat || !event) return;
  let frame: Frame | undefined;
  for (const member of room.members) {
    if (member.knowsPast || member.session.state !== 'subscribed') continue;
    member.knowsPast = true;
    frame ??= rehydratedFrame(event, room.chat);
    tell(room, member, { kind: 'passing', after: 0, frame });
  }
}

/** For sockets that no item told: they subscribed after it, or never. */
function noticeGone(room: Room): void {
  const { chat } = room;
  if (!chat) return;
  for (const member of room.members) {
    if (departure(chat, member.session.participantId)) tell(room, member, { kind: 'gone', last: chat.last });
  }
}
