import type { Chat, NewChat } from './chat.ts';

/** A topic that a chat is streamed to. */
export interface Stream {
  /** StreamingId. */
  readonly id: string;
  /** ARN of an SNS topic. */
  readonly topic: string;
  readonly startedAt: number;
  readonly stoppedAt?: number | undefined;
}

/** Amazon's limit of a contact. */
export const maxOpenStreams = 2;
/** All streams that one chat ever had: they are kept, so that stopping can be repeated. A loop must not grow a chat without end. */
export const maxStreams = 100;

export type StreamRefusal =
  | { readonly refused: 'contact-ended'; readonly at: number }
  | { readonly refused: 'too-many-open' }
  | { readonly refused: 'too-many' };

/** Those that what is committed now is owed to. */
export function openStreams(chat: Pick<Chat | NewChat, 'streams' | 'end'>): readonly Stream[] {
  return chat.end || !chat.streams ? [] : chat.streams.filter((each) => each.stoppedAt === undefined);
}

/** Adds a stream. A topic that the chat is streamed to already changes nothing: the answer is the stream that there is. */
export function startStream(chat: Chat, stream: Stream): { chat: Chat; stream: Stream } | StreamRefusal {
  if (chat.end) return { refused: 'contact-ended', at: chat.end.at };
  const open = openStreams(chat);
  const same = open.find(({ topic }) => topic === stream.topic);
  if (same) return { chat, stream: same };
  if (open.length >= maxOpenStreams) return { refused: 'too-many-open' };
  const streams = chat.streams ?? [];
  if (streams.length >= maxStreams) return { refused: 'too-many' };
  return { chat: { ...chat, streams: [...streams, stream] }, stream };
}

/** Stops a stream: unchanged if it has been, or if the chat has ended. Undefined if there is no such stream. */
export function stopStream(chat: Chat, id: string, now: number): Chat | undefined {
  const stream = chat.streams?.find((each) => each.id === id);
  if (!stream) return undefined;
  if (chat.end || stream.stoppedAt !== undefined) return chat;
  return {
    ...chat,
    streams: chat.streams?.map((each) => (each === stream ? { ...stream, stoppedAt: now } : each)),
  };
}
