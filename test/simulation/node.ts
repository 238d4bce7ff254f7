import { contactRoutes } from '../../src/control/contacts.ts';
import { participantOf } from '../../src/domain/chat.ts';
import { unlimited } from '../../src/domain/quota.ts';
import { UnknownOutcome } from '../../src/domain/unknown-outcome.ts';
import { Fault } from '../../src/fault.ts';
import { openGate } from '../../src/http/gate.ts';
import { openPipeline } from '../../src/http/pipeline.ts';
import type { Reply, Request } from '../../src/http/request.ts';
import { openThrottle } from '../../src/http/throttle.ts';
import { openWorker } from '../../src/jobs/worker.ts';
import { registry } from '../../src/operations/registry.ts';
import { openWriter } from '../../src/operations/writer.ts';
import { type OutboxParts, openOutbox } from '../../src/outbox/worker.ts';
import { openHub, type Seat } from '../../src/push/hub.ts';
import type { Peer } from '../../src/push/room.ts';
import { defaultPushSettings } from '../../src/push/settings.ts';
import type { Log } from '../../src/runtime/log.ts';
import type { Store } from '../../src/store/store.ts';
import { openTokens, type SigningKey } from '../../src/tokens/tokens.ts';
import { noAttachments } from '../support/no-attachments.ts';
import type { Network } from './bus.ts';
import { type Random, seededIds } from './random.ts';
import { type Scheduler, steadyOf } from './scheduler.ts';
import { linkedStore, Outage } from './store.ts';
import type { Weather } from './weather.ts';

/** A node of the simulated service: all that a server is built of but its sockets, as often as it is started. */
export interface SimNode {
  readonly name: string;
  readonly isUp: () => boolean;
  start(): void;
  /** As kill -9: what it was about to do is never done. */
  kill(): void;
  cutBus(): void;
  healBus(): void;
  loseStore(): void;
  healStore(): void;
  /** Never answers if the node is killed meanwhile. */
  handle(request: Request): Promise<Reply>;
  /** A route of the control API. */
  control(method: string, path: string, input: object): Promise<{ readonly status: number; readonly body: object }>;
  /** An upgrade with the token of a socket's URL; undefined if it is refused. */
  upgrade(token: string, peer: Peer): Promise<Seat | undefined>;
  /** Called when it is killed. */
  onKilled(run: () => void): void;
}

export interface NodeParts {
  readonly name: string;
  readonly store: Store;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: () => Weather;
  readonly signing: SigningKey;
  /** The chats' time. */
  readonly now: () => number;
  readonly destinationOf: (isAlive: () => boolean) => OutboxParts['destinationOf'];
  readonly note: (what: string) => void;
  /** What a node's log says at its level error, unless an outage is to blame. */
  readonly complain: (what: string) => void;
}

type Running = ReturnType<typeof open>;

export function openNode(parts: NodeParts): SimNode {
  const { name } = parts;
  const state = { isCut: false, isAway: false };
  const note = (what: string) => parts.note(`${name}: ${what}`);
  const skew = (parts.random.share() - 0.5) * parts.weather().skewMs;
  let starts = 0;
  let running: Running | undefined;
  const up = (): Running => {
    if (!running) throw new Error(`${name} is down`);
    return running;
  };
  return {
    name,
    isUp: () => running !== undefined,
    start() {
      starts += 1;
      note('starts');
      running = open({ ...parts, note }, state, skew, starts);
    },
    kill() {
      note('is killed');
      running?.kill();
      running = undefined;
    },
    cutBus() {
      note('is cut off from the bus');
      state.isCut = true;
    },
    healBus() {
      note('is back on the bus');
      state.isCut = false;
      running?.resync();
    },
    loseStore() {
      note('is cut off from the store');
      state.isAway = true;
    },
    healStore() {
      note('is back at the store');
      state.isAway = false;
    },
    handle: (request) => up().handle(request),
    control: (method, path, input) => up().control(method, path, input),
    upgrade: (token, peer) => up().upgrade(token, peer),
    onKilled: (run) => up().onKilled(run),
  };
}

function open(parts: NodeParts, state: { isCut: boolean; isAway: boolean }, skew: number, starts: number) {
  const { network, scheduler, weather, note } = parts;
  const random = parts.random.fork(`${parts.name} ${starts}`);
  let isAlive = true;
  const living = () => isAlive;
  const killed: (() => void)[] = [];
  const clock = { now: () => Math.floor(parts.now() + skew), ahead: () => 0 };
  const steady = steadyOf(scheduler, living);
  const ids = seededIds(random.fork('ids'));
  const log: Log = {
    ...{ debug() {}, info() {}, warn: (fields, text) => note(`warns: ${text}${why(fields)}`) },
    error(fields, text) {
      note(`complains: ${text}${why(fields)}`);
      const { err } = fields as { err?: unknown };
      if (err instanceof Outage || err instanceof UnknownOutcome) return;
      parts.complain(`${parts.name} complains at ${clock.now()}: ${text}${why(fields)}`);
    },
  };
  const store = linkedStore(parts.store, {
    ...{ weather, scheduler, note, isAlive: living, isAway: () => state.isAway },
    random: random.fork('store'),
  });
  const bus = network.open({ isAlive: living, isCut: () => state.isCut });
  const outbox = openOutbox({
    ...{ store, clock, steady, ids, log, maxLanes: 1000 },
    destinationOf: parts.destinationOf(living),
  });
  const writer = openWriter(store, bus, ids, log, { eventDestinations: () => [], wake: outbox.wake });
  const tokens = openTokens([parts.signing]);
  const removeFiles = async () => 0;
  openWorker({ store, writer, attachments: noAttachments, removeFiles, clock, steady, ids, log });
  const settings = { ...defaultPushSettings, pageItems: 5, sweepChats: 2 };
  const hub = openHub({ store, bus, clock, steady, log, settings });
  const pipeline = openPipeline({
    ...{ operations: registry, clock, steady, ids, store, tokens, writer, log, version: 'simulated' },
    gate: openGate({ verifies: false, isDevelopment: true, pathPrefix: '' }, async () => undefined, store),
    throttle: openThrottle(unlimited, { rate: 1000, burst: 1000 }),
    settings: {
      ...{ concurrentChats: undefined, maxContentBytes: {}, hasScanner: false, hasBucket: () => false },
      ...{ isStreamTopic: () => true, attachmentUrl: () => '', webSocketUrl: (token) => `ws://node?token=${token}` },
    },
  });
  const routes = contactRoutes({
    ...{ store, writer, clock, ids, removeFiles },
    participantToken(chat, participantId) {
      const createdAt = participantOf(chat, participantId)?.createdAt ?? chat.createdAt;
      const identity = { ...chat, chatId: chat.id, chatKey: chat.key, participantId };
      return tokens.sign('participant', identity, createdAt, chat.expiresAt);
    },
  });
  outbox.start();
  return {
    handle: pipeline.handle,
    async control(method: string, path: string, input: object) {
      const route = routes.find(
        (each) => each.method === method && each.path === `/_tertulia/contacts/{ContactId}${path}`,
      );
      if (!route) throw new Error(`no route ${method} ${path}`);
      try {
        const { status, body } = await route.handle(input as never);
        return { status, body };
      } catch (failure) {
        const status = failure instanceof Fault ? failure.status : 500;
        return { status, body: { message: String(failure) } };
      }
    },
    async upgrade(token: string, peer: Peer): Promise<Seat | undefined> {
      const verdict = tokens.verify('socket', token, clock.now());
      if ('refused' in verdict) return undefined;
      const seat = await hub.join(verdict.identity, peer);
      return 'refused' in seat ? undefined : seat;
    },
    onKilled: (run: () => void) => void killed.push(run),
    resync: () => void hub.resync(),
    kill() {
      isAlive = false;
      void bus[Symbol.asyncDispose]();
      for (const run of killed) run();
    },
  };
}

function why(fields: object): string {
  return 'err' in fields ? `: ${fields.err}` : '';
}
