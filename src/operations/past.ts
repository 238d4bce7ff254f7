import type { Chat } from '../domain/chat.ts';
import { itemId } from '../domain/item.ts';
import { utf8Bytes } from '../domain/limits.ts';
import { maxPastBytes, type Past, pastOf } from '../domain/past.ts';
import { enumeration } from '../shape/shape.ts';
import type { Instance } from './instance.ts';
import type { Call, Principal } from './operation.ts';
import { shown } from './transcript.ts';

/** FROM_SEGMENT names any contact, ENTIRE_PAST_SESSION the first of a chat; as long as a chat has one they are the same. */
export const rehydrationType = enumeration(['ENTIRE_PAST_SESSION', 'FROM_SEGMENT']);

export interface Source {
  readonly chat: Chat;
  /** Of a chat that continues it. */
  readonly past: Past;
}

type Finder = Call<Principal, 'InvalidRequestException' | 'ResourceNotFoundException'>;

/** The chat that `SourceContactId` names, if it can be continued from now on; else 404 or 400. */
export async function findSource(call: Finder, instance: Instance, contactId: string): Promise<Source> {
  const chat = await call.store.chat({ contactId });
  if (chat?.instanceId !== instance.id) {
    throw call.fault(
      'ResourceNotFoundException',
      `SourceContactId ${contactId} was not found in instance ${instance.id}. Give a contact of this instance that has ended and was not erased.`,
    );
  }
  if (!chat.end) {
    throw call.fault(
      'InvalidRequestException',
      `SourceContactId ${contactId} is a chat that goes on; only one that has ended can be continued.`,
    );
  }
  const bytes = await transcriptBytes(call, chat);
  if (bytes === undefined) {
    throw call.fault(
      'InvalidRequestException',
      `The transcript of SourceContactId ${contactId} is longer than ${maxPastBytes} bytes, the most that can be continued. Start the chat without it.`,
    );
  }
  return { chat, past: pastOf(chat, bytes, call.now, itemId(call.now, call.ids.tail())) };
}

/** Items that are measured at a time. */
const batch = 500;
/** Less than any item takes: its names and times alone are longer. */
const leastItemBytes = 200;

/** The size of a transcript as `GetTranscript` writes it, in UTF-8; undefined if it is more than can be continued. */
async function transcriptBytes({ store }: Pick<Call, 'store'>, chat: Chat): Promise<number | undefined> {
  if (chat.last * leastItemBytes > maxPastBytes) return undefined;
  let bytes = 0;
  let after: number | undefined;
  for (;;) {
    const page = await store.items(chat.key, { after, newestFirst: false, limit: batch });
    for (const item of await shown(store, chat, page, true)) bytes += utf8Bytes(JSON.stringify(item));
    if (bytes > maxPastBytes) return undefined;
    if (page.length < batch) return bytes;
    after = page.at(-1)?.time;
  }
}
