import assert from 'node:assert/strict';
import { openLocalBus } from '../../src/bus/local.ts';
import { type Chat, end } from '../../src/domain/chat.ts';
import * as contentType from '../../src/domain/content-type.ts';
import { itemId } from '../../src/domain/item.ts';
import { startStream, stopStream } from '../../src/domain/streams.ts';
import { openWriter, type Writer } from '../../src/operations/writer.ts';
import { type Parcel, Rejected } from '../../src/outbox/destination.ts';
import { type Outbox, type OutboxParts, openOutbox, type Way } from '../../src/outbox/worker.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import type { Lane } from '../../src/store/lanes.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { newChatAt } from './chat.ts';
import { type ManualSteady, manualSteady } from './steady.ts';

/** The outbox over a real store and writer, with a clock moved by hand and destinations that are functions of a test. */

export const noon = 1_769_860_800_000;
const ids = systemIds();

export type Deliver = (parcel: Parcel, signal: AbortSignal) => Promise<void> | void;

export interface OutboxRig {
  readonly store: ReturnType<typeof openSqlite>;
  readonly time: { now: number };
  readonly steady: ManualSteady;
  readonly writer: Writer;
  readonly outbox: Outbox;
  /** What a topic does with a parcel; what has none takes it. */
  readonly topics: Map<string, Deliver>;
  /** Topics that nothing is configured for. */
  readonly unknown: Set<string>;
  /** Attempts, in the order of their beginning. */
  readonly tried: Parcel[];
  /** What was taken, in that order. */
  readonly taken: Parcel[];
  /** Resolves once it is so; looked at whenever an attempt begins or ends. */
  until(isSo: () => boolean): Promise<void>;
  /** Another worker on the same store, begun unless it `starts` not. */
  another(more?: Partial<OutboxParts>, starts?: boolean): Outbox;
  chat(streams?: readonly string[]): Promise<Chat>;
  stream(chat: Chat, topic: string): Promise<string>;
  stop(chat: Chat, id: string): Promise<void>;
  say(chat: Chat, ...contents: readonly string[]): Promise<void>;
  typing(chat: Chat): Promise<void>;
  end(chat: Chat): Promise<void>;
  lane(chat: Chat, index?: number): Promise<Lane>;
}

export interface RigOptions extends Partial<OutboxParts> {
  /** Stands before the store for the worker alone. */
  readonly wrap?: (store: Store) => Store;
  readonly limitMs?: number;
}

export async function withOutbox(run: (rig: OutboxRig) => Promise<void>, options: RigOptions = {}): Promise<void> {
  const { wrap = (store: Store) => store, limitMs = 10_000, ...more } = options;
  await using store = openSqlite(':memory:', systemSteady);
  const time = { now: noon };
  const steady = manualSteady();
  const outside = destinations(limitMs);
  const parts = { clock: { now: () => time.now }, steady, ids, log: silentLog, maxLanes: 1000, ...outside.parts };
  await using outbox = openOutbox({ store: wrap(store), ...parts, ...more });
  outbox.start();
  // Nobody rings: a test says when the worker looks.
  const writer = openWriter(store, openLocalBus(silentLog), ids, silentLog);
  const another = (other: Partial<OutboxParts> = {}, starts = true) => {
    const opened = openOutbox({ store, ...parts, ...other });
    if (starts) opened.start();
    return opened;
  };
  await run({ store, time, steady, writer, outbox, another, ...outside, ...chats(store, writer, time) });
}

function destinations(limitMs: number) {
  const topics = new Map<string, Deliver>();
  const unknown = new Set<string>();
  const tried: Parcel[] = [];
  const taken: Parcel[] = [];
  const waiting = new Map<() => boolean, () => void>();
  const changed = () => {
    for (const [isSo, resolve] of waiting) if (isSo()) resolve();
  };
  const deliver = async (parcel: Parcel, signal: AbortSignal) => {
    tried.push(parcel);
    changed();
    try {
      await topics.get(parcel.topic)?.(parcel, signal);
      taken.push(parcel);
    } finally {
      changed();
    }
  };
  const archive = async () => {};
  const destinationOf = async ({ kind, destination }: Lane): Promise<Way | undefined> =>
    unknown.has(destination)
      ? undefined
      : { destination: { deliver: kind === 'archive' ? archive : deliver }, limitMs };
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      if (isSo()) resolve();
      else waiting.set(isSo, resolve);
    });
  return { topics, unknown, tried, taken, until, parts: { destinationOf } };
}

function chats(store: Store, writer: Writer, time: { now: number }) {
  const now = async ({ key }: Pick<Chat, 'key'>) => {
    const chat = await store.chat({ key });
    assert(chat);
    return chat;
  };
  const stream = async (chat: Chat, topic: string) => {
    const answer = await writer.attempt({
      now: time.now,
      async decide() {
        const before = await now(chat);
        const step = startStream(before, { id: ids.uuid(), topic, startedAt: time.now });
        assert('chat' in step);
        return { change: { chat: { before, after: step.chat } }, answer: { id: step.stream.id } };
      },
    });
    return answer.id;
  };
  return {
    stream,
    async chat(streams: readonly string[] = ['topic']) {
      const participants = (['customer', 'bot'] as const).map((id) => ({
        ...{ id, displayName: id, createdAt: time.now, connectedAt: time.now },
        role: id === 'bot' ? ('CUSTOM_BOT' as const) : ('CUSTOMER' as const),
      }));
      const outcome = await store.commit({
        now: time.now,
        chat: { created: newChatAt(time.now, { id: ids.uuid(), participants }) },
      });
      assert('done' in outcome && outcome.chat);
      for (const topic of streams) await stream(await now(outcome.chat), topic);
      return now(outcome.chat);
    },
    async stop(chat: Chat, id: string) {
      await writer.attempt({
        now: time.now,
        async decide() {
          const before = await now(chat);
          const after = stopStream(before, id, time.now);
          assert(after);
          return { change: { chat: { before, after } }, answer: {} };
        },
      });
    },
    async say(chat: Chat, ...contents: readonly string[]) {
      const said = contents.map((content) =>
        writer.append({
          chat: chat.key,
          author: 'customer',
          now: time.now,
          item: { tail: ids.tail(), type: 'MESSAGE', contentType: 'text/plain', content, participantId: 'customer' },
          token: { value: ids.uuid(), request: content },
        }),
      );
      for (const outcome of await Promise.all(said)) assert('done' in outcome);
    },
    async typing(chat: Chat) {
      const event = { contentType: contentType.typing, participantId: 'customer' };
      await writer.pass(await now(chat), { ...event, id: itemId(time.now, ids.tail()), time: time.now });
    },
    async end(chat: Chat) {
      await writer.attempt({
        now: time.now,
        async decide() {
          const before = await now(chat);
          const { chat: after, items } = end(before, 'API', time.now, ids.tail);
          return { change: { chat: { before, after }, items }, answer: {} };
        },
      });
    },
    async lane(chat: Chat, index = 0) {
      const found = (await store.lanesOf(chat.key))[index];
      assert(found);
      return found;
    },
  };
}

/** What a parcel tells: the content of a message, or the last word of an event's content type. */
export function told({ body }: Parcel): string {
  const { Content, ContentType } = JSON.parse(body);
  return Content ?? ContentType.split('event.').at(-1);
}

export const fails: Deliver = () => {
  throw new Error('connection refused');
};

export const rejects: Deliver = () => {
  throw new Rejected('403 from the receiver');
};

/** Answers nothing until it is broken off. */
export const hangs: Deliver = (_, signal) =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
