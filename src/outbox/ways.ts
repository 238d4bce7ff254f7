import type { Chat } from '../domain/chat.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Lane } from '../store/lanes.ts';
import type { Destination } from './destination.ts';
import { type EventTarget, eventTargets, type StreamTarget, streamTarget, type Targets } from './targets.ts';
import type { OutboxParts, Way } from './worker.ts';

/** Where lanes lead, by the configuration as it is now: a lane may be older. */
export interface Ways extends AsyncDisposable {
  readonly isStreamTopic: (topic: string) => boolean;
  /** Names of the destinations that the contact events of an instance go to. */
  readonly eventDestinations: (of: Pick<Chat, 'region' | 'account' | 'instanceId'>) => readonly string[];
  readonly destinationOf: OutboxParts['destinationOf'];
}

/** Others answer within this or are tried again. */
const limitMs = 10_000;
/** A Lambda function or a process does its work before it answers. */
const programLimitMs = 60_000;
/** A transcript is written whole, and may have gigabytes. */
const archiveLimitMs = 15 * 60_000;

/** `open` makes a destination of what is configured, at its first use; `archive` writes what an ended chat leaves. */
export function openWays(
  targets: Targets,
  open: (target: StreamTarget | EventTarget) => Promise<Destination>,
  archive: (chat: Chat, signal: AbortSignal) => Promise<void>,
  steady: Pick<Steady, 'after'>,
): Ways {
  const opened = new Map<StreamTarget | EventTarget, Promise<Destination>>();

  function destinationFor(target: StreamTarget | EventTarget): Promise<Destination> {
    const known = opened.get(target);
    if (known) return known;
    const opening = open(target);
    opened.set(target, opening);
    // What cannot be opened now is opened with the next try.
    opening.catch(() => opened.delete(target));
    return opening;
  }

  async function destinationOf(lane: Lane, chat: Chat): Promise<Way | undefined> {
    if (lane.kind === 'archive') {
      const deliver: Destination['deliver'] = (_, signal) => orAborted(archive(chat, signal), signal, steady);
      return { destination: { deliver }, limitMs: archiveLimitMs };
    }
    const target =
      lane.kind === 'stream'
        ? streamTarget(targets, lane.destination)
        : targets.contactEvents.find((each) => each.target === lane.destination);
    if (!target) return undefined;
    const isProgram = target.kind === 'lambda' || target.kind === 'process';
    return { destination: await destinationFor(target), limitMs: isProgram ? programLimitMs : limitMs };
  }

  return {
    isStreamTopic: (topic) => streamTarget(targets, topic) !== undefined,
    eventDestinations({ region, account, instanceId }) {
      if (targets.contactEvents.length === 0) return [];
      const arn = `arn:aws:connect:${region}:${account}:instance/${instanceId}`;
      return eventTargets(targets, arn).map(({ target }) => target);
    },
    destinationOf,
    async [Symbol.asyncDispose]() {
      // At once: each may take as long as a connection that is gone.
      const closed = await Promise.allSettled(
        [...opened.values()].map(async (opening) => (await opening.catch(() => undefined))?.[Symbol.asyncDispose]()),
      );
      for (const each of closed) if (each.status === 'rejected') throw each.reason;
    },
  };
}

/**
 * A file that is being written is waited for a little, because a folder takes milliseconds and is closed after this; a
 * bucket that hangs is not: what is written again replaces itself.
 */
const archiveGraceMs = 2000;

async function orAborted(work: Promise<void>, signal: AbortSignal, steady: Pick<Steady, 'after'>): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  let callOff = () => {};
  const abort = () => {
    callOff = steady.after(archiveGraceMs, () => reject(signal.reason));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    callOff();
    signal.removeEventListener('abort', abort);
  }
}
