import type * as Nats from '@nats-io/transport-node';
import type { ChatKey } from '../domain/chat.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';

/**
 * One connection to a NATS server from its beginning to its end. The server answers in order, so that the answer to a
 * ping tells of all that was sent before it: that is how a subscription is known to be in force, how much the server
 * still owes is bounded, and how one that hangs is found out.
 */
export interface Link {
  readonly connection: Nats.NatsConnection;
  /** What the server takes of one message. Bytes. */
  readonly maxPayload: number;
  readonly subscriptions: Map<ChatKey, Nats.Subscription>;
  /** Resolves, with what ended it if that is known, when the connection has ended. */
  readonly lost: Promise<unknown>;
  /** Told true by the server's answer, false by the end of the connection. */
  readonly waiting: Set<(isAnswered: boolean) => void>;
  isLost: boolean;
  /** Published and not known to be taken. Bytes. */
  unanswered: number;
  isAsking: boolean;
  /** Rounds in a row that the server did not answer. */
  silentRounds: number;
  /** What the server does not allow, as it put it. */
  refused: string | undefined;
}

/** A server that has gone without a word is found out by the third round without an answer. Milliseconds. */
const askEvery = 5_000;
const mostSilentRounds = 2;
/** Published bytes after which the server is asked whether it has them: 30 ordinary messages cost one ping. */
const askAfterBytes = 16 * 1024;
/** Half a minute of a busy node. Past it news are dropped: their readers are better served by the log. Bytes. */
const mostUnansweredBytes = 16 * 1024 * 1024;

export function openLink(connection: Nats.NatsConnection): Link {
  const lost = connection.closed().then((cause) => {
    link.isLost = true;
    for (const tell of link.waiting) tell(false);
    return cause;
  });
  const link: Link = {
    connection,
    maxPayload: connection.info?.max_payload ?? 0,
    subscriptions: new Map(),
    lost,
    waiting: new Set(),
    isLost: false,
    unanswered: 0,
    isAsking: false,
    silentRounds: 0,
    refused: undefined,
  };
  return link;
}

/** Whether the server has all that was sent before; false if the connection ends first. Never rejects. */
export function answered(link: Link): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const tell = (isAnswered: boolean) => {
    link.waiting.delete(tell);
    resolve(isAnswered);
  };
  // The client would leave a ping without answer unsettled when the connection ends.
  if (link.isLost) tell(false);
  else link.waiting.add(tell);
  link.connection.flush().then(
    () => tell(true),
    () => tell(false),
  );
  return promise;
}

/** False if the message was dropped. Never throws. */
export function send(link: Link, subject: string, bytes: Uint8Array): boolean {
  if (link.unanswered + bytes.length > mostUnansweredBytes) return false;
  try {
    link.connection.publish(subject, bytes);
  } catch {
    // The connection has just ended.
    return false;
  }
  link.unanswered += bytes.length;
  if (link.unanswered >= askAfterBytes) void ask(link);
  return true;
}

/** The server will send what is published there from its next answer on. */
export function hear(link: Link, chat: ChatKey, subject: string, heard: (payload: Uint8Array) => void): void {
  try {
    const subscription = link.connection.subscribe(subject, {
      callback(failure, message) {
        // `watch` is told as well.
        if (!failure) heard(message.data);
      },
    });
    link.subscriptions.set(chat, subscription);
  } catch {
    // The connection has just ended; the next one hears of all chats.
  }
}

/** As far as is known, the server takes and gives all that it should. */
export function isSound({ isLost, refused, silentRounds }: Link): boolean {
  return !isLost && refused === undefined && silentRounds === 0;
}

/** Ends the connection once the server stays silent. Returns the way to stop. */
export function keepAsking(link: Link, steady: Steady): () => void {
  return steady.every(askEvery, () => {
    if (!link.isAsking) void ask(link);
    else if (link.silentRounds < mostSilentRounds) link.silentRounds += 1;
    else void link.connection.close();
  });
}

async function ask(link: Link): Promise<void> {
  if (link.isAsking) return;
  link.isAsking = true;
  const asked = link.unanswered;
  if (!(await answered(link))) return;
  link.isAsking = false;
  link.silentRounds = 0;
  link.unanswered -= asked;
  if (link.unanswered >= askAfterBytes) void ask(link);
}

/** The server's complaints, until the connection ends. */
export async function watch(link: Link, nats: typeof Nats, log: Log): Promise<void> {
  for await (const status of link.connection.status()) {
    if (status.type !== 'error') continue;
    if (status.error instanceof nats.PermissionViolationError) {
      // One is enough to know: each chat would give another.
      if (link.refused !== undefined) continue;
      const { operation, subject } = status.error;
      link.refused = `${operation} ${subject}`;
      log.error({ operation, subject }, 'the NATS server does not allow this; give the user both on tertulia.>');
    } else {
      log.warn({ err: status.error }, 'the NATS server complains');
    }
  }
}
