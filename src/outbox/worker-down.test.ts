import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fails, noon, told, withOutbox } from '../../test/support/outbox.ts';

const day = 24 * 60 * 60_000;

describe('a destination that many chats find down at once', () => {
  test('[OB15] is left alone for about a second, not for the minute that so many failures in a row would cost', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, time }) => {
      topics.set('topic', fails);
      for (let count = 0; count < 16; count += 1) await say(await chat(), `of ${count}`);
      await outbox.runDue();
      const pause = ((await outbox.nextDue(time.now)) ?? 0) - time.now;
      assert(pause <= 1500, `${pause} ms`);
      topics.clear();
      time.now += pause;
      await outbox.runDue();
      assert.equal(taken.length, 16);
    }));

  test('[SN8, OB15] goes on at once if it says that it is there while their attempts fail', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, until }) => {
      const { promise: isConfirmed, resolve: confirm } = Promise.withResolvers<void>();
      topics.set('topic', async () => {
        await isConfirmed;
        throw new Error('not confirmed yet');
      });
      for (let count = 0; count < 10; count += 1) await say(await chat(), `of ${count}`);
      const running = outbox.runDue();
      await until(() => tried.length === 10);
      await outbox.hurry('topic');
      topics.clear();
      confirm();
      await running;
      assert.equal(taken.length, 10);
    }));

  test('[OB15, CK7] is tried again after the clock was set back', () =>
    withOutbox(async ({ chat, say, outbox, topics, store, taken, time }) => {
      topics.set('topic', fails);
      time.now = noon + day;
      for (let count = 0; count < 8; count += 1) await say(await chat(), `of ${count}`);
      await outbox.runDue();
      // What a reset does.
      await store.clear();
      time.now = noon;
      topics.clear();
      await say(await chat(), 'afresh');
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['afresh']);
    }));

  test('[OB15] is not made of one chat alone, whose own pauses are enough', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, time }) => {
      topics.set('topic', (parcel) => {
        if (told(parcel) === 'poison') throw new Error('no answer');
      });
      await say(await chat(), 'poison');
      for (let count = 0; count < 7; count += 1) {
        time.now = (await outbox.nextDue()) ?? 0;
        await outbox.runDue();
      }
      time.now += 10;
      await say(await chat(), 'good');
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['good']);
    }));
});
