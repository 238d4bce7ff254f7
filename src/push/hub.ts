import type { Bus, Subscription } from '../bus/bus.ts';
import type { ChatKey } from '../domain/chat.ts';
import { type Departure, departure } from '../domain/participant.ts';
import type { Log } from '../runtime/log.ts';
import type { Metric } from '../runtime/metrics.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';
import { openLimit, openTurn } from './pace.ts';
import { openPushCounts, pushMetrics } from './push-counts.ts';
import {
  compare,
  hear,
  learn,
  type Member,
  type Node,
  openRoom,
  type Peer,
  type Room,
  receive,
  Stopping,
  tell,
} from './room.ts';
import { openSession } from './session.ts';
import type { PushSettings } from './settings.ts';

/**
 * Brings what is committed to the sockets of this node. It listens to the bus for the chats it holds sockets of, and
 * compares those that are quiet with the store now and then, so that a lost doorbell costs time and nothing else.
 */
export interface Hub extends AsyncDisposable {
  /**
   * Lets a socket in. What is committed after this resolves is delivered to it, once it subscribes. Refused if the
   * participant has gone meanwhile; rejects if bus or store fail, and with `Stopping`.
   */
  join(who: Joining, peer: Peer): Promise<Seat | Departure>;
  /** Compares all local chats with the store now, after the bus was away. Resolves when they are compared. */
  resync(): Promise<void>;
  /**
   * Closes all sockets, one after the other, evenly over so long: their clients come back at once, and go to other
   * nodes. Until its turn each gets what is committed.
   */
  drain(overMs: number): Promise<void>;
  /** Resolves when nothing is on its way to the sockets any more. */
  settled(): Promise<void>;
  metrics(): readonly Metric[];
}

/** Whose socket it is: an identity that was verified. */
export interface Joining {
  readonly chatKey: ChatKey;
  readonly participantId: string;
}

/** A socket's place in the hub. */
export interface Seat {
  /** The client sent a frame; without text, one of a kind that means nothing here. */
  received(text?: string): void;
  /** The socket is closed, or about to be. */
  leave(): void;
}

export interface HubParts {
  readonly store: Pick<Store, 'chat' | 'items' | 'marks' | 'positions'>;
  readonly bus: Bus;
  readonly clock: Node['clock'];
  readonly steady: Steady;
  readonly log: Log;
  readonly settings: PushSettings;
}

interface State {
  readonly parts: HubParts;
  readonly node: Node;
  readonly places: Map<ChatKey, Place>;
  /** What the end waits for. */
  readonly running: Set<Promise<unknown>>;
  sweeping: Promise<void> | undefined;
  isStopping: boolean;
}

interface Place {
  readonly room: Room;
  readonly subscription: Promise<Subscription>;
  /** Sockets on their way in. */
  joining: number;
}

export function openHub(parts: HubParts): Hub {
  const { store, clock, steady, log, settings } = parts;
  const limit = openLimit(settings.readsAtOnce);
  const node: Node = {
    store,
    clock,
    counts: openPushCounts(),
    steady,
    log,
    settings,
    turn: openTurn(steady, settings.sendsPerTurn),
    read: (run) =>
      limit(async () => {
        if (state.isStopping) throw new Stopping('the server is stopping');
        return run();
      }),
    keep: (running) => void kept(state, running),
  };
  const state: State = {
    parts,
    node,
    places: new Map(),
    running: new Set(),
    sweeping: undefined,
    isStopping: false,
  };
  const stopSweeping = steady.every(settings.sweepMs, () => void sweep(state));
  return {
    join: (who, peer) => kept(state, join(state, who, peer)),
    async resync() {
      await state.sweeping;
      for (const { room } of state.places.values()) room.isHeard = false;
      await sweep(state);
    },
    drain: (overMs) => drain(state, overMs),
    async settled() {
      while (state.running.size > 0) await Promise.allSettled(state.running);
    },
    metrics: () => pushMetrics(node.counts, standing(state)),
    async [Symbol.asyncDispose]() {
      stopSweeping();
      await stop(state);
    },
  };
}

function standing({ places }: State): { rooms: number; subscribed: number } {
  let subscribed = 0;
  for (const { room } of places.values()) {
    for (const { session } of room.members) if (session.state === 'subscribed') subscribed += 1;
  }
  return { rooms: places.size, subscribed };
}

async function join(state: State, { chatKey, participantId }: Joining, peer: Peer): Promise<Seat | Departure> {
  const { node } = state;
  if (state.isStopping) throw new Stopping('the server is stopping');
  const place = placeOf(state, chatKey);
  const { room } = place;
  place.joining += 1;
  try {
    await place.subscription;
    // In this order: what is committed before the read is in `last`, what is committed after it is heard.
    const chat = await node.read(() => node.store.chat({ key: chatKey }));
    if (state.isStopping) throw new Stopping('the server is stopping');
    if (!chat) return { refused: 'no-participant' };
    const gone = departure(chat, participantId);
    if (gone) return gone;
    const cursor = { number: chat.last, time: chat.lastTime };
    const session = openSession(participantId, cursor, node.steady.now());
    const member: Member = { session, peer, expiry: undefined, since: Number.POSITIVE_INFINITY };
    room.members.add(member);
    learn(room, chat);
    return {
      received: (text) => receive(room, member, text),
      leave() {
        member.expiry?.();
        room.members.delete(member);
        release(state, place);
      },
    };
  } finally {
    place.joining -= 1;
    release(state, place);
  }
}

function placeOf(state: State, key: ChatKey): Place {
  const known = state.places.get(key);
  if (known) return known;
  const room = openRoom(key, state.node);
  const place: Place = { room, subscription: state.parts.bus.subscribe(key, (news) => hear(room, news)), joining: 0 };
  state.places.set(key, place);
  return place;
}

/** Ends the subscription with the last socket. */
function release({ places }: State, place: Place): void {
  const { room } = place;
  if (room.members.size > 0 || place.joining > 0 || places.get(room.key) !== place) return;
  places.delete(room.key);
  endSubscription(place);
}

function endSubscription({ room, subscription }: Place): void {
  room.patience?.();
  subscription.then(
    (each) => each.end(),
    () => {}, // Whoever was to join has been told.
  );
}

/** Compares the quiet chats with the store, slice by slice. One at a time; a sweep that is late is skipped. */
function sweep(state: State): Promise<void> {
  state.sweeping ??= kept(state, sweepOnce(state)).finally(() => {
    state.sweeping = undefined;
  });
  return state.sweeping;
}

async function sweepOnce({ parts, node, places }: State): Promise<void> {
  const { sweepChats } = parts.settings;
  const quiet = [...places.keys()].filter((key) => !places.get(key)?.room.isHeard);
  for (const { room } of places.values()) room.isHeard = false;
  try {
    for (let from = 0; from < quiet.length; from += sweepChats) {
      if (from > 0) await node.turn.next();
      const positions = await node.read(() => parts.store.positions(quiet.slice(from, from + sweepChats)));
      for (const position of positions) {
        const room = places.get(position.key)?.room;
        if (room) compare(room, position);
      }
    }
    node.counts.sweeps.done += 1;
  } catch (failure) {
    if (failure instanceof Stopping) return;
    node.counts.sweeps.failed += 1;
    node.log.warn({ err: failure }, 'quiet chats could not be compared with the store');
  }
}

async function drain({ places, node: { steady } }: State, overMs: number): Promise<void> {
  const seats = [...places.values()].flatMap(({ room }) => [...room.members].map((member) => ({ room, member })));
  const began = steady.now();
  for (const [index, { room, member }] of seats.entries()) {
    const wait = began + (overMs * index) / seats.length - steady.now();
    if (wait > 0) await new Promise<void>((resolve) => steady.after(wait, resolve));
    if (room.members.has(member)) tell(room, member, { kind: 'stopping' });
  }
}

async function stop(state: State): Promise<void> {
  state.isStopping = true;
  for (const place of state.places.values()) {
    for (const member of place.room.members) {
      member.expiry?.();
      tell(place.room, member, { kind: 'stopping' });
    }
    endSubscription(place);
  }
  await Promise.allSettled(state.running);
}

function kept<T>(state: State, running: Promise<T>): Promise<T> {
  const done = () => void state.running.delete(running);
  state.running.add(running);
  void running.then(done, done);
  return running;
}
