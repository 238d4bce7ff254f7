import type { Chat, Step } from './chat.ts';
import type { Attachment, NewItem } from './item.ts';

/**
 * A file of a chat.
 *
 * | State       | Entered by                                        | Left for                                          |
 * |-------------|---------------------------------------------------|---------------------------------------------------|
 * | started     | `startAttachment`                                 | completed; dropped an hour after its start        |
 * | IN_PROGRESS | `completeAttachment`, where there is a scanner    | APPROVED, REJECTED                                |
 * | APPROVED    | `completeAttachment` without one; `judge`         | never                                             |
 * | REJECTED    | `judge`; `failScan`, the third time               | never                                             |
 *
 * A started one has an `object` once its bytes are there whole. Every upload makes an object of its own, and only this
 * record says which one counts: an upload that is late can never change what was completed.
 */
export interface ChatAttachment {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: number;
  /** Who sends it. */
  readonly participantId: string;
  readonly startedAt: number;
  /** Names what holds its bytes: see `objectKey`. Absent before the upload and after a rejection. */
  readonly object?: string | undefined;
  /** Absent until it is completed. */
  readonly status?: Attachment['status'] | undefined;
  /** Of one in progress: when to ask the scanner, again unless it has answered by then, and how often it has failed. */
  readonly scan?: { readonly dueAt: number; readonly failures: number } | undefined;
}

/** Amazon's limit of one conversation. */
export const maxAttachments = 35;
/** How long an upload may begin after its start. Milliseconds. */
export const uploadLife = 15 * 60_000;
/** How long a start waits for its completion: the upload URL's life, and time for a slow upload. */
const startedKept = 60 * 60_000;
/** How long a scanner may take for one file. */
export const scanLimit = 60_000;
/** A scan that has not ended by then was lost with its process. */
const scanLease = scanLimit + 30_000;
const scanPause = 10_000;
const maxScanFailures = 3;

/** Where the bytes are among all objects: below the chat, so that all of a chat can be found without knowing its records. */
export function objectKey(chatId: string, object: string): string {
  return `${objectPrefix(chatId)}${object}`;
}

export function objectPrefix(chatId: string): string {
  return `${attachmentPrefix}${chatId}/`;
}

export const attachmentPrefix = 'attachments/';

export function attachmentOf(chat: Pick<Chat, 'attachments'>, id: string): ChatAttachment | undefined {
  return chat.attachments?.find((each) => each.id === id);
}

export function startAttachment(chat: Chat, attachment: ChatAttachment): Step | { refused: 'too-many-attachments' } {
  const attachments = chat.attachments ?? [];
  if (attachments.length >= maxAttachments) return { refused: 'too-many-attachments' };
  return { chat: { ...chat, attachments: [...attachments, attachment] }, items: [] };
}

/** Makes an object the bytes of a started attachment, in place of any before, which is `replaced`. */
export function uploadAttachment(
  chat: Chat,
  id: string,
  object: string,
):
  | { readonly chat: Chat; readonly replaced: string | undefined }
  | { readonly refused: 'no-attachment' | 'completed' } {
  const attachment = attachmentOf(chat, id);
  if (!attachment) return { refused: 'no-attachment' };
  if (attachment.status !== undefined) return { refused: 'completed' };
  return { chat: replaced(chat, { ...attachment, object }), replaced: attachment.object };
}

export type CompleteRefusal = { readonly refused: 'no-attachment' | 'not-uploaded' | 'completed' };

/** Completes an attachment: with its item, or, where a scanner is to be asked first, without. */
export function completeAttachment(
  chat: Chat,
  { id, participantId, hasScanner }: { id: string; participantId: string; hasScanner: boolean },
  now: number,
  tail: () => Uint8Array,
): Step | CompleteRefusal {
  const attachment = attachmentOf(chat, id);
  if (attachment?.participantId !== participantId) return { refused: 'no-attachment' };
  if (attachment.status !== undefined) return { refused: 'completed' };
  if (attachment.object === undefined) return { refused: 'not-uploaded' };
  if (!hasScanner) return decided(chat, attachment, 'APPROVED', tail);
  return {
    chat: replaced(chat, { ...attachment, status: 'IN_PROGRESS', scan: { dueAt: now, failures: 0 } }),
    items: [],
  };
}

/** The scanner's answer about an attachment in progress. About any other it changes nothing. */
export function judge(chat: Chat, id: string, verdict: 'APPROVED' | 'REJECTED', tail: () => Uint8Array): Step {
  const attachment = attachmentOf(chat, id);
  return attachment?.status === 'IN_PROGRESS' ? decided(chat, attachment, verdict, tail) : { chat, items: [] };
}

/** The scanner gave no answer: it is asked again in a while, and at the third time the attachment is rejected. */
export function failScan(chat: Chat, id: string, now: number, tail: () => Uint8Array): Step {
  const attachment = attachmentOf(chat, id);
  if (!attachment?.scan) return { chat, items: [] };
  const failures = attachment.scan.failures + 1;
  if (failures >= maxScanFailures) return decided(chat, attachment, 'REJECTED', tail);
  return { chat: replaced(chat, { ...attachment, scan: { dueAt: now + scanPause * failures, failures } }), items: [] };
}

/** Attachments that the scanner is to be asked about now. */
export function dueScans(chat: Chat, now: number): ChatAttachment[] {
  return (chat.attachments ?? []).filter(({ scan }) => scan !== undefined && scan.dueAt <= now);
}

/** Takes note that the scanner is being asked about all that are due. */
export function beginScans(chat: Chat, now: number): Chat {
  const due = dueScans(chat, now);
  return due.reduce((result, each) => {
    const failures = each.scan?.failures ?? 0;
    return replaced(result, { ...each, scan: { dueAt: now + scanLease, failures } });
  }, chat);
}

/** The chat without attachments that nobody completed in time. */
export function dropLapsed(
  chat: Chat,
  now: number,
): { readonly chat: Chat; readonly dropped: readonly ChatAttachment[] } {
  const dropped = (chat.attachments ?? []).filter((each) => startedDue(each) <= now);
  if (dropped.length === 0) return { chat, dropped };
  return { chat: { ...chat, attachments: chat.attachments?.filter((each) => !dropped.includes(each)) }, dropped };
}

/** When something is due for the chat's attachments. */
export function attachmentsDue({ attachments = [] }: Pick<Chat, 'attachments'>): number {
  return attachments.reduce(
    (due, each) => Math.min(due, startedDue(each), each.scan?.dueAt ?? Number.POSITIVE_INFINITY),
    Number.POSITIVE_INFINITY,
  );
}

function startedDue({ status, startedAt }: ChatAttachment): number {
  return status === undefined ? startedAt + startedKept : Number.POSITIVE_INFINITY;
}

/** Nothing comes after `chat.ended`: an attachment that is decided upon later has no item. */
function decided(
  chat: Chat,
  attachment: ChatAttachment,
  status: 'APPROVED' | 'REJECTED',
  tail: () => Uint8Array,
): Step {
  const { scan: _, object, ...rest } = attachment;
  const after = replaced(chat, { ...rest, object: status === 'APPROVED' ? object : undefined, status });
  return { chat: after, items: chat.end ? [] : [itemOf(attachment, status, tail)] };
}

function itemOf(
  { id, name, contentType, participantId }: ChatAttachment,
  status: 'APPROVED' | 'REJECTED',
  tail: () => Uint8Array,
): NewItem {
  return { tail: tail(), type: 'ATTACHMENT', participantId, attachments: [{ id, name, contentType, status }] };
}

function replaced(chat: Chat, attachment: ChatAttachment): Chat {
  return { ...chat, attachments: chat.attachments?.map((each) => (each.id === attachment.id ? attachment : each)) };
}
