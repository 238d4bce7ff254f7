import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withOutbox } from '../../test/support/outbox.ts';
import { manualSteady } from '../../test/support/steady.ts';
import type { Chat } from '../domain/chat.ts';
import { Rejected } from './destination.ts';
import { openWays } from './ways.ts';

/** Ways of a server without destinations, on which an archive is written as the test says. */
function waysTo(archive: (chat: Chat) => Promise<void>, steady = manualSteady()) {
  return openWays({ streams: [], contactEvents: [] }, () => assert.fail('nothing is configured'), archive, steady);
}

describe('an archive', () => {
  test('[OB14] that is being written does not keep the server from stopping, and is owed after the start', async () => {
    const begun = Promise.withResolvers<void>();
    const steady = manualSteady();
    await using ways = waysTo(() => {
      begun.resolve();
      return new Promise(() => {});
    }, steady);
    await withOutbox(
      async ({ chat, end, outbox, lane }) => {
        const one = await chat([]);
        await end(one);
        outbox.wake();
        await begun.promise;
        const stopped = outbox[Symbol.asyncDispose]();
        steady.advance(2000);
        await stopped;
        const { id, due, attempts } = await lane(one);
        assert.deepEqual([id, due !== undefined, attempts], ['archive', true, 0]);
      },
      { destinationOf: ways.destinationOf },
    );
  });

  test('[OB14] that fails while the server stops is owed after the start', async () => {
    const begun = Promise.withResolvers<void>();
    const failing = Promise.withResolvers<void>();
    await using ways = waysTo(() => {
      begun.resolve();
      return failing.promise;
    });
    await withOutbox(
      async ({ chat, end, outbox, lane }) => {
        const one = await chat([]);
        await end(one);
        outbox.wake();
        await begun.promise;
        const stopped = outbox[Symbol.asyncDispose]();
        failing.reject(new Error('connect ECONNREFUSED'));
        await stopped;
        assert.equal((await lane(one)).id, 'archive');
      },
      { destinationOf: ways.destinationOf },
    );
  });

  test('[OB2] of an instance whose bucket is not mapped holds up none of another', async () => {
    const archived: number[] = [];
    let wrong: number[] = [];
    await using ways = waysTo(async ({ key }) => {
      if (wrong.includes(key)) throw new Rejected('bucket x is not mapped');
      archived.push(key);
    });
    await withOutbox(
      async ({ chat, end, outbox, time }) => {
        const chats = await Promise.all(Array.from({ length: 8 }, () => chat([])));
        wrong = chats.map(({ key }) => key);
        for (const each of chats) await end(each);
        await outbox.runDue();
        time.now += 10;
        const other = await chat([]);
        await end(other);
        await outbox.runDue();
        assert.deepEqual(archived, [other.key]);
      },
      { destinationOf: ways.destinationOf },
    );
  });
});

describe('destinations', () => {
  test('[OB14] are all closed at once, also where one cannot be or takes long', async () => {
    const closed: string[] = [];
    const last = Promise.withResolvers<void>();
    const endings: Record<string, () => Promise<void>> = {
      fails: () => Promise.reject(new Error('it cannot be closed')),
      hangs: () => last.promise,
      ends: async () => last.resolve(),
    };
    const streams = Object.keys(endings).map((target) => ({ kind: 'sns', target, topics: target }) as const);
    const ways = openWays(
      { streams, contactEvents: [] },
      async ({ target }) => ({
        async deliver() {},
        async [Symbol.asyncDispose]() {
          closed.push(target);
          await endings[target]?.();
        },
      }),
      async () => {},
      manualSteady(),
    );
    await withOutbox(async ({ chat, stream, lane }) => {
      for (const topic of Object.keys(endings)) {
        const one = await chat([]);
        await stream(one, topic);
        assert(await ways.destinationOf(await lane(one), one));
      }
    });
    await assert.rejects(async () => ways[Symbol.asyncDispose](), /cannot be closed/);
    assert.deepEqual(closed, Object.keys(endings));
  });
});
