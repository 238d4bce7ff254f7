import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fails, told, withOutbox } from '../../test/support/outbox.ts';
import { readTargets } from '../destinations.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import { outboxRoutes } from './outbox.ts';
import { inputOf } from './route.ts';

test('[OB7] dead letters of every destination that can be configured are listed and re-driven by its name', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const routes = outboxRoutes({ store, clock: { now: () => 0 }, hurry: async () => {}, notifications: () => [] });
  const servers = Array.from(
    { length: 16 },
    (_, index) => `tls://${'x'.repeat(63)}.${'y'.repeat(180)}.example${index}:65535`,
  );
  const { contactEvents } = readTargets({
    ...{ mode: 'production', streams: [], configFolder: '/' },
    contactEvents: [
      { kind: 'webhook', url: `https://example.com/${'x'.repeat(2028)}` },
      { kind: 'nats', servers, subject: 'x'.repeat(255) },
    ],
  });
  for (const { target } of contactEvents) {
    const [, listing, redriving] = routes;
    assert(listing && redriving);
    inputOf(listing.input, {}, new URLSearchParams({ destination: target }).toString(), Buffer.alloc(0));
    inputOf(redriving.input, {}, '', Buffer.from(JSON.stringify({ Destination: target })));
  }
});

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
