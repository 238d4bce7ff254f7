import type { ChatKey } from '../domain/chat.ts';
import type { News } from './bus.ts';

/** What nodes say to each other: JSON with the number of its version, so that nodes of two versions may run side by side. */
const version = 1;

/**
 * News as bytes, without the chat: the subject has it. Items that would make it longer than `maxBytes` are left out, and
 * who needs them reads them from the log; undefined if it is too long even so.
 */
export function encodeNews({ chat: _, ...news }: News, maxBytes: number): Buffer | undefined {
  const whole = bytesOf(news);
  if (whole.length <= maxBytes) return whole;
  if (!('items' in news)) return undefined;
  const { items: __, ...bare } = news;
  const reference = bytesOf(bare);
  return reference.length <= maxBytes ? reference : undefined;
}

function bytesOf(news: object): Buffer {
  return Buffer.from(JSON.stringify({ v: version, ...news }));
}

/** `unknown` is what another version says. */
export function decodeNews(payload: Uint8Array, chat: ChatKey): News | 'unknown' | 'malformed' {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return 'malformed';
  }
  if (!isRecord(said) || !isCount(said.v)) return 'malformed';
  if (said.v !== version) return 'unknown';
  const { v: _, ...news } = said;
  return isNews(news) ? ({ ...news, chat } as unknown as News) : 'malformed';
}

type Fields = Readonly<Record<string, unknown>>;

function isNews(news: Fields): boolean {
  switch (news.kind) {
    case 'items':
      return isCount(news.from) && isCount(news.to) && isCount(news.revision) && isListOf(news.items, isItem);
    case 'mark':
      return isMark(news.mark) && isText(news.messageId);
    case 'event': {
      const isWhole = isCount(news.after) && isText(news.id) && isCount(news.time) && isText(news.contentType);
      return isWhole && isTextOrAbsent(news.content) && isTextOrAbsent(news.participantId);
    }
    default:
      return false;
  }
}

function isItem(item: unknown): boolean {
  if (!isRecord(item) || !isText(item.id) || !isCount(item.number) || !isCount(item.time) || !isText(item.type)) {
    return false;
  }
  const texts = [item.contentType, item.content, item.participantId];
  return texts.every(isTextOrAbsent) && isListOf(item.attachments, isAttachment);
}

function isAttachment(attachment: unknown): boolean {
  if (!isRecord(attachment)) return false;
  return [attachment.id, attachment.name, attachment.contentType, attachment.status].every(isText);
}

function isMark(mark: unknown): boolean {
  if (!isRecord(mark) || !isText(mark.reader) || !isCount(mark.number) || !isCount(mark.time)) return false;
  return mark.kind === 'delivered' || mark.kind === 'read';
}

function isListOf(value: unknown, isOne: (each: unknown) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isOne));
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || isText(value);
}

/** Numbers of items, revisions and epoch milliseconds alike. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
