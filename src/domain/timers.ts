import { attachmentsDue } from './attachments.ts';
import { type Chat, end, type NewChat, type ParticipantTimer, type Step } from './chat.ts';
import { endSilence, silenceDue, type TimedRole } from './idle.ts';

/** What a chat waits for. A chat has one next due time, stored with its row; what is due then follows from the chat. */

/** The customer must connect within five minutes of StartChatContact. Milliseconds. */
export const customerWindow = 5 * 60_000;
/** Message tokens are kept this long past the end of their chat. */
export const tokensKept = 24 * 60 * 60_000;

/** Erasing is taken up by the worker if who began it has not ended it by then: it failed, or was cut short. */
const erasingTime = 60_000;

/** When something of the chat is due next; undefined if nothing ever is. */
export function nextDue(chat: Chat | NewChat): number | undefined {
  if (chat.erasingAt !== undefined) return chat.erasingAt + erasingTime;
  const due = Math.min(timersDue(chat), attachmentsDue(chat));
  return Number.isFinite(due) ? due : undefined;
}

/** The same without its attachments. */
export function timersDue(chat: Chat | NewChat): number {
  if (chat.end) return chat.isForgotten ? Number.POSITIVE_INFINITY : chat.end.at + tokensKept;
  return Math.min(
    chat.expiresAt,
    isAwaitingCustomer(chat) ? chat.createdAt + customerWindow : Number.POSITIVE_INFINITY,
    silenceDue(chat),
  );
}

/**
 * What the time alone does to an open chat, one thing at a time. Unchanged if nothing is due. `heard` is when each role
 * last sent a message.
 */
export function elapse(
  chat: Chat,
  now: number,
  heard: Readonly<Partial<Record<TimedRole, number>>>,
  tail: () => Uint8Array,
): Step {
  if (!chat.end && isAwaitingCustomer(chat) && now >= chat.createdAt + customerWindow) {
    return end(chat, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED', now, tail);
  }
  if (!chat.end && now >= chat.expiresAt) return end(chat, 'EXPIRED', now, tail);
  return endSilence(chat, now, heard, tail);
}

/** Whether the message tokens of an ended chat are to be removed. */
export function isToForget(chat: Chat, now: number): boolean {
  return chat.end !== undefined && !chat.isForgotten && now >= chat.end.at + tokensKept;
}

/** A timer as it is asked for: without minutes it is taken away. */
export type TimerSetting = Omit<ParticipantTimer, 'minutes'> & { readonly minutes: number | undefined };

/** The chat with these timers instead of those of the same role and type. */
export function configure(chat: Chat, settings: readonly TimerSetting[]): Chat {
  const isSet = (timer: ParticipantTimer) =>
    settings.some(({ role, type }) => role === timer.role && type === timer.type);
  const kept = (chat.timers ?? []).filter((timer) => !isSet(timer));
  const set = settings.flatMap(({ minutes, ...rest }) => (minutes === undefined ? [] : [{ ...rest, minutes }]));
  return { ...chat, timers: [...kept, ...set] };
}

function isAwaitingCustomer(chat: Chat | NewChat): boolean {
  return chat.contact.connectedToSystemAt === undefined;
}
