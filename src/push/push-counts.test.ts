import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noon } from '../../test/contract/store-fixtures.ts';
import { of, shown } from '../../test/support/metrics.ts';
import {
  join,
  lose,
  openStage,
  openTalk,
  pass,
  quiet,
  type Stage,
  staged,
  subscribedEar,
  type Talk,
} from '../../test/support/push.ts';

const seen = async ({ hub }: Stage, name: string) => of(await shown(hub.metrics), `tertulia_${name}`);

/** With a clock of which the test says how late it is and how far it was moved. */
function timed(run: (stage: Stage, talk: Talk, clock: { late: number; moved: number }) => Promise<void>) {
  return async () => {
    const clock = { late: 0, moved: 0 };
    const shared = { clock: { now: () => noon + clock.late + clock.moved, ahead: () => clock.moved } };
    await using stage = openStage({}, shared);
    await run(stage, await openTalk(stage), clock);
  };
}

const lag = async (stage: Stage) => {
  const lines = await shown(stage.hub.metrics);
  const [count, sum] = ['count', 'sum'].map((each) => of(lines, `tertulia_push_lag_seconds_${each}`)['']);
  return [count, sum];
};

describe('what the hub counts', () => {
  test(
    '[ME6] is the chats and subscribed sockets that it has now',
    staged(async (stage, talk) => {
      const standing = async () => [(await seen(stage, 'rooms'))[''], (await seen(stage, 'sockets_subscribed'))['']];
      assert.deepEqual(await standing(), [0, 0]);
      const ear = await join(stage, talk, 'ann');
      assert.deepEqual(await standing(), [1, 0]);
      await subscribedEar(stage, talk, 'bob');
      assert.deepEqual(await standing(), [1, 1]);
      ear.subscribe();
      assert.deepEqual(await standing(), [1, 2]);
    }),
  );

  test(
    '[ME6] is each frame by what it is',
    staged(async (stage, talk) => {
      for (const who of ['ann', 'bob']) await subscribedEar(stage, talk, who);
      for (const text of ['1', '2', '3']) await talk.say('ann', text);
      await talk.type('bob');
      assert.deepEqual(await seen(stage, 'frames_sent_total'), { answer: 2, item: 6, passing: 2 });
    }),
  );

  test(
    '[ME8] is each sweep, and each chat that was found behind',
    staged(async (stage, talk) => {
      const counts = async () => [await seen(stage, 'sweeps_total'), (await seen(stage, 'sweep_healed_total'))['']];
      const ear = await subscribedEar(stage, talk, 'ann');
      await stage.hub.resync();
      assert.deepEqual(await counts(), [{ done: 1, failed: 0 }, 0]);
      stage.wire.carry = lose;
      for (const text of ['1', '2']) await talk.say('bob', text);
      await stage.hub.resync();
      await stage.hub.settled();
      assert.deepEqual(ear.lines(), ['1', '2']);
      assert.deepEqual(await counts(), [{ done: 2, failed: 0 }, 1]);
      await stage.hub.resync();
      assert.deepEqual(await counts(), [{ done: 3, failed: 0 }, 1]);
      stage.reads.before = () => Promise.reject(new Error('the store is away'));
      await stage.hub.resync();
      assert.deepEqual(await counts(), [{ done: 3, failed: 1 }, 1]);
    }),
  );
});

describe('the push lag', () => {
  test(
    "[ME7] is from an item's time to its first push, once for all sockets of the chat",
    timed(async (stage, talk, clock) => {
      for (const who of ['ann', 'bob']) await subscribedEar(stage, talk, who);
      await talk.say('ann', 'at once');
      // Later than the time that it is given: it was a moment on its way.
      clock.late = 250;
      const { number } = await talk.say('ann', 'a little later');
      const [count, sum = 0] = await lag(stage);
      // Items of one millisecond are given one after the other.
      assert.deepEqual([count, Math.round(sum * 1000)], [2, 250 - (number - 1)]);
    }),
  );

  test(
    '[ME7] counts what was lost on the way until it is found',
    timed(async (stage, talk, clock) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await talk.say('bob', 'lost');
      stage.wire.carry = pass;
      clock.late = 5_000;
      await stage.hub.resync();
      await stage.hub.settled();
      assert.deepEqual(ear.lines(), ['lost']);
      const [count, sum = 0] = await lag(stage);
      assert.deepEqual([count, Math.round(sum)], [1, 5]);
    }),
  );

  test(
    '[ME7] is not taken of what a socket that subscribes late fetches',
    timed(async (stage, talk, clock) => {
      const ear = await join(stage, talk, 'ann');
      await talk.say('bob', 'early');
      clock.late = 60_000;
      ear.subscribe();
      await quiet();
      assert.deepEqual(ear.lines(), ['early']);
      assert.deepEqual(await lag(stage), [0, 0]);
    }),
  );

  test(
    '[ME7] is not taken while the clock is moved, and never below zero',
    timed(async (stage, talk, clock) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      clock.moved = 3_600_000;
      await talk.say('bob', 'an hour ahead');
      assert.deepEqual(await lag(stage), [0, 0]);
      clock.moved = 0;
      clock.late = -1_000;
      await talk.say('bob', 'by a node whose clock is ahead');
      assert.equal(ear.lines().length, 2);
      assert.deepEqual(await lag(stage), [1, 0]);
    }),
  );
});
