import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newChat, noon } from '../../test/contract/store-fixtures.ts';
import type { Chat } from './chat.ts';
import { continuing, maxPastBytes, maxPastContacts, type Past, pastOf, rehydrated } from './past.ts';

const chat: Chat = { ...newChat(), key: 1, revision: 1, last: 0, lastTime: 0 };
const past = (sizes: readonly number[]): Past => ({
  chats: sizes.map((bytes, index) => ({ key: index + 2, bytes })),
  since: noon,
  eventId: 'event',
});
const keysOf = ({ chats }: Past) => chats.map(({ key }) => key);

describe('the past of a chat', () => {
  it('[PC8] is the chat continued and its past, in that order', () => {
    const found = pastOf({ key: 1, past: past([10, 20]) }, 5, noon, 'event');
    assert.deepEqual(found, {
      chats: [
        { key: 1, bytes: 5 },
        { key: 2, bytes: 10 },
        { key: 3, bytes: 20 },
      ],
      since: noon,
      eventId: 'event',
    });
    assert.deepEqual(keysOf(pastOf({ key: 1 }, 5, noon, 'event')), [1]);
  });

  it('[PC8] leaves out the oldest of more than a hundred contacts', () => {
    const sizes = Array.from({ length: maxPastContacts }, () => 1);
    const found = pastOf({ key: 1, past: past(sizes) }, 1, noon, 'event');
    assert.deepEqual(
      keysOf(found),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  for (const [what, first, sizes, expected] of [
    ['exactly all', maxPastBytes - 30, [10, 20], [1, 2, 3]],
    ['one byte too much in the last', maxPastBytes - 30, [10, 21], [1, 2]],
    ['one byte too much in the middle, though an older one would have room', maxPastBytes - 9, [10, 1], [1]],
  ] as const) {
    it(`[PC9] goes back as far as there is room: ${what}`, () => {
      assert.deepEqual(keysOf(pastOf({ key: 1, past: past(sizes) }, first, noon, 'event')), expected);
    });
  }

  it('[PC14] is there to be read once the customer is connected and the chat continues it, whichever comes later', () => {
    const source = { ...chat, key: 9, contact: { ...chat.contact, id: 'source', associationId: 'root' } };
    assert.equal(rehydrated(chat), undefined);
    const waiting = continuing(chat, source, past([1]));
    assert.equal(rehydrated(waiting), undefined);
    const at = (connectedToSystemAt: number) =>
      rehydrated({ ...waiting, contact: { ...waiting.contact, connectedToSystemAt } });
    assert.deepEqual(at(noon + 5), { id: 'event', time: noon + 5 });
    assert.deepEqual(at(noon - 5), { id: 'event', time: noon });
  });
});
