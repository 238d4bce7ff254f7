import type * as Nats from '@nats-io/transport-node';
import type { ChatKey } from '../domain/chat.ts';
import { type Ids, systemIds } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import { connectNats, type NatsAddress, natsAddress } from '../runtime/nats.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Bus } from './bus.ts';
import { decodeNews, encodeNews } from './codec.ts';
import { answered, hear, isSound, keepAsking, type Link, openLink, send, watch } from './link.ts';
import { openLocalBus } from './local.ts';
import { natsMetrics } from './nats-metrics.ts';

export interface NatsBusSettings {
  /** As in `natsAddress`; any of them will do. */
  readonly servers: readonly string[];
  /** Tells the installations that share the servers apart: letters, digits, `-` and `_`. */
  readonly prefix: string;
}

export interface NatsBusParts {
  readonly steady: Steady;
  readonly log: Log;
  readonly ids?: Pick<Ids, 'secret'>;
}

export interface NatsBus extends Bus {
  /** Whether news of other nodes come in, and own ones go out, as far as is known. */
  isConnected(): boolean;
  /** Calls whenever a connection is made after this, with all subscriptions in force: what came before may have been missed. */
  onReconnected(run: () => unknown): void;
  counts(): NatsBusCounts;
}

/** Since the start. */
export interface NatsBusCounts {
  /** News handed to the connection. */
  readonly published: number;
  /** News that were not: there was no connection, the server was too far behind, or they were too large. */
  readonly dropped: number;
  /** What came from other nodes; the next two are part of it. */
  readonly received: number;
  readonly malformed: number;
  /** In the words of another version. */
  readonly unknown: number;
  /** Connections made since the start, whether one was lost or there was none. */
  readonly reconnects: number;
}

/** Waits between attempts to connect: they double from the one to the other, and up to half of each is left to chance. Milliseconds. */
const shortestWait = 100;
const longestWait = 5_000;
/** How long the start waits for the connection, and the end for what was just published. Milliseconds. */
const startTimeout = 2_000;
const endTimeout = 2_000;
/**
 * How long a subscription waits for the server's answer. A server that needs longer is overloaded or gone, and the socket
 * that waits for this is better off with the sweep. Milliseconds.
 */
const subscribeTimeout = 2_000;
/** An eighth of what a NATS server takes by default. 32 Ki characters need 96 KiB of it, unless many are control characters. Bytes. */
const mostBytes = 128 * 1024;

interface State {
  readonly nats: typeof Nats;
  readonly address: NatsAddress;
  readonly parts: NatsBusParts & { readonly ids: Pick<Ids, 'secret'> };
  readonly local: Bus;
  readonly subjectOf: (chat: ChatKey) => string;
  /** Subscribers of this node. */
  readonly chats: Map<ChatKey, number>;
  readonly counts: { -readonly [Name in keyof NatsBusCounts]: number };
  readonly end: AbortController;
  link: Link | undefined;
  /** Subscribers may have come to rely on a connection. */
  hasStarted: boolean;
  reconnected: () => unknown;
}

/**
 * The bus of several nodes, over core NATS: news reach the subscribers of this node in the same process, as with
 * `openLocalBus`, and those of others through the server, which does not send them back. Without a server each node is
 * on its own, and looks for one for ever. Resolves once connected, or after 2 s without; throws for settings that cannot
 * be right.
 */
export async function openNatsBus(
  settings: NatsBusSettings,
  { steady, log, ids = systemIds() }: NatsBusParts,
): Promise<NatsBus> {
  const address = natsAddress(settings.servers);
  const subjectOf = subjects(settings.prefix);
  const state: State = {
    // Loaded here, so that a server on its own never loads it.
    nats: await import('@nats-io/transport-node'),
    address,
    parts: { steady, log, ids },
    local: openLocalBus(log),
    subjectOf,
    chats: new Map(),
    counts: { published: 0, dropped: 0, received: 0, malformed: 0, unknown: 0, reconnects: 0 },
    end: new AbortController(),
    link: undefined,
    hasStarted: false,
    reconnected: () => {},
  };
  const tried = Promise.withResolvers<void>();
  void stayConnected(state, tried.resolve);
  await within(startTimeout, tried.promise, steady);
  state.hasStarted = true;
  const isConnected = () => state.link !== undefined && isSound(state.link);
  return {
    publish(news) {
      if (state.end.signal.aborted) return;
      // Before own subscribers are told, who may publish in turn: no other node should hear that first.
      const bytes = state.link && encodeNews(news, Math.min(mostBytes, state.link.maxPayload));
      const isSent = state.link && bytes && send(state.link, subjectOf(news.chat), bytes);
      state.counts[isSent ? 'published' : 'dropped'] += 1;
      state.local.publish(news);
    },
    subscribe: (chat, heard) => subscribe(state, chat, heard),
    isConnected,
    onReconnected(run) {
      state.reconnected = run;
    },
    counts: () => ({ ...state.counts }),
    metrics: () => natsMetrics(state.counts, isConnected()),
    async [Symbol.asyncDispose]() {
      state.end.abort();
      await state.local[Symbol.asyncDispose]();
      if (!state.link) return;
      const { connection } = state.link;
      await within(endTimeout, answered(state.link), steady);
      await connection.close();
    },
  };
}

function subjects(prefix: string): (chat: ChatKey) => string {
  if (!/^[\w-]{1,64}$/.test(prefix)) {
    throw new Error(`"${prefix}" cannot be part of a NATS subject: give up to 64 letters, digits, - and _`);
  }
  return (chat) => `tertulia.${prefix}.chat.${chat}`;
}

async function subscribe(state: State, chat: ChatKey, heard: Parameters<Bus['subscribe']>[1]) {
  if (state.end.signal.aborted) throw new Error('the bus was closed');
  const { chats } = state;
  const count = chats.get(chat) ?? 0;
  chats.set(chat, count + 1);
  const { link } = state;
  if (link) {
    if (count === 0) hearFrom(state, link, chat);
    // Also where there was a subscription: what was published before may still be on its way.
    await within(subscribeTimeout, answered(link), state.parts.steady);
  }
  const own = await state.local.subscribe(chat, heard);
  let hasEnded = false;
  return {
    end() {
      own.end();
      if (hasEnded) return;
      hasEnded = true;
      const others = (chats.get(chat) ?? 0) - 1;
      if (others > 0) {
        chats.set(chat, others);
      } else {
        chats.delete(chat);
        state.link?.subscriptions.get(chat)?.unsubscribe();
        state.link?.subscriptions.delete(chat);
      }
    },
  };
}

function hearFrom({ counts, local, subjectOf }: State, link: Link, chat: ChatKey): void {
  hear(link, chat, subjectOf(chat), (payload) => {
    counts.received += 1;
    const news = decodeNews(payload, chat);
    if (typeof news === 'string') counts[news] += 1;
    else local.publish(news);
  });
}

/** Until the end. `tried` is called as soon as there is a connection, or no hope of one at once. */
async function stayConnected(state: State, tried: () => void): Promise<void> {
  const { steady, log } = state.parts;
  const { signal } = state.end;
  let [failures, hasComplained] = [0, false];
  while (!signal.aborted) {
    try {
      const connection = await connectNats(state.nats, state.address, { noEcho: true }, { steady, signal });
      const since = steady.now();
      hasComplained = false;
      const cause = await useUntilLost(state, connection, tried);
      if (!signal.aborted) log.warn({ err: cause }, 'the bus has lost its NATS server and looks for one');
      // A connection that is lost at once again and again must not become a storm of comparisons.
      if (steady.now() - since >= longestWait) failures = 0;
    } catch (failure) {
      if (!signal.aborted && !hasComplained) log.warn({ err: failure }, 'the bus has no NATS server and looks for one');
      hasComplained = true;
    }
    tried();
    await pause(state, failures);
    failures += 1;
  }
}

/** Resolves with what ended the connection. */
async function useUntilLost(state: State, connection: Nats.NatsConnection, tried: () => void): Promise<unknown> {
  const { steady, log } = state.parts;
  const link = openLink(connection);
  const stopAsking = keepAsking(link, steady);
  void watch(link, state.nats, log);
  for (const chat of state.chats.keys()) hearFrom(state, link, chat);
  state.link = link;
  // The end may have come while the connection was made.
  if (state.end.signal.aborted) void connection.close();
  const isInForce = await answered(link);
  if (isInForce && state.hasStarted && !state.end.signal.aborted) void announce(state);
  tried();
  const cause = await link.lost;
  stopAsking();
  state.link = undefined;
  return cause;
}

async function announce({ counts, reconnected, parts: { log } }: State): Promise<void> {
  counts.reconnects += 1;
  log.info({}, 'the bus is connected again');
  try {
    await reconnected();
  } catch (failure) {
    log.error({ err: failure }, 'what follows a reconnection of the bus failed');
  }
}

/** Between two attempts. */
async function pause({ parts: { steady, ids }, end: { signal } }: State, failures: number): Promise<void> {
  const longest = Math.min(longestWait, shortestWait * 2 ** Math.min(failures, 16));
  const chance = ids.secret(2).readUInt16BE() / 0x1_0000;
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      stop();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const stop = steady.after(longest * (1 - chance / 2), wake);
    signal.addEventListener('abort', wake);
  });
}

/** Resolves with the promise, or without it when the time is up. */
async function within(ms: number, promise: Promise<unknown>, steady: Steady): Promise<void> {
  const late = Promise.withResolvers<void>();
  const stop = steady.after(ms, late.resolve);
  await Promise.race([promise, late.promise]);
  stop();
}
