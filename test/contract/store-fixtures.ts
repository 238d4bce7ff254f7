import assert from 'node:assert/strict';
import type { Chat, ChatKey, NewChat, Step } from '../../src/domain/chat.ts';
import type { Item } from '../../src/domain/item.ts';
import { type Absence, disconnect, type Participant } from '../../src/domain/participant.ts';
import { markVersion7 } from '../../src/runtime/ids.ts';
import type { Append, AppendOutcome, Change, ChangeOutcome, Store } from '../../src/store/store.ts';
import { newChatAt } from '../support/chat.ts';

/** Chats, messages and changes for the store's contract: numbered, never random, so that a failure repeats. */

export type Run = (store: Store) => Promise<void>;
/** Makes a test of something that is to be done with a store of its own. */
export type WithStore = (run: Run) => () => Promise<void>;

/** 2026-01-31T12:00:00Z: when most of these tests happen. */
export const noon = 1_769_860_800_000;

let made = 0;

/** A number that no other call gets. */
export function next(): number {
  made += 1;
  return made;
}

export function tail(): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeUInt32BE(next(), 6);
  return markVersion7(bytes);
}

export function participant(id: string, isConnected = true): Participant {
  return {
    id,
    role: 'SYSTEM',
    displayName: `Display name of ${id}`,
    createdAt: noon,
    ...(isConnected ? { connectedAt: noon } : {}),
  };
}

export function newChat(connected: readonly string[] = ['ann', 'bob'], created: readonly string[] = []): NewChat {
  return newChatAt(noon, {
    id: `chat-${next()}`,
    participants: [...connected.map((each) => participant(each)), ...created.map((each) => participant(each, false))],
    attributes: { key: 'value' },
  });
}

/** A stored chat with these connected, others yet to connect, and no item. */
export async function startChat(
  store: Store,
  connected?: readonly string[],
  created?: readonly string[],
): Promise<Chat> {
  const chat = newChat(connected, created);
  done(await store.commit({ now: noon, chat: { created: chat } }));
  return chatNow(store, chat);
}

export async function chatNow(store: Store, { id }: { readonly id: string }): Promise<Chat> {
  const chat = await store.chat({ contactId: id });
  assert(chat, `the store has no chat ${id}`);
  return chat;
}

/** A message by `author`, its token and request its own unless given. */
export function message(chat: ChatKey, author: string, more: Partial<Append> & { content?: string } = {}): Append {
  const { content = `message ${next()}`, ...rest } = more;
  return {
    chat,
    author,
    now: noon,
    item: { tail: tail(), type: 'MESSAGE', contentType: 'text/plain', content, participantId: author },
    token: { value: `token-${next()}`, request: content },
    ...rest,
  };
}

/** The change that a rule of `domain/` asks for. */
export function stepped(before: Chat, step: Step | Absence, now = noon): Change {
  assert('chat' in step, 'the rule refused');
  return { now, chat: { expected: before.revision, after: step.chat }, items: step.items };
}

export function leaving(chat: Chat, who: string, now = noon): Change {
  return stepped(chat, disconnect(chat, who, now, tail), now);
}

export function done<O extends AppendOutcome | ChangeOutcome>(outcome: O): Extract<O, { done: true }> {
  assert('done' in outcome, `expected it to be done, but it was ${JSON.stringify(outcome)}`);
  return outcome as Extract<O, { done: true }>;
}

/** The whole transcript, after a check of what is always true of one: numbers and times (ST2). */
export async function transcript(store: Store, chat: ChatKey): Promise<Item[]> {
  const items = await store.items(chat, { newestFirst: false, limit: 100_000 });
  let time = Number.NEGATIVE_INFINITY;
  for (const [index, item] of items.entries()) {
    assert.equal(item.number, index + 1, 'numbers have no gap');
    assert(item.time > time, `item ${item.number} at ${item.time} is not after the one at ${time}`);
    time = item.time;
  }
  const [position] = await store.positions([chat]);
  assert.equal(position?.last ?? 0, items.length, 'the chat knows its last number');
  if (items.length > 0) assert.equal(position?.lastTime, time, 'the chat knows its last time');
  return items;
}

/** Members that are undefined are as good as absent. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/** Everything that can be read of a chat, to hold against what it was. */
export async function snapshot(store: Store, chat: ChatKey): Promise<unknown> {
  return plain({
    chat: await store.chat({ key: chat }),
    items: await transcript(store, chat),
    marks: await store.marks(chat, 1, Number.MAX_SAFE_INTEGER),
    positions: await store.positions([chat]),
  });
}

/** Lets the event loop turn, so that what was asked so far may have been written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Numbers below a bound that look random and are the same at every run. */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
