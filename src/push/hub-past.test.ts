import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { done, noon } from '../../test/contract/store-fixtures.ts';
import { join, lose, quiet, type Stage, staged, subscribe, subscribedEar, type Talk } from '../../test/support/push.ts';
import type { Chat } from '../domain/chat.ts';
import { continuing } from '../domain/past.ts';

async function become(stage: Stage, talk: Talk, make: (chat: Chat) => Chat): Promise<void> {
  const before = await talk.now();
  const change = { now: noon, chat: { expected: before.revision, after: make(before) } };
  const { chat } = done(await stage.store.commit(change));
  assert(chat);
  talk.ring({ kind: 'items', chat: chat.key, from: chat.last + 1, to: chat.last, revision: chat.revision });
  await quiet();
}

const arrive = (chat: Chat): Chat => ({ ...chat, contact: { ...chat.contact, connectedToSystemAt: noon + 1 } });
const goOn = (chat: Chat): Chat =>
  continuing(chat, chat, { chats: [{ key: 99, bytes: 1 }], since: noon + 2, eventId: 'the event' });

describe('hub: a chat that continues another', () => {
  test(
    '[PC14] tells every socket once, with one Id, when the chat begins to continue another, and stores nothing',
    staged(async (stage, talk) => {
      await become(stage, talk, arrive);
      const ears = [
        await subscribedEar(stage, talk, 'ann'),
        await subscribedEar(stage, talk, 'ann'),
        await subscribedEar(stage, talk, 'bob'),
      ];
      await talk.say('bob', 'before');
      await become(stage, talk, goOn);
      await talk.say('bob', 'after');
      await become(stage, talk, (chat) => ({ ...chat, attributes: {} }));
      for (const ear of ears) {
        assert.deepEqual(ear.lines(), ['before', 'rehydrated', 'after']);
        assert.deepEqual(ear.heard()[1], {
          AbsoluteTime: new Date(noon + 2).toISOString(),
          ContentType: 'application/vnd.amazonaws.connect.event.chat.rehydrated',
          Id: 'the event',
          Type: 'EVENT',
          ContactId: talk.id,
          InitialContactId: talk.id,
        });
      }
      assert.equal((await talk.now()).last, 2);
    }),
  );

  test(
    '[PC14] waits for the customer to be connected',
    staged(async (stage, talk) => {
      await become(stage, talk, goOn);
      const ear = await subscribedEar(stage, talk, 'bob');
      assert.deepEqual(ear.lines(), []);
      await become(stage, talk, arrive);
      assert.deepEqual(ear.lines(), ['rehydrated']);
    }),
  );

  test(
    '[PC14] tells a socket that comes later when it subscribes, after what it missed, and not again',
    staged(async (stage, talk) => {
      await become(stage, talk, (chat) => goOn(arrive(chat)));
      const ear = await join(stage, talk, 'ann');
      await talk.say('bob', 'meanwhile');
      assert.deepEqual(ear.lines(), []);
      ear.subscribe();
      await quiet();
      assert.deepEqual(ear.lines(), ['meanwhile', 'rehydrated']);
      ear.seat.received(subscribe);
      await quiet();
      assert.deepEqual(ear.lines(), ['meanwhile', 'rehydrated']);
    }),
  );

  test(
    '[PC14] tells it though the news of it were lost',
    staged(async (stage, talk) => {
      await become(stage, talk, arrive);
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await become(stage, talk, goOn);
      assert.deepEqual(ear.lines(), []);
      await stage.hub.resync();
      await quiet();
      assert.deepEqual(ear.lines(), ['rehydrated']);
    }),
  );

  test(
    '[PC14] tells nobody whose chat is over',
    staged(async (stage, talk) => {
      await become(stage, talk, arrive);
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await become(stage, talk, goOn);
      await talk.stop();
      await stage.hub.resync();
      await quiet();
      assert.deepEqual(ear.lines(), ['ended']);
    }),
  );
});
