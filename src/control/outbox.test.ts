import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTargets } from '../destinations.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import { outboxRoutes } from './outbox.ts';
import { inputOf } from './route.ts';

test('[OB7] dead letters of every destination that can be configured are listed and re-driven by its name', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const routes = outboxRoutes({ store, clock: { now: () => 0 }, wake() {}, notifications: () => [] });
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
