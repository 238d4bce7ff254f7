import * as contentType from '../domain/content-type.ts';
import type { Item } from '../domain/item.ts';
import { chatTopic, heartbeat, pong, subscribed } from '../wire/frame.ts';
import type { PushSettings } from './settings.ts';

/**
 * One socket of one participant: what it is told, and what it does about it. Pure.
 *
 * | State      | Entered by                          | What it does                                                           |
 * |------------|-------------------------------------|------------------------------------------------------------------------|
 * | opened     | the upgrade, at the chat's last     | answers frames; delivers nothing                                       |
 * |            | item of that moment                 |                                                                        |
 * | subscribed | the first subscribe to `aws/chat`   | delivers the items after its cursor, one number after the other, and   |
 * |            |                                     | what passes by (typing, receipts) if it is not ahead of them           |
 * | closing    | delivering the own                  | answers frames; delivers nothing more, but for a `chat.ended` that is  |
 * |            | `participant.left` or `chat.ended`; | the very next item after the own `participant.left`. The client is to  |
 * |            | or being gone, with nothing left    | close; when the time for that is up, it is closed with 1000            |
 * |            | to deliver                          |                                                                        |
 * | closed     | a close of ours                     | nothing                                                                |
 *
 * A participant has so many subscribed sockets and no more: one too many stays `opened`, is told that its subscribe
 * failed, and may ask again. A socket that is still `opened` when its participant is gone stays so, that it may yet
 * subscribe and get the end delivered; its time runs all the same.
 */
export type Session =
  | (Common & { readonly state: 'opened' | 'subscribed' })
  | (Common & { readonly state: 'closing'; readonly mayEnd: boolean })
  | (Common & { readonly state: 'closed' });

interface Common {
  readonly participantId: string;
  /** The item delivered last, or the chat's last at the upgrade. */
  readonly cursor: Cursor;
  /** The frames received in the present window of time. */
  readonly frames: { readonly since: number; readonly count: number };
  /** The time for the client to close is running. */
  readonly isExpiring: boolean;
}

/** A place in the transcript: number and time of an item, or zeros before the first. */
export interface Cursor {
  readonly number: number;
  readonly time: number;
}

/** The text of a frame. */
export type Frame = string;

export type SessionEvent =
  /**
   * The client sent a frame; no text if it was of a kind that means nothing here (binary, ping). `isCrowded`: the
   * participant has as many subscribed sockets as it may.
   */
  | { readonly kind: 'frame'; readonly text?: string | undefined; readonly isCrowded?: boolean }
  /** Without a frame for what the participant may not see. */
  | { readonly kind: 'item'; readonly item: ItemHead; readonly frame: Frame | undefined }
  /** Typing or a receipt: shown now or never, and not before item number `after`. */
  | { readonly kind: 'passing'; readonly after: number; readonly frame: Frame }
  /** The chat is over, or the participant left, somewhere in the items up to number `last`. */
  | { readonly kind: 'gone'; readonly last: number }
  /** The time that `expire` asked for is up. */
  | { readonly kind: 'expired' }
  /** The server stops. */
  | { readonly kind: 'stopping' };

export type ItemHead = Pick<Item, 'number' | 'time' | 'type' | 'contentType' | 'participantId'>;

export type Effect =
  | { readonly do: 'send'; readonly frame: Frame }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }
  /** Delivery has begun: the items after the cursor are wanted. */
  | { readonly do: 'begin' }
  /** Find out whether the participant's other sockets are still alive: one of them may hold a place for nothing. */
  | { readonly do: 'probe' }
  /** Say `expired` when the client's time to close is up. */
  | { readonly do: 'expire' };

export interface Step {
  readonly session: Session;
  readonly effects: readonly Effect[];
}

type Bounds = Pick<PushSettings, 'framesPerWindow' | 'frameWindowMs'>;

export function openSession(participantId: string, cursor: Cursor, now: number): Session {
  return { state: 'opened', participantId, cursor, frames: { since: now, count: 0 }, isExpiring: false };
}

/** The number of the only item that the session would deliver now; undefined if none. */
export function nextNumber(session: Session): number | undefined {
  const isOpen = session.state === 'subscribed' || (session.state === 'closing' && session.mayEnd);
  return isOpen ? session.cursor.number + 1 : undefined;
}

/** `now` is steady time in milliseconds. */
export function step(session: Session, event: SessionEvent, now: number, bounds: Bounds): Step {
  if (session.state === 'closed') return still(session);
  switch (event.kind) {
    case 'frame':
      return received(session, event, now, bounds);
    case 'item':
      return offered(session, event.item, event.frame);
    case 'passing': {
      const isShown = session.state === 'subscribed' && session.cursor.number >= event.after;
      return isShown ? { session, effects: [{ do: 'send', frame: event.frame }] } : still(session);
    }
    case 'gone':
      if (session.state === 'subscribed' && session.cursor.number >= event.last)
        return expiring(closing(session, false));
      return session.state === 'opened' ? expiring(session) : still(session);
    case 'expired':
      return closed(session, 1000, 'the chat is over for this participant');
    case 'stopping':
      return closed(session, 1001, 'going away');
  }
}

type Received = Extract<SessionEvent, { kind: 'frame' }>;

function received(session: Session, { text, isCrowded }: Received, now: number, bounds: Bounds): Step {
  const isNewWindow = now - session.frames.since >= bounds.frameWindowMs;
  const frames = isNewWindow ? { since: now, count: 1 } : { ...session.frames, count: session.frames.count + 1 };
  if (frames.count > bounds.framesPerWindow) {
    const seconds = bounds.frameWindowMs / 1000;
    return closed(session, 1008, `too many frames: more than ${bounds.framesPerWindow} in ${seconds} s`);
  }
  const message = text === undefined ? undefined : parsed(text);
  return answered({ ...session, frames }, message, isCrowded === true);
}

type Message = { topic?: unknown; content?: unknown };

function answered(session: Session, message: Message | undefined, isCrowded: boolean): Step {
  switch (message?.topic) {
    case 'aws/subscribe':
      return subscribing(session, topicsIn(message.content), isCrowded);
    case 'aws/heartbeat':
      return { session, effects: [{ do: 'send', frame: heartbeat }] };
    case 'aws/ping':
      return { session, effects: [{ do: 'send', frame: pong }] };
    default:
      return still(session);
  }
}

/** Clients match the answer by the names in it, so good and bad topics of one request are answered apart. */
function subscribing(session: Session, topics: readonly string[], isCrowded: boolean): Step {
  const good = topics.filter((topic) => topic === chatTopic);
  const bad = topics.filter((topic) => topic !== chatTopic);
  const isRefused = isCrowded && session.state === 'opened';
  const effects: Effect[] = [];
  if (good.length > 0) effects.push({ do: 'send', frame: subscribed(good, !isRefused) });
  if (bad.length > 0) effects.push({ do: 'send', frame: subscribed(bad, false) });
  if (good.length === 0 || session.state !== 'opened') return { session, effects };
  if (isRefused) return { session, effects: [...effects, { do: 'probe' }] };
  return { session: { ...session, state: 'subscribed' }, effects: [...effects, { do: 'begin' }] };
}

function offered(session: Session, item: ItemHead, frame: Frame | undefined): Step {
  if (nextNumber(session) !== item.number) return still(session);
  const cursor: Cursor = { number: item.number, time: item.time };
  const isEnd = item.type === 'EVENT' && item.contentType === contentType.ended;
  if (session.state === 'closing' && !isEnd) return still(closing({ ...session, cursor }, false));
  const isOwnLeft =
    item.type === 'EVENT' && item.contentType === contentType.left && item.participantId === session.participantId;
  const sends: Effect[] = frame === undefined ? [] : [{ do: 'send', frame }];
  if (!isEnd && !isOwnLeft) return { session: { ...session, cursor }, effects: sends };
  const { session: after, effects } = expiring(closing({ ...session, cursor }, isOwnLeft));
  return { session: after, effects: [...sends, ...effects] };
}

function closing(session: Session, mayEnd: boolean): Session {
  return { ...session, state: 'closing', mayEnd };
}

function expiring(session: Session): Step {
  if (session.isExpiring) return still(session);
  return { session: { ...session, isExpiring: true }, effects: [{ do: 'expire' }] };
}

function closed(session: Session, code: number, reason: string): Step {
  return { session: { ...session, state: 'closed' }, effects: [{ do: 'close', code, reason }] };
}

function still(session: Session): Step {
  return { session, effects: [] };
}

function parsed(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The topics asked for; none if that is not a list of texts. */
function topicsIn(content: unknown): readonly string[] {
  const topics = typeof content === 'object' && content !== null && 'topics' in content ? content.topics : undefined;
  return Array.isArray(topics) && topics.every((each) => typeof each === 'string') ? topics : [];
}
