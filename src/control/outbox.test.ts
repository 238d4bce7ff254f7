import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fails, told, withOutbox } from '../../test/support/outbox.ts';
import { outboxRoutes } from './outbox.ts';

for (const [Destination, tried] of [
  [undefined, ['one', 'other']],
  ['one', ['one']],
] as const) {
  test(`[OB7] re-driving ${Destination ?? 'everything'} tries at once what waits for its next attempt`, () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, time, store }) => {
      const clock = { now: () => time.now };
      const routes = outboxRoutes({ store, clock, hurry: outbox.hurry, notifications: () => [] });
      const redrive = routes.find(({ path }) => path === '/_tertulia/outbox/redrive');
      for (const each of ['one', 'other']) topics.set(each, fails);
      const waiting = await chat(['one', 'other']);
      await say(waiting, 'hello');
      // Until both count as down, and are left alone for up to a minute and a half.
      for (let count = 0; count < 20; count += 1) {
        time.now = (await outbox.nextDue(time.now)) ?? 0;
        await outbox.runDue();
      }
      topics.clear();
      await outbox.runDue();
      assert.deepEqual(taken, [], 'it is not their time yet');
      assert.deepEqual(await redrive?.handle({ Destination } as never), {
        status: 200,
        body: { Lanes: 0, DeadLetters: 0 },
      });
      await outbox.runDue();
      assert.deepEqual(taken.map(({ topic }) => topic).sort(), tried);
      assert.deepEqual(new Set(taken.map(told)), new Set(['hello']));
    }));
}
