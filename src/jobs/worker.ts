import { attachmentsDue } from '../domain/attachments.ts';
import { type Chat, participantOf, type Step } from '../domain/chat.ts';
import type { TimedRole } from '../domain/idle.ts';
import { elapse, isToForget, timersDue } from '../domain/timers.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import { by, type Metric, plain } from '../runtime/metrics.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Due, Lease, Store } from '../store/store.ts';
import type { AttachmentJobs } from './attachments.ts';

/**
 * Does what the time alone makes due: chats that expire, customers who never came, tokens that are forgotten, files that
 * are scanned. What is due is a column of the chat's row, and doing it moves that column in the same commit; so it is
 * done once, and survives a restart.
 */
export interface Worker extends AsyncDisposable {
  /** Does everything that is due by now, in the order of (due, key), and what follows from that. Resolves to how much. */
  runDue(): Promise<number>;
  /** The same, and what the scanners that it asks answer is done, too. */
  settleDue(): Promise<number>;
  /** When something is due next, by the clock; with `past`, what is due by then left out. */
  nextDue(past?: number): Promise<number | undefined>;
  metrics(): readonly Metric[];
  /** What the store has to say of it. */
  dueMetrics(): Promise<readonly Metric[]>;
}

export interface WorkerParts {
  readonly store: Store;
  readonly writer: Writer;
  readonly attachments: AttachmentJobs;
  /** Removes all that was stored of a chat beside its rows. */
  readonly removeFiles: (chat: Chat) => Promise<unknown>;
  readonly clock: Clock;
  readonly steady: Steady;
  readonly ids: Ids;
  readonly log: Log;
  /** Of a store that several nodes share: which of them does what is due. */
  readonly lease?: Lease | undefined;
}

/** One indexed query a second; a chat's times are minutes and hours. */
const pollMs = 1000;
/** Rows removed by one statement: under 5 ms of the writer. */
const batch = 500;
/** Chats looked up by one query. */
const atOnce = 100;

export function openWorker(parts: WorkerParts): Worker {
  const { store, clock, steady, log } = parts;
  let running: Promise<number> | undefined;
  let isStopping = false;
  const counts = { done: 0, failed: 0 };

  async function run(): Promise<number> {
    let done = 0;
    // A chat that fails is passed over until the next round, so that it holds up no other.
    const failed = new Set<number>();
    for (;;) {
      const dues = (await store.due(clock.now(), atOnce + failed.size, parts.lease)).filter(
        ({ key }) => !failed.has(key),
      );
      if (dues.length === 0 || isStopping) break;
      for (const due of dues) {
        if (isStopping) break;
        try {
          await settle(parts, due);
          done += 1;
          counts.done += 1;
        } catch (failure) {
          counts.failed += 1;
          failed.add(due.key);
          log.error(
            { err: failure, chat: due.key },
            'what a chat was due for could not be done; it will be tried again',
          );
        }
      }
    }
    await forgetTokens(parts, () => isStopping);
    return done;
  }

  /** One run at a time; who comes during one gets another right after it. */
  async function runDue(): Promise<number> {
    while (running) await running.catch(() => {});
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  }

  const stopPolling = steady.every(pollMs, () => {
    if (!running) runDue().catch((failure: unknown) => log.error({ err: failure }, 'the timers could not be read'));
  });

  return {
    runDue,
    async settleDue() {
      const done = await runDue();
      await parts.attachments.idle();
      return done;
    },
    nextDue: (past) => store.nextDue(past),
    metrics: () => [
      {
        name: 'tertulia_jobs_total',
        help: 'What chats were due for: done, or failed and to be tried again.',
        kind: 'counter',
        values: by('outcome', counts),
      },
    ],
    dueMetrics: async () => [dueMetric(await store.nextDue(), clock)],
    async [Symbol.asyncDispose]() {
      isStopping = true;
      stopPolling();
      await running?.catch(() => {});
    },
  };
}

function dueMetric(next: number | undefined, clock: Clock): Metric {
  return {
    name: 'tertulia_jobs_oldest_due_seconds',
    help: 'How long the chat that is due for longest has been waiting.',
    kind: 'gauge',
    values: plain(next === undefined ? 0 : Math.max(0, clock.now() - next) / 1000),
  };
}

async function settle(
  { store, writer, attachments, removeFiles, clock, ids }: WorkerParts,
  { key }: Due,
): Promise<void> {
  const now = clock.now();
  const chat = await store.chat({ key });
  // A row without a document is one whose erasing was cut short.
  if (!chat) return erase(store, key);
  if (chat.erasingAt !== undefined) {
    await removeFiles(chat);
    return erase(store, key);
  }
  await attachments.settle(chat, now);
  // Its files alone were due, and settling them has moved the due time.
  if (attachmentsDue(chat) <= now && timersDue(chat) > now) return;
  if (isToForget(chat, now)) {
    // As it is after its files were settled: what that dropped is not to be kept.
    await attachments.sweep((await store.chat({ key })) ?? chat);
    while ((await store.forgetMessageTokens(key, batch)) === batch);
  }
  await writer.attempt({
    now,
    async decide() {
      const chat = await store.chat({ key });
      if (!chat) return { answer: {} };
      // Somebody was faster, or an older program reckoned otherwise: writing the chat puts its due time right.
      if (timersDue(chat) > now) return { change: { chat: { before: chat, after: chat } }, answer: {} };
      const step: Step = isToForget(chat, now)
        ? { chat: { ...chat, isForgotten: true }, items: [] }
        : elapse(chat, now, await heardIn(store, chat), ids.tail);
      if (step.chat === chat) throw new Error(`nothing follows from what chat ${chat.id} is due for`);
      const { items, events } = step;
      return { change: { chat: { before: chat, after: step.chat }, items }, events, answer: {} };
    },
  });
}

/**
 * When customer and agents last said something in their pairing, as far as it can matter. Read backwards until both are
 * found or their pairing begins; a silence is looked at once in its minutes, so a long read is rare.
 */
async function heardIn(store: Store, chat: Chat): Promise<Partial<Record<TimedRole, number>>> {
  const { pairing } = chat;
  if (!pairing) return {};
  const heard: Partial<Record<TimedRole, number>> = {};
  const wanted = Object.keys(pairing.roles).length;
  let before: number | undefined;
  while (Object.keys(heard).length < wanted) {
    const page = await store.items(chat.key, { after: pairing.since - 1, before, newestFirst: true, limit: batch });
    for (const { type, participantId, time } of page) {
      const role = type === 'EVENT' ? undefined : participantOf(chat, participantId ?? '')?.role;
      if ((role === 'CUSTOMER' || role === 'AGENT') && pairing.roles[role]) heard[role] ??= time;
    }
    if (page.length < batch) break;
    before = page.at(-1)?.time;
  }
  return heard;
}

async function erase(store: Store, key: number): Promise<void> {
  for (;;) {
    const erased = await store.erase({ key }, batch);
    if (!erased || erased.isDone) return;
  }
}

async function forgetTokens({ store, clock }: WorkerParts, isStopping: () => boolean): Promise<void> {
  while (!isStopping() && (await store.forgetTokens(clock.now(), batch)) === batch);
}
