import type { Blobs, OpenBlob } from '../blobs/blobs.ts';
import {
  attachmentOf,
  attachmentsDue,
  beginScans,
  type ChatAttachment,
  dropLapsed,
  dueScans,
  failScan,
  judge,
  objectKey,
  objectPrefix,
  scanLimit,
} from '../domain/attachments.ts';
import type { Chat, Step } from '../domain/chat.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';
import type { Scanner, Verdict } from './scanner.ts';

/** What the time makes due for the files of chats, and what removes them. */
export interface AttachmentJobs extends AsyncDisposable {
  /** Drops what nobody completed, and has files scanned, without waiting for the scanner. */
  settle(chat: Chat, now: number): Promise<void>;
  /** Removes the objects of a chat that no attachment of it names: of uploads cut short by a crash. */
  sweep(chat: Chat): Promise<void>;
  /** Removes all objects below that; resolves to how many. */
  removeBelow(prefix: string): Promise<number>;
  /** Resolves when no scanner is at work. */
  idle(): Promise<void>;
}

export interface AttachmentParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly steady: Steady;
  readonly ids: Ids;
  readonly log: Log;
  readonly scanner: Scanner | undefined;
}

/** Scans at one time: each holds a file or a connection, and a scanner has no more cores than that. */
const mostScans = 8;
const page = 1000;

export function openAttachmentJobs(parts: AttachmentParts): AttachmentJobs {
  const { store, blobs, writer, ids, log } = parts;
  const running = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  const stopping = new AbortController();
  let active = 0;

  function begin(chat: Chat, attachment: ChatAttachment): void {
    if (running.has(attachment.id)) return;
    const run = inTurn(() => scan(chat, attachment))
      .catch((failure: unknown) =>
        log.error(
          { err: failure, attachment: attachment.id },
          'the result of a scan could not be kept; it is done again',
        ),
      )
      .finally(() => running.delete(attachment.id));
    running.set(attachment.id, run);
  }

  async function inTurn(run: () => Promise<void>): Promise<void> {
    while (active >= mostScans) await new Promise<void>((resolve) => waiting.push(resolve));
    active += 1;
    try {
      if (!stopping.signal.aborted) await run();
    } finally {
      active -= 1;
      waiting.shift()?.();
    }
  }

  async function scan(chat: Chat, attachment: ChatAttachment): Promise<void> {
    const { id, object } = attachment;
    let verdict: Verdict | undefined;
    try {
      verdict = await ask(parts, objectKey(chat.id, object ?? ''), attachment, stopping.signal);
    } catch (failure) {
      // What a shutdown cut short is no failure: it is done again after the start.
      if (stopping.signal.aborted) return;
      log.error({ err: failure, attachment: id }, 'the scanner gave no answer about an attachment');
    }
    const { isRejected } = await change(chat.key, (current, now) => {
      const step = verdict ? judge(current, id, verdict, ids.tail) : failScan(current, id, now, ids.tail);
      return { step, answer: { isRejected: attachmentOf(step.chat, id)?.status === 'REJECTED' } };
    });
    if (isRejected && object) await discard(chat.id, object);
  }

  /** What a rule makes of a chat; of one that is there no more nothing. */
  async function change<A extends Record<string, unknown>>(
    key: number,
    rule: (chat: Chat, now: number) => { readonly step: Step; readonly answer: A },
  ): Promise<Partial<A>> {
    const now = parts.clock.now();
    return writer.attempt<Partial<A>>({
      now,
      async decide() {
        const chat = await store.chat({ key });
        if (!chat) return { answer: {} };
        const { step, answer } = rule(chat, now);
        if (step.chat === chat) return { answer };
        return { change: { chat: { before: chat, after: step.chat }, items: step.items }, answer };
      },
    });
  }

  /** What cannot be removed now is removed by `sweep`. */
  async function discard(chatId: string, object: string): Promise<void> {
    await blobs.remove(objectKey(chatId, object)).catch((failure: unknown) => {
      log.warn(
        { err: failure, chat: chatId },
        'the file of an attachment could not be removed; it is tried again later',
      );
    });
  }

  async function remove(prefix: string, isKept: (key: string) => boolean): Promise<number> {
    let removed = 0;
    for (let after = ''; ; ) {
      const keys = await blobs.list(prefix, page, after);
      for (const key of keys.filter((each) => !isKept(each))) {
        await blobs.remove(key);
        removed += 1;
      }
      if (keys.length < page) return removed;
      after = keys.at(-1) ?? '';
    }
  }

  return {
    async settle(chat, now) {
      if (attachmentsDue(chat) > now) return;
      const { due = [], dropped = [] } = await change(chat.key, (current) => {
        const lapsed = dropLapsed(current, now);
        return {
          step: { chat: beginScans(lapsed.chat, now), items: [] },
          answer: { due: dueScans(lapsed.chat, now), dropped: lapsed.dropped },
        };
      });
      for (const { object } of dropped) if (object) await discard(chat.id, object);
      for (const each of due) begin(chat, each);
    },
    async sweep(chat) {
      if (!chat.attachments) return;
      const kept = new Set(chat.attachments.map(({ object }) => object && objectKey(chat.id, object)));
      await remove(objectPrefix(chat.id), (key) => kept.has(key));
    },
    removeBelow: (prefix) => remove(prefix, () => false),
    async idle() {
      while (running.size > 0) await Promise.all(running.values());
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

/** What the scanner says of a file within its time. Without a scanner everything is approved. */
async function ask(
  { blobs, steady, scanner }: AttachmentParts,
  key: string,
  { name, contentType, bytes }: ChatAttachment,
  stopping: AbortSignal,
): Promise<Verdict> {
  if (!scanner) return 'APPROVED';
  const limit = new AbortController();
  const stop = steady.after(scanLimit, () => limit.abort());
  let blob: OpenBlob | undefined;
  try {
    blob = await blobs.open(key);
    if (!blob) throw new Error('its file is gone');
    const signal = AbortSignal.any([limit.signal, stopping]);
    return await scanner({ name, contentType, bytes, stream: blob.stream }, signal);
  } catch (failure) {
    throw limit.signal.aborted ? new Error(`it took more than ${scanLimit / 1000} s`) : failure;
  } finally {
    stop();
    blob?.stream.destroy();
  }
}
