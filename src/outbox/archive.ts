import { Readable } from 'node:stream';
import type { Blobs } from '../blobs/blobs.ts';
import type { Buckets } from '../blobs/buckets.ts';
import type { Archived, Chat } from '../domain/chat.ts';
import type { Item } from '../domain/item.ts';
import { addItems, type ChatMetrics, maxMeasured, metricsOf, openTally } from '../domain/metrics.ts';
import { type StoredObject, type StoredType, storageConfigIn, storageKind, storedTypes } from '../domain/storage.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';
import { contactRecord, recordKey } from '../wire/contact-record.ts';
import { transcriptHead, transcriptItems, transcriptKey, transcriptTail } from '../wire/transcript-file.ts';
import { Rejected } from './destination.ts';

/** What a chat leaves behind in the instance's buckets when it has ended: its transcript and its contact record. */

export interface ArchiveParts {
  readonly store: Pick<Store, 'chat' | 'items' | 'resource'>;
  readonly buckets: Buckets;
  readonly log: Log;
  readonly steady: Pick<Steady, 'soon'>;
  /** Breaks off what reads the chat. */
  readonly signal?: AbortSignal;
}

export interface ArchiveKeeping {
  readonly writer: Pick<Writer, 'attempt'>;
  readonly clock: Clock;
}

/** Items in memory at one time: a page of them has at most 8 MB of content. */
const page = 500;
const contentType = 'application/json';

/** Archives a chat, and has the chat say where. */
export async function archiveChat(parts: ArchiveParts & ArchiveKeeping, chat: Chat): Promise<void> {
  const archived = await archive(parts, chat);
  const { transcript, record } = chat.archived ?? {};
  if (archived.transcript === transcript && archived.record === record) return;
  await parts.writer.attempt({
    now: parts.clock.now(),
    async decide() {
      const before = await parts.store.chat({ key: chat.key });
      if (!before) return { answer: {} };
      return { change: { chat: { before, after: { ...before, archived } } }, answer: {} };
    },
  });
}

/**
 * Writes the transcript, once, and the contact record, each time, and resolves to what the chat is to say of them. Where
 * the instance has no storage configuration for one it is not written. Called again after a failure: what is written
 * twice replaces itself. Throws `Rejected` where a configured bucket is not mapped. A chat that goes on, or that is
 * being erased, is left alone.
 */
export async function archive(parts: ArchiveParts, chat: Chat): Promise<Archived> {
  const before = chat.archived ?? {};
  if (!chat.end || chat.erasingAt !== undefined) return before;
  let { transcript, record } = before;
  const failures: unknown[] = [];
  try {
    transcript ??= await writeTranscript(parts, chat);
  } catch (failure) {
    failures.push(failure);
  }
  // It does not wait for a bucket of transcripts that is gone, and gets the location with the next try.
  try {
    record = (await writeRecord(parts, chat, transcript)) ?? record;
  } catch (failure) {
    failures.push(failure);
  }
  if (await isGone(parts, chat)) {
    // Erasing removed what there was while this wrote more.
    await removeArchived(parts, { ...chat, archived: { transcript, record } });
    return {};
  }
  if (failures.length > 0) throw failures[0];
  return { transcript, record };
}

/**
 * Removes both objects, also those that were written without the chat knowing, as when a process died in between;
 * resolves to how many the chat knew of. What is in a bucket that is not mapped any more cannot be removed, which is
 * logged.
 */
export async function removeArchived(parts: ArchiveParts, chat: Chat): Promise<number> {
  const { transcript, record } = chat.archived ?? {};
  const known = [transcript, record].filter((each) => each !== undefined);
  const others = await Promise.all(storedTypes.map((type) => placeOf(parts, chat, type)));
  for (const { bucket, key } of [...known, ...others.filter((each) => each !== undefined)]) {
    const blobs = await parts.buckets.of(bucket);
    if (blobs) await blobs.remove(key);
    else
      parts.log.warn({ bucket, key }, 'an object of an erased chat is in a bucket that is not mapped: it stays there');
  }
  return known.length;
}

async function writeTranscript(parts: ArchiveParts, chat: Chat): Promise<StoredObject | undefined> {
  const place = await placeOf(parts, chat, 'CHAT_TRANSCRIPTS');
  if (!place) return undefined;
  const blobs = await bucketOf(parts, place, 'CHAT_TRANSCRIPTS');
  // An object has its length before its bytes: they are made twice rather than kept.
  let bytes = 0;
  for await (const piece of pieces(parts, chat)) bytes += piece.length;
  const source = Readable.from(pieces(parts, chat), { objectMode: false });
  try {
    const outcome = await blobs.put(place.key, source, { bytes, contentType });
    if (outcome !== 'stored') throw new Error(`the transcript changed while it was written: ${outcome}`);
    return place;
  } finally {
    source.destroy();
  }
}

async function writeRecord(
  parts: ArchiveParts,
  chat: Chat,
  transcript: StoredObject | undefined,
): Promise<StoredObject | undefined> {
  const configured = await placeOf(parts, chat, 'CONTACT_TRACE_RECORDS');
  if (!configured) return undefined;
  const earlier = chat.archived?.record;
  // Where it was written it is replaced, so that erasing finds every one.
  const place = earlier && parts.buckets.has(earlier.bucket) ? earlier : configured;
  const blobs = await bucketOf(parts, place, 'CONTACT_TRACE_RECORDS');
  const record = contactRecord(chat, await measured(parts, chat), transcript);
  await blobs.write(place.key, Buffer.from(JSON.stringify(record)), contentType);
  return place;
}

/** Where an object of that type is written, as the instance has it now. */
async function placeOf({ store }: ArchiveParts, chat: Chat, type: StoredType): Promise<StoredObject | undefined> {
  const config = storageConfigIn(await store.resource(storageKind, chat.instanceId, type));
  const key = type === 'CHAT_TRANSCRIPTS' ? transcriptKey : recordKey;
  return config && { bucket: config.bucket, key: key(config.prefix, chat) };
}

async function bucketOf({ buckets }: ArchiveParts, { bucket }: StoredObject, type: StoredType): Promise<Blobs> {
  const blobs = await buckets.of(bucket);
  if (blobs) return blobs;
  throw new Rejected(
    `bucket ${bucket}, which the instance has for ${type}, is not mapped to anything; name it in "buckets" of the configuration file, or choose another with UpdateInstanceStorageConfig`,
  );
}

async function isGone({ store }: ArchiveParts, { key }: Chat): Promise<boolean> {
  const chat = await store.chat({ key });
  return !chat || chat.erasingAt !== undefined;
}

/** Whoever reads a long chat leaves everybody else a turn between two pages. */
async function* pages({ store, steady, signal }: ArchiveParts, { key }: Chat): AsyncGenerator<readonly Item[]> {
  for (let after: number | undefined; ; ) {
    await new Promise<void>((resolve) => steady.soon(resolve));
    signal?.throwIfAborted();
    const items = await store.items(key, { after, newestFirst: false, limit: page });
    yield items;
    if (items.length < page) return;
    after = items.at(-1)?.time;
  }
}

async function* pieces(parts: ArchiveParts, chat: Chat): AsyncGenerator<Buffer> {
  yield Buffer.from(transcriptHead(chat));
  let between = '';
  for await (const items of pages(parts, chat)) {
    const texts = transcriptItems(chat, items);
    if (texts.length === 0) continue;
    yield Buffer.from(between + texts.join(','));
    between = ',';
  }
  yield Buffer.from(transcriptTail);
}

async function measured(parts: ArchiveParts, chat: Chat): Promise<ChatMetrics | undefined> {
  if (chat.last > maxMeasured) return undefined;
  let tally = openTally(chat);
  for await (const items of pages(parts, chat)) tally = addItems(chat, tally, items);
  return metricsOf(chat, tally);
}
