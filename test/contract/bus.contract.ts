import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bus, News } from '../../src/bus/bus.ts';
import type { ChatKey } from '../../src/domain/chat.ts';

/** Chapter BU of SPEC.md for one implementation of `Bus`. Waits for what must arrive; what must not is shown by what comes after it. */
export function busContract(name: string, open: () => Promise<Bus>): void {
  const withBus = (run: (bus: Bus) => Promise<void>) => async () => {
    await using bus = await open();
    await run(bus);
  };

  describe(`bus contract: ${name}`, () => {
    test('[BU1] news reach every subscriber of the chat in the order published', withBus(ordered));
    test('[BU1] news of every kind arrive as they were published', withBus(unchanged));
    test('[BU1] a subscriber hears nothing from before it subscribed', withBus(later));
    test('[BU1] news published from within a subscriber come after the news that caused them', withBus(nested));
    test('[BU2] nothing arrives after unsubscribe, not even the rest of the news at hand', withBus(ended));
    test('[BU2] ending one subscription, once or twice, leaves the others', withBus(endedTwice));
    test('[BU2] news of a chat never reach subscribers of another', withBus(apart));
    test('[BU3] a subscriber that throws harms no other and goes on hearing', withBus(throwing));
    test('[BU2] a closed bus tells nobody anything', async () => {
      const bus = await open();
      const ear = await listen(bus, 1);
      await bus[Symbol.asyncDispose]();
      try {
        bus.publish(items(1, 1));
      } catch {
        // A bus may also refuse.
      }
      await turn();
      assert.deepEqual(ear.heard, []);
    });
  });
}

async function ordered(bus: Bus): Promise<void> {
  const ears = await Promise.all([listen(bus, 1), listen(bus, 1), listen(bus, 1)]);
  const all = Array.from({ length: 200 }, (_, index) => items(1, index + 1));
  for (const each of all) bus.publish(each);
  for (const ear of ears) assert.deepEqual(await ear.atLeast(200), all);
}

async function unchanged(bus: Bus): Promise<void> {
  const ear = await listen(bus, 7);
  const item = { id: 'id', number: 4, time: 1_769_860_800_123, type: 'MESSAGE', contentType: 'text/plain' } as const;
  const all: News[] = [
    {
      kind: 'items',
      chat: 7,
      from: 4,
      to: 4,
      revision: 3,
      items: [{ ...item, content: 'ünï\u2028 \u{1f30d} "', participantId: 'ann' }],
    },
    { kind: 'items', chat: 7, from: 5, to: 9, revision: 3 },
    { kind: 'items', chat: 7, from: 10, to: 9, revision: 4, items: [] },
    {
      kind: 'mark',
      chat: 7,
      mark: { reader: 'bob', kind: 'read', number: 4, time: 1_769_860_800_456 },
      messageId: 'id',
    },
    {
      kind: 'event',
      chat: 7,
      after: 9,
      id: 'typed',
      time: 1_769_860_800_789,
      contentType: 'typing',
      participantId: 'bob',
    },
  ];
  for (const each of all) bus.publish(each);
  assert.deepEqual(await ear.atLeast(all.length), all);
}

async function later(bus: Bus): Promise<void> {
  const early = await listen(bus, 1);
  bus.publish(items(1, 1));
  const late = await listen(bus, 1);
  bus.publish(items(1, 2));
  assert.deepEqual(numbers(await early.atLeast(2)), [1, 2]);
  assert.deepEqual(numbers(await late.atLeast(1)), [2]);
}

async function nested(bus: Bus): Promise<void> {
  await bus.subscribe(1, (news) => {
    if (news.kind === 'items' && news.from === 1) bus.publish(items(1, 2));
  });
  const ear = await listen(bus, 1);
  bus.publish(items(1, 1));
  assert.deepEqual(numbers(await ear.atLeast(2)), [1, 2]);
}

async function ended(bus: Bus): Promise<void> {
  const heard: News[] = [];
  const own = await bus.subscribe(1, (news) => {
    heard.push(news);
    own.end();
    other.end();
  });
  const unheard: News[] = [];
  const other = await bus.subscribe(1, (news) => void unheard.push(news));
  const witness = await listen(bus, 1);
  bus.publish(items(1, 1));
  bus.publish(items(1, 2));
  assert.deepEqual(numbers(await witness.atLeast(2)), [1, 2]);
  assert.deepEqual([numbers(heard), unheard.length], [[1], 0]);
}

async function endedTwice(bus: Bus): Promise<void> {
  const stays = await listen(bus, 1);
  const goes = await listen(bus, 1);
  goes.end();
  goes.end();
  bus.publish(items(1, 1));
  assert.deepEqual(numbers(await stays.atLeast(1)), [1]);
  assert.deepEqual(goes.heard, []);
}

async function apart(bus: Bus): Promise<void> {
  const one = await listen(bus, 1);
  const eleven = await listen(bus, 11);
  bus.publish(items(11, 1));
  bus.publish(items(1, 2));
  bus.publish(items(11, 3));
  assert.deepEqual(numbers(await eleven.atLeast(2)), [1, 3]);
  assert.deepEqual(numbers(await one.atLeast(1)), [2]);
}

async function throwing(bus: Bus): Promise<void> {
  let calls = 0;
  await bus.subscribe(1, () => {
    calls += 1;
    throw new Error('on purpose');
  });
  const ear = await listen(bus, 1);
  bus.publish(items(1, 1));
  bus.publish(items(1, 2));
  assert.deepEqual(numbers(await ear.atLeast(2)), [1, 2]);
  assert.equal(calls, 2);
}

function items(chat: ChatKey, number: number): News {
  return { kind: 'items', chat, from: number, to: number, revision: 1 };
}

function numbers(all: readonly News[]): number[] {
  return all.map((news) => (news.kind === 'items' ? news.from : -1));
}

interface Ear {
  readonly heard: readonly News[];
  /** Resolves with all that was heard as soon as that many are. */
  atLeast(count: number): Promise<readonly News[]>;
  end(): void;
}

async function listen(bus: Bus, chat: ChatKey): Promise<Ear> {
  const heard: News[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let resolve = () => {};
  const subscription = await bus.subscribe(chat, (news) => {
    heard.push(news);
    if (heard.length >= wanted) resolve();
  });
  return {
    heard,
    async atLeast(count) {
      wanted = count;
      if (heard.length < count) await new Promise<void>((done) => (resolve = done));
      return heard;
    },
    end: subscription.end,
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
