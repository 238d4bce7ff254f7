import type { Chat, NewChat } from '../../src/domain/chat.ts';

/** Chats as values, for tests of the rules and of the store. */

/** A chat that was started at `at` for a day and an hour, alone in its tree. Nobody is in it but whom `more` names. */
export function newChatAt(at: number, more: Partial<NewChat> = {}): NewChat {
  const id = more.id ?? 'chat';
  return {
    id,
    account: '123456789012',
    region: 'us-east-1',
    instanceId: 'instance',
    createdAt: at,
    expiresAt: at + 90_000_000,
    settings: { flowId: 'flow', supportedContentTypes: ['text/plain'] },
    participants: [],
    attributes: {},
    contact: {
      id,
      initiationMethod: 'API',
      initiatedAt: at,
      updatedAt: at,
      associationId: id,
      segmentAttributes: {},
    },
    ...more,
  };
}

/** The same as a store reads it, before any item. */
export function chatAt(at: number, more: Partial<Chat> = {}): Chat {
  return { key: 1, revision: 1, last: 0, lastTime: 0, ...newChatAt(at, more), ...more };
}
