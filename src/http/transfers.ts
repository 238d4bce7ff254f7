import type { Readable } from 'node:stream';
import type { Blobs } from '../blobs/blobs.ts';
import { isSameType } from '../domain/attached-files.ts';
import { attachmentOf, type ChatAttachment, objectKey, uploadAttachment } from '../domain/attachments.ts';
import type { Chat } from '../domain/chat.ts';
import { disposition } from '../domain/file-name.ts';
import { absence } from '../domain/participant.ts';
import { Fault, serviceFault } from '../fault.ts';
import { type Grant, grantOf, type TransferKind } from '../operations/attachment-urls.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { corsHeaders } from './cors.ts';
import { faultReply } from './reply.ts';
import { type Head, headerOf, type StreamReply } from './request.ts';

/** Where the bytes of attachments are put and fetched, below the public URL; the id follows, and the token is the query. */
export const attachmentsPath = '/participant/attachments';

export interface TransferParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly writer: Writer;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

/** Takes and gives the bytes of attachments, from and to whoever has a URL that this server handed out. */
export interface Transfers extends AsyncDisposable {
  /** Undefined for a request that is none of its own; `body` is then untouched. */
  answer(request: Head, body: Readable): Promise<StreamReply> | undefined;
}

const kinds: Readonly<Record<string, TransferKind>> = { PUT: 'upload', GET: 'download' };
const pattern = new RegExp(`^${attachmentsPath}/([0-9a-f-]{36})$`);

export function openTransfers(parts: TransferParts): Transfers {
  const running = new Set<Promise<StreamReply>>();

  async function transfer(kind: TransferKind, id: string, request: Head, body: Readable): Promise<StreamReply> {
    try {
      const grant = granted(parts, kind, id, request);
      return await (kind === 'upload' ? upload(parts, grant, id, request, body) : download(parts, grant, id, request));
    } catch (failure) {
      if (failure instanceof Fault) return faultReply(request.id, failure);
      parts.log.error({ err: failure, requestId: request.id, attachment: id }, `the ${kind} of an attachment failed`);
      const message = `The ${kind} failed; the log says why under request id ${request.id}.`;
      return faultReply(request.id, serviceFault('participant', 'InternalServerException', message));
    }
  }

  return {
    answer(request, body) {
      const kind = kinds[request.method];
      // The path as it came, too: a public URL may end as this path begins.
      const [, id] = pattern.exec(request.path) ?? pattern.exec(`${request.prefix}${request.path}`) ?? [];
      if (!kind || id === undefined) return undefined;
      const run = transfer(kind, id, request, body);
      running.add(run);
      return run.finally(() => running.delete(run));
    },
    async [Symbol.asyncDispose]() {
      // Their connections are closed by then: what they had begun they undo.
      await Promise.allSettled(running);
    },
  };
}

function granted({ tokens, clock }: TransferParts, kind: TransferKind, id: string, { query }: Head): Grant {
  const grant = grantOf(tokens, kind, id, new URLSearchParams(query).get('token') ?? '');
  const operation = kind === 'upload' ? 'StartAttachmentUpload' : 'GetAttachment';
  if (!grant) throw denied(`This is not a URL for the ${kind} of an attachment as ${operation} answered it.`);
  if (clock.now() < grant.until) return grant;
  throw denied(`The URL expired at ${new Date(grant.until).toISOString()}; get a new one from ${operation}.`);
}

/** What the URL is about; 404 if it was erased, or dropped because nobody completed it. */
async function found(
  { store }: TransferParts,
  grant: Grant,
  id: string,
): Promise<{ chat: Chat; attachment: ChatAttachment }> {
  const chat = await store.chat({ key: grant.chatKey });
  const attachment = chat?.id === grant.chatId ? attachmentOf(chat, id) : undefined;
  if (chat && attachment) return { chat, attachment };
  throw serviceFault('participant', 'ResourceNotFoundException', `There is no attachment ${id} any more.`, {
    ResourceId: id,
    ResourceType: 'ATTACHMENT',
  });
}

async function upload(
  parts: TransferParts,
  grant: Grant,
  id: string,
  request: Head,
  body: Readable,
): Promise<StreamReply> {
  const { chat, attachment } = await found(parts, grant, id);
  const { bytes, contentType } = attachment;
  demandTaken(chat, attachment, parts.clock.now());
  demandDeclared(attachment, request);
  // Every upload has an object of its own: none can change what another has completed.
  const object = `${id}-${parts.ids.uuid()}`;
  const outcome = await parts.blobs.put(objectKey(chat.id, object), body, { bytes, contentType });
  if (outcome !== 'stored') throw wrongSize(attachment);
  const replaced = await record(parts, grant, id, object);
  if (replaced) await discard(parts, chat.id, replaced);
  return { status: 200, headers: { ...corsHeaders, 'x-amzn-requestid': request.id }, body: '' };
}

/** Makes the object the attachment's bytes, or takes it away again; answers the object it replaces. */
async function record(parts: TransferParts, grant: Grant, id: string, object: string): Promise<string | undefined> {
  try {
    const { replaced } = await parts.writer.attempt<{ replaced?: string | undefined }>({
      now: parts.clock.now(),
      async decide() {
        const { chat, attachment } = await found(parts, grant, id);
        demandTaken(chat, attachment, parts.clock.now());
        const step = uploadAttachment(chat, id, object);
        if ('refused' in step) throw completed(id);
        return { change: { chat: { before: chat, after: step.chat } }, answer: { replaced: step.replaced } };
      },
    });
    return replaced;
  } catch (failure) {
    // Any other failure says nothing of what was committed.
    if (failure instanceof Fault) await discard(parts, grant.chatId, object);
    throw failure;
  }
}

/** Throws unless the attachment still waits for its bytes. */
function demandTaken(chat: Chat, { id, participantId, status }: ChatAttachment, now: number): void {
  if (status !== undefined) throw completed(id);
  if (absence(chat, participantId, now)) {
    throw denied(`The chat ${chat.id} ended, or whoever sends attachment ${id} left it; nothing was stored.`);
  }
}

/** What headers tell before a byte is read. Without a Content-Type the declared one counts, without a length the bytes. */
function demandDeclared(attachment: ChatAttachment, request: Head): void {
  const type = headerOf(request, 'content-type');
  if (type !== undefined && !isSameType(type, attachment.contentType)) {
    throw invalid(
      `The upload has another Content-Type than the ${attachment.contentType} of StartAttachmentUpload; send HeadersToInclude. Nothing was stored.`,
    );
  }
  const length = headerOf(request, 'content-length');
  if (length !== undefined && Number(length) !== attachment.bytes) throw wrongSize(attachment);
}

/** What cannot be removed now is removed by the worker, a day after the end of the chat. */
async function discard({ blobs, log }: TransferParts, chatId: string, object: string): Promise<void> {
  await blobs.remove(objectKey(chatId, object)).catch((failure: unknown) => {
    log.warn(
      { err: failure, chat: chatId },
      'a file that no attachment has could not be removed; it is tried again later',
    );
  });
}

async function download(parts: TransferParts, grant: Grant, id: string, request: Head): Promise<StreamReply> {
  const { chat, attachment } = await found(parts, grant, id);
  const { object, name, contentType, status } = attachment;
  if (status !== 'APPROVED' || object === undefined) throw denied(`Attachment ${id} is not one that can be fetched.`);
  const blob = await parts.blobs.open(objectKey(chat.id, object));
  if (!blob) throw new Error(`the file of attachment ${id} is gone`);
  return {
    status: 200,
    headers: {
      ...corsHeaders,
      'content-type': contentType,
      'content-length': String(blob.bytes),
      'content-disposition': disposition(name),
      // Somebody else's file, on the origin of this server: it is to be kept, never shown or run here.
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, no-store',
      'x-amzn-requestid': request.id,
    },
    body: blob.stream,
  };
}

function denied(message: string): Fault {
  return serviceFault('participant', 'AccessDeniedException', message);
}

function invalid(message: string): Fault {
  return serviceFault('participant', 'ValidationException', message);
}

function wrongSize({ bytes }: ChatAttachment): Fault {
  return invalid(`The upload has other than the ${bytes} bytes of StartAttachmentUpload; nothing was stored.`);
}

function completed(id: string): Fault {
  return serviceFault(
    'participant',
    'ConflictException',
    `Attachment ${id} was completed: its bytes stay as they are.`,
  );
}
