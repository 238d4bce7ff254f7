import assert from 'node:assert/strict';
import type { Chat } from '../../src/domain/chat.ts';
import type { Settlement } from '../../src/domain/outbox.ts';
import type { Lane, Owed } from '../../src/store/lanes.ts';
import type { Change, ChangeOutcome, Store } from '../../src/store/store.ts';
import { chatNow, done, message, noon, startChat, tail } from './store-fixtures.ts';

/** Lanes of chats, for the store's contract. */

export const topic = 'arn:aws:sns:us-east-1:123456789012:topic';

export function way(id: string, destination = topic, kind: Lane['kind'] = 'stream'): Owed['lane'] {
  return { id, kind, destination };
}

/** Items that nobody wrote, to be committed with a change. */
export function events(count: number) {
  return Array.from({ length: count }, () => ({ tail: tail(), type: 'EVENT', contentType: 'x' }) as const);
}

/** Any change of the chat, as it is now. */
export async function change(
  store: Store,
  chat: Chat,
  more: Partial<Change> = {},
  parts: Partial<Chat> = {},
): Promise<Chat> {
  const before = await chatNow(store, chat);
  done(await store.commit({ now: noon, chat: { expected: before.revision, after: { ...before, ...parts } }, ...more }));
  return chatNow(store, chat);
}

/** The chat with one stream more. */
export async function openLane(
  store: Store,
  chat: Chat,
  id: string,
  { destination = topic, ...more }: Partial<Change> & { destination?: string } = {},
): Promise<Chat> {
  const { streams = [] } = await chatNow(store, chat);
  return change(
    store,
    chat,
    { owed: [{ lane: way(id, destination), opens: true }], ...more },
    { streams: [...streams, { id, topic: destination, startedAt: noon }] },
  );
}

/** The chat with that stream stopped. */
export async function closeLane(store: Store, chat: Chat, id: string, more: Partial<Change> = {}): Promise<Chat> {
  const { streams = [] } = await chatNow(store, chat);
  return change(
    store,
    chat,
    { owed: [{ lane: way(id), closes: true }], ...more },
    { streams: streams.map((each) => (each.id === id ? { ...each, stoppedAt: noon } : each)) },
  );
}

/** A chat of its own with one open lane. */
export async function laned(store: Store, destination = topic): Promise<Chat> {
  return openLane(store, await startChat(store), 'lane', { destination });
}

/** The same, with a message in it. */
export async function waiting(store: Store, destination = topic, now = noon): Promise<Chat> {
  const chat = await laned(store, destination);
  await say(store, chat, now);
  return chat;
}

export async function say(store: Store, chat: Chat, now = noon): Promise<void> {
  done(await store.append(message(chat.key, 'ann', { now })));
}

export async function lane(store: Store, chat: Chat, id = 'lane'): Promise<Lane> {
  const found = await laneIfAny(store, chat, id);
  assert(found, `chat ${chat.key} has no lane ${id}`);
  return found;
}

export async function laneIfAny(store: Store, chat: Chat, id = 'lane'): Promise<Lane | undefined> {
  return (await store.lanesOf(chat.key)).find((each) => each.id === id);
}

/** What somebody who worked on the lane, as it was read, says of it. */
export function settle(store: Store, read: Lane, more: Partial<Settlement> = {}, now = noon): Promise<ChangeOutcome> {
  const { key, fence, number, time, since } = read;
  return store.commit({ now, settled: { key, fence, number, time, since, attempts: 0, rejections: 0, ...more } });
}

/** Says that all items are delivered that are there now. */
export async function deliver(store: Store, chat: Chat, id = 'lane', more: Partial<Settlement> = {}): Promise<void> {
  const { last, lastTime } = await chatNow(store, chat);
  done(await settle(store, await lane(store, chat, id), { number: last, time: lastTime, ...more }));
}

/** What passes by, along lanes of a chat that does not change. */
export async function pass(
  store: Store,
  chat: Chat,
  parcels: readonly string[],
  lanes: readonly Owed['lane'][] = [way('lane')],
  now = noon,
): Promise<void> {
  const owed = lanes.map((each) => ({ lane: each, parcels, isBeforeItems: true }));
  done(await store.commit({ now, owed, owedBy: chat.key }));
}

/** What waits in a lane beside items: `<after> <parcel>`. */
export async function notices(store: Store, chat: Chat, id = 'lane', limit = 10_000): Promise<string[]> {
  const { key } = await lane(store, chat, id);
  return (await store.notices(key, limit)).map(({ after, parcel }) => `${after} ${parcel}`);
}

/** A parcel that was given up, in a lane whose items are delivered. */
export async function bury(store: Store, chat: Chat, parcel: string, now = noon, id = 'lane'): Promise<void> {
  const { last, lastTime } = await chatNow(store, chat);
  const dead = { parcel, error: `rejected ${parcel}`, attempts: 8 };
  done(await settle(store, await lane(store, chat, id), { number: last, time: lastTime, dead }, now));
}

export async function dueKeys(store: Store, destination = topic): Promise<number[]> {
  return (await store.dueLanes(destination, Number.MAX_SAFE_INTEGER, 100)).map(({ key }) => key);
}

export async function isDue(store: Store, chat: Chat, id = 'lane'): Promise<boolean> {
  return (await lane(store, chat, id)).due !== undefined;
}
