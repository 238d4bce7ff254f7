import assert from 'node:assert/strict';
import type { Bus, News } from '../../src/bus/bus.ts';
import { openLocalBus } from '../../src/bus/local.ts';
import { type Chat, end } from '../../src/domain/chat.ts';
import * as contentType from '../../src/domain/content-type.ts';
import type { Item } from '../../src/domain/item.ts';
import { admit, connect, type ParticipantRole } from '../../src/domain/participant.ts';
import { type Hub, type HubParts, openHub, type Seat } from '../../src/push/hub.ts';
import type { Peer } from '../../src/push/room.ts';
import type { Frame } from '../../src/push/session.ts';
import { defaultPushSettings, type PushSettings } from '../../src/push/settings.ts';
import type { Log } from '../../src/runtime/log.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { done, leaving, message, newChat, noon, participant, stepped, tail } from '../contract/store-fixtures.ts';
import { openJournal } from './journal.ts';
import { type ManualSteady, manualSteady } from './steady.ts';

/** A hub on a real store and a bus that can be made to fail, in a time that the test moves. */
export interface Stage extends AsyncDisposable {
  readonly hub: Hub;
  readonly store: Store;
  readonly steady: ManualSteady;
  readonly wire: Wire;
  readonly reads: Reads;
  /** Messages of the log lines of level warn and error. */
  readonly complaints: string[];
}

/** What the bus does with news: passes them on, until a test says otherwise. */
export interface Wire {
  carry: (news: News, pass: (news: News) => void) => void;
  /** What a subscription waits for before it begins. */
  before: () => Promise<void> | undefined;
  /** Chats with a subscription. */
  readonly subscribed: number[];
}

/** What the hub reads: counted, and held up or failed by a test. */
export interface Reads {
  readonly chat: number[];
  readonly items: number[];
  readonly marks: number[];
  readonly positions: number[][];
  before: (what: 'chat' | 'items' | 'marks' | 'positions') => Promise<void> | undefined;
}

/** `shared` is what several stages have in common, or another bus than the local one. Whoever opened it closes it. */
export function openStage(
  settings: Partial<PushSettings> = {},
  shared: { readonly store?: Store; readonly bus?: Bus; readonly clock?: HubParts['clock'] } = {},
): Stage {
  const store = shared.store ?? openSqlite(':memory:', systemSteady);
  const steady = manualSteady();
  const complaints: string[] = [];
  const complain = (fields: object, text: string) =>
    void complaints.push('err' in fields ? `${text}: ${fields.err}` : text);
  const log: Log = { debug() {}, info() {}, warn: complain, error: complain };
  const wire: Wire = { carry: (news, pass) => pass(news), before: () => undefined, subscribed: [] };
  const reads: Reads = { chat: [], items: [], marks: [], positions: [], before: () => undefined };
  const hub = openHub({
    store: watched(store, reads),
    bus: wired(shared.bus ?? openLocalBus(log), wire),
    clock: shared.clock ?? { now: () => noon, ahead: () => 0 },
    steady,
    log,
    settings: { ...defaultPushSettings, ...settings },
  });
  return {
    hub,
    store,
    steady,
    wire,
    reads,
    complaints,
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      if (!shared.store) await store[Symbol.asyncDispose]();
    },
  };
}

const wires = new WeakMap<Wire, Bus>();

function wired(bus: Bus, wire: Wire): Bus {
  wires.set(wire, bus);
  return {
    publish: (news) => wire.carry(news, bus.publish),
    async subscribe(chat, heard) {
      await wire.before();
      const subscription = await bus.subscribe(chat, heard);
      wire.subscribed.push(chat);
      return {
        end() {
          subscription.end();
          if (wire.subscribed.includes(chat)) wire.subscribed.splice(wire.subscribed.indexOf(chat), 1);
        },
      };
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}

function watched(store: Store, reads: Reads): HubParts['store'] {
  return {
    async chat(ref) {
      reads.chat.push('key' in ref ? ref.key : -1);
      await reads.before('chat');
      return store.chat(ref);
    },
    async items(chat, range) {
      reads.items.push(chat);
      await reads.before('items');
      return store.items(chat, range);
    },
    async marks(chat, from, to) {
      reads.marks.push(chat);
      await reads.before('marks');
      return store.marks(chat, from, to);
    },
    async positions(chats) {
      reads.positions.push([...chats]);
      await reads.before('positions');
      return store.positions(chats);
    },
  };
}

/** A chat, and what its participants do in it; the bus rings after each commit. */
export interface Talk {
  readonly key: number;
  readonly id: string;
  say(author: string, content: string): Promise<Item>;
  /** `delivered` or `read` up to a message. */
  mark(reader: string, kind: 'delivered' | 'read', item: Item, time?: number): Promise<void>;
  type(author: string, id?: string): Promise<void>;
  enter(name: string): Promise<void>;
  leave(name: string): Promise<void>;
  stop(): Promise<void>;
  ring(news: News): void;
  now(): Promise<Chat>;
}

/** A chat with a customer `ann` and a bot `bob`, both connected. */
export async function openTalk(stage: Pick<Stage, 'store' | 'wire'>): Promise<Talk> {
  const { store } = stage;
  const roles: Readonly<Record<string, ParticipantRole>> = { ann: 'CUSTOMER' };
  const made = newChat();
  const created = {
    ...made,
    participants: made.participants.map((each) => ({ ...each, role: roles[each.id] ?? each.role })),
  };
  const { key } = done(await store.commit({ now: noon, chat: { created } })).chat ?? {};
  assert(key !== undefined);
  return talkOf(stage, key, created.id);
}

/** The same chat, as another stage with the same store takes part in it. */
export function talkOf({ store, wire }: Pick<Stage, 'store' | 'wire'>, key: number, id: string): Talk {
  const ring = (news: News) => wire.carry(news, (passed) => wires.get(wire)?.publish(passed));
  async function now(): Promise<Chat> {
    const chat = await store.chat({ key });
    assert(chat);
    return chat;
  }
  async function commit(change: Change): Promise<void> {
    const { chat, items } = done(await store.commit(change));
    if (!chat) return;
    const from = chat.last - items.length + 1;
    ring({ kind: 'items', chat: chat.key, from, to: chat.last, revision: chat.revision, items });
  }
  return {
    key,
    id,
    async say(author, content) {
      const append = message(key, author, { content });
      const { number, revision } = done(await store.append(append));
      const [item] = await store.items(key, { newestFirst: true, limit: 1 });
      assert(item);
      ring({ kind: 'items', chat: key, from: number, to: number, revision, items: [item] });
      return item;
    },
    async mark(reader, kind, item, time = noon) {
      const mark = { chat: key, reader, kind, number: item.number };
      done(await store.commit({ now: time, mark }));
      ring({ kind: 'mark', chat: key, mark: { reader, kind, number: item.number, time }, messageId: item.id });
    },
    async type(author, id = 'typed') {
      const { last } = await now();
      ring({
        kind: 'event',
        chat: key,
        after: last,
        id,
        time: noon,
        contentType: contentType.typing,
        participantId: author,
      });
    },
    async enter(name) {
      const before = await now();
      const step = admit(before, participant(name, false), noon);
      assert('chat' in step);
      await commit(stepped(before, connect(step.chat, name, noon, tail)));
    },
    leave: async (name) => commit(leaving(await now(), name)),
    stop: async () => {
      const before = await now();
      await commit(stepped(before, end(before, 'API', noon, tail)));
    },
    ring,
    now,
  };
}

/** A socket that keeps what it is given. */
export interface Ear extends Peer {
  readonly frames: readonly Frame[];
  readonly seat: Seat;
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** How often it was asked whether it is alive. */
  probes: number;
  subscribe(): void;
  /** The items of the chat frames so far. */
  heard(): Heard[];
  /** Text of messages, and the last part of the content type of anything else. */
  lines(): string[];
  /** Resolves with the lines once that is true of them; for news that come over a network. */
  until(what: string, isIt: (lines: string[]) => boolean): Promise<string[]>;
}

export interface Heard {
  readonly [member: string]: unknown;
  readonly Id: string;
  readonly Type: string;
  readonly ContentType: string;
  readonly Content?: string;
}

export async function join({ hub }: Pick<Stage, 'hub'>, { key }: Pick<Talk, 'key'>, who: string): Promise<Ear> {
  const frames = openJournal<Frame>();
  let taken: Seat | undefined;
  const ear: Omit<Ear, 'seat'> = {
    frames: frames.all,
    closed: undefined,
    probes: 0,
    probe() {
      ear.probes += 1;
    },
    send: frames.add,
    close(code, reason) {
      ear.closed ??= { code, reason };
    },
    subscribe: () => taken?.received(subscribe),
    heard: () => frames.all.map((frame) => JSON.parse(String(frame))).flatMap((frame) => heardIn(frame)),
    lines: () =>
      ear.heard().map((item) => item.Content ?? item.ContentType.slice(item.ContentType.lastIndexOf('.') + 1)),
    async until(what, isIt) {
      await frames.until(what, () => isIt(ear.lines()));
      return ear.lines();
    },
  };
  const seat = await hub.join({ chatKey: key, participantId: who }, ear);
  assert('leave' in seat, `${who} was refused`);
  taken = seat;
  return Object.assign(ear, { seat });
}

function heardIn(frame: { topic: string; content: unknown }): Heard[] {
  return frame.topic === 'aws/chat' ? [JSON.parse(frame.content as string)] : [];
}

/** Items of the log, as a client tells them apart from typing and receipts. */
export function kept(ear: Ear): string[] {
  const passing = ['typing', 'metadata'];
  return ear
    .heard()
    .filter((item) => !passing.some((each) => item.ContentType.endsWith(`.${each}`)))
    .map((item) => item.Id);
}

/** A promise that the test keeps. */
export function gate(): { readonly closed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { closed: promise, open: resolve };
}

export async function subscribedEar(stage: Stage, talk: Talk, who: string): Promise<Ear> {
  const ear = await join(stage, talk, who);
  ear.subscribe();
  await quiet();
  return ear;
}

export const subscribe = JSON.stringify({ topic: 'aws/subscribe', content: { topics: ['aws/chat'] } });

/** Lets everything run that waits for nothing but the store: its reads take no turn of the event loop, its commits one. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** A test on a stage with one chat. */
export function staged(run: (stage: Stage, talk: Talk) => Promise<void>, settings: Partial<PushSettings> = {}) {
  return async () => {
    await using stage = openStage(settings);
    await run(stage, await openTalk(stage));
  };
}

/** Ways of a bus. */
export const lose: Stage['wire']['carry'] = () => {};
export const pass: Stage['wire']['carry'] = (news, on) => on(news);
