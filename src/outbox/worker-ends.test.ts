import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fails, hangs, noon, told, withOutbox } from '../../test/support/outbox.ts';
import { manualSteady } from '../../test/support/steady.ts';
import * as contentType from '../domain/content-type.ts';
import { silentLog } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const names = (count: number) => Array.from({ length: count }, (_, index) => `m${index + 1}`);

/** The same store with some of its methods replaced, for as long as it is `broken`. */
function breaking(methods: (store: Store) => Partial<Store>) {
  const state = { isBroken: true };
  const wrap = (store: Store): Store => {
    const other: Store = { ...store, ...methods(store) };
    return new Proxy(store, {
      get: (of, name) => Reflect.get(state.isBroken ? other : of, name),
    });
  };
  return { state, wrap };
}

describe('the time of an attempt', () => {
  test('[OB5] is up after as long as its destination may take, by the steady time, and it is tried again', () =>
    withOutbox(
      async ({ chat, say, outbox, topics, steady, tried, taken, time, lane, until }) => {
        topics.set('topic', hangs);
        const one = await chat();
        await say(one, 'slow');
        const running = outbox.runDue();
        await until(() => tried.length === 1);
        time.now += 60_000;
        steady.advance(29_999);
        await turn();
        assert.equal((await lane(one)).attempts, 0);
        steady.advance(1);
        await running;
        const { attempts, error, due } = await lane(one);
        assert.deepEqual([attempts, error, due !== undefined], [1, 'it took too long', true]);
        topics.delete('topic');
        time.now = due ?? 0;
        await outbox.runDue();
        assert.deepEqual(taken.map(told), ['slow']);
      },
      { limitMs: 30_000 },
    ));

  test('[OB5] begins anew with each parcel, and ends with it', () =>
    withOutbox(async ({ chat, say, outbox, topics, steady, taken }) => {
      topics.set('topic', (_, signal) => {
        steady.advance(9_000);
        assert.equal(signal.aborted, false);
      });
      await say(await chat(), ...names(5));
      await outbox.runDue();
      steady.advance(60_000);
      assert.deepEqual(taken.map(told), names(5));
    }));
});

describe('bounds', () => {
  test('[OB6] no more lanes of a destination wait than may: those that wait longest are parked, and lose nothing', () =>
    withOutbox(
      async ({ chat, say, outbox, topics, time, lane, store, taken }) => {
        topics.set('topic', fails);
        const chats = [];
        for (let count = 0; count < 5; count += 1) {
          chats.push(await chat());
          time.now += 10;
        }
        const other = await chat(['other']);
        for (const each of [...chats.toReversed(), other]) {
          await say(each, `of ${each.key}`);
          time.now += 10;
        }
        await outbox.runDue();
        const parked = await Promise.all(chats.map(async (each) => (await lane(each)).isParked));
        assert.deepEqual(parked, [false, false, true, true, true]);
        assert.equal(outbox.counts().get('topic')?.parked, 3);
        assert.deepEqual(taken.map(told), [`of ${other.key}`]);
        topics.delete('topic');
        await store.redrive('topic', time.now, 10);
        time.now += 60_000;
        await outbox.runDue();
        assert.deepEqual(taken.map(told).toSorted(), [...chats, other].map(({ key }) => `of ${key}`).toSorted());
      },
      { maxLanes: 2 },
    ));

  test('[OB6] a lane keeps 1,000 events that pass by; of more, the oldest is dropped', () =>
    withOutbox(async ({ chat, say, typing, outbox, topics, store, taken }) => {
      topics.set('topic', fails);
      const one = await chat();
      await say(one, 'before');
      for (let count = 0; count < 1002; count += 1) await typing(one);
      await say(one, 'after');
      assert.deepEqual(await store.deadLetters('topic', 0, 10), []);
      topics.delete('topic');
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['before', ...Array.from({ length: 1000 }, () => 'typing'), 'after']);
    }));
});

describe('a worker that is thrown away', () => {
  test('[OB8] has written its cursor after every sixteen parcels, in one commit each', async () => {
    const settled: number[] = [];
    const wrap = (store: Store): Store => ({
      ...store,
      commit(change) {
        if (change.settled) settled.push(change.settled.number);
        return store.commit(change);
      },
    });
    await withOutbox(
      async ({ chat, say, typing, outbox, taken }) => {
        const one = await chat();
        await say(one, ...names(40));
        await outbox.runDue();
        assert.deepEqual([taken.length, settled], [40, [16, 32, 40]]);
        for (let count = 0; count < 17; count += 1) await typing(one);
        await say(one, 'end');
        settled.length = 0;
        await outbox.runDue();
        assert.deepEqual([taken.length, settled], [58, [40, 41]]);
      },
      { wrap },
    );
  });

  test('[OB8, SS9] leaves its lanes to the next, which repeats at most sixteen, with the same ids', () =>
    withOutbox(async ({ chat, say, typing, outbox, another, topics, tried, taken, until, lane }) => {
      const one = await chat();
      await typing(one);
      await say(one, ...names(19));
      await typing(one);
      await say(one, ...names(19));
      topics.set('topic', (parcel, signal) => (tried.length === 30 ? hangs(parcel, signal) : undefined));
      outbox.wake();
      await until(() => tried.length === 30);
      assert.deepEqual([taken.length, (await lane(one)).number], [29, 15]);
      const first = taken.splice(0);
      await using next = another();
      await next.runDue();
      assert.deepEqual(taken.slice(0, 13), first.slice(16), 'the same parcels, after the cursor');
      const all = [...first.slice(0, 16), ...taken];
      assert.deepEqual(all.map(told), ['typing', ...names(19), 'typing', ...names(19)]);
      assert.equal(new Set(all.map(({ id }) => id)).size, 40);
    }));
});

describe('a worker that is closed', () => {
  test('[OB14] breaks off attempts, leaves them owed, and keeps what had arrived', () =>
    withOutbox(async ({ chat, say, another, topics, tried, taken, until, lane }) => {
      topics.set('topic', (parcel, signal) => (told(parcel) === 'm3' ? hangs(parcel, signal) : undefined));
      const chats = [await chat(), await chat()];
      for (const each of chats) await say(each, ...names(5));
      const closing = another();
      const running = closing.runDue();
      await until(() => tried.length === 6);
      await closing[Symbol.asyncDispose]();
      await running;
      for (const each of chats) {
        const { number, attempts, error, due } = await lane(each);
        assert.deepEqual([number, attempts, error, due], [2, 0, undefined, noon]);
      }
      topics.delete('topic');
      tried.length = 0;
      await using next = another();
      await next.runDue();
      assert.deepEqual(tried.map(told).toSorted(), ['m3', 'm3', 'm4', 'm4', 'm5', 'm5']);
      assert.equal(taken.length, 10);
    }));

  test('[OB14] begins nothing more, also where a destination takes a parcel in spite of it', () =>
    withOutbox(async ({ chat, say, another, topics, tried, until, lane }) => {
      const gate = Promise.withResolvers<void>();
      topics.set('topic', () => gate.promise);
      const one = await chat();
      await say(one, ...names(5));
      const closing = another();
      closing.wake();
      await until(() => tried.length === 1);
      const closed = closing[Symbol.asyncDispose]();
      gate.resolve();
      await closed;
      assert.deepEqual([tried.length, (await lane(one)).number], [1, 1]);
    }));

  test('[OB14] reads nothing more, however often it is woken', async () => {
    let reads = 0;
    await withOutbox(async ({ store, chat, say, another, tried }) => {
      const steady = manualSteady();
      const counting: Store = {
        ...store,
        laneDestinations(by) {
          reads += 1;
          return store.laneDestinations(by);
        },
      };
      await say(await chat(), 'hello');
      const closing = another({ store: counting, steady });
      closing.wake();
      await closing[Symbol.asyncDispose]();
      closing.wake();
      steady.advance(10_000);
      for (let count = 0; count < 3; count += 1) await turn();
      assert.equal(await closing.runDue(), 0);
      assert.deepEqual([reads, tried.length], [0, 0]);
    });
  });
});

describe('a store that fails', () => {
  const down = () => Promise.reject(new Error('disk full'));

  for (const method of ['laneDestinations', 'dueLanes', 'forgetDeadLetters'] as const) {
    test(`[OB2] ends a run with the failure, and the next one does all: ${method}`, async () => {
      const { state, wrap } = breaking(() => ({ [method]: down }));
      await withOutbox(
        async ({ chat, say, outbox, taken }) => {
          await say(await chat(), 'hello');
          await assert.rejects(outbox.runDue(), /disk full/);
          state.isBroken = false;
          await outbox.runDue();
          assert.deepEqual(taken.map(told), ['hello']);
        },
        { wrap },
      );
    });
  }

  const atOneLane: [what: string, methods: (store: Store) => Partial<Store>, delivers: boolean][] = [
    [
      'its notices',
      (store) => ({ notices: (lane, limit) => (lane === 1 ? down() : store.notices(lane, limit)) }),
      false,
    ],
    ['its items', (store) => ({ items: (chat, range) => (chat === 1 ? down() : store.items(chat, range)) }), false],
    ['its chat', (store) => ({ chat: (ref) => ('key' in ref && ref.key === 1 ? down() : store.chat(ref)) }), false],
    [
      'its settlement',
      (store) => ({ commit: (change) => (change.settled?.key === 1 ? down() : store.commit(change)) }),
      true,
    ],
  ];
  for (const [what, methods, delivers] of atOneLane) {
    test(`[OB2] passes over a lane for a second, and holds up no other: ${what}`, async () => {
      const { state, wrap } = breaking(methods);
      const lines: string[] = [];
      const log = { ...silentLog, error: (_: object, message: string) => void lines.push(message) };
      await withOutbox(
        async ({ chat, say, outbox, taken, steady }) => {
          for (let count = 0; count < 20; count += 1) await say(await chat(), `m${count + 1}`);
          await outbox.runDue();
          const others = names(20).slice(1);
          assert.deepEqual(taken.map(told).toSorted(), (delivers ? names(20) : others).toSorted());
          assert.deepEqual(lines.length, 1);
          assert.match(lines[0] ?? '', /could not be read or settled/);
          state.isBroken = false;
          assert.equal(await outbox.runDue(), 0);
          steady.advance(1000);
          await outbox.runDue();
          assert.deepEqual(told(taken.at(-1) as never), 'm1');
          assert.equal(taken.length, delivers ? 21 : 20);
        },
        { wrap, log },
      );
    });
  }

  test('[OB13] leaves alone a lane whose chat is being erased', () =>
    withOutbox(async ({ chat, say, outbox, store, tried }) => {
      const one = await chat();
      await say(one, ...names(5));
      assert.equal((await store.erase({ key: one.key }, 1))?.isDone, false);
      await outbox.runDue();
      while (!(await store.erase({ key: one.key }, 1))?.isDone);
      await outbox.runDue();
      assert.deepEqual([tried, await store.lanesOf(one.key), await outbox.nextDue()], [[], [], undefined]);
    }));
});

describe('events that pass by', () => {
  test('[SS10] come after the items before them, also where those wait, without a number', () =>
    withOutbox(async ({ chat, say, typing, outbox, topics, taken, time }) => {
      topics.set('topic', fails);
      const one = await chat(['topic', 'other']);
      await typing(one);
      await say(one, 'first');
      await outbox.runDue();
      await typing(one);
      await say(one, 'second');
      topics.delete('topic');
      time.now = (await outbox.nextDue(time.now)) ?? 0;
      await outbox.runDue();
      for (const topic of ['topic', 'other']) {
        const got = taken.filter((each) => each.topic === topic);
        assert.deepEqual(got.map(told), ['typing', 'first', 'typing', 'second']);
        const numbers = got.map(({ attributes }) => attributes.SequenceNumber);
        assert.deepEqual(numbers, [undefined, '1', undefined, '2']);
        for (const { attributes, body } of got) assert.equal(attributes.DeduplicationId, JSON.parse(body).Id);
      }
    }));

  test('[SS1, SS10] come before the end of the chat, also where both were committed while the lane was read', async () => {
    const between = { run: async () => {} };
    const wrap = (store: Store): Store => {
      const watched =
        <A extends unknown[], R>(read: (...args: A) => Promise<R>) =>
        async (...args: A) => {
          const answer = await read(...args);
          await between.run();
          return answer;
        };
      return { ...store, items: watched(store.items), notices: watched(store.notices) };
    };
    await withOutbox(
      async ({ chat, say, typing, end, outbox, taken }) => {
        const one = await chat();
        await say(one, 'hello');
        between.run = async () => {
          between.run = async () => {};
          await typing(one);
          await end(one);
        };
        await outbox.runDue();
        assert.deepEqual(taken.map(told), ['hello', 'typing', 'chat.ended']);
      },
      { wrap },
    );
  });

  test('[SS10] come before the items of their change, and are owed with it', () =>
    withOutbox(async ({ chat, say, writer, outbox, taken, store }) => {
      const one = await chat();
      await say(one, 'last words');
      await writer.attempt({
        now: noon,
        async decide() {
          const before = await store.chat({ key: one.key });
          assert(before);
          const items = ['customer', 'bot'].map((participantId) => ({
            ...({ tail: Buffer.alloc(10), type: 'EVENT', participantId, contentType: contentType.left } as const),
          }));
          const events = [{ contentType: contentType.autodisconnection, participantId: 'bot' }];
          return { change: { chat: { before, after: before }, items }, events, answer: {} };
        },
      });
      await outbox.runDue();
      assert.deepEqual(taken.map(told), [
        'last words',
        'participant.autodisconnection',
        'participant.left',
        'participant.left',
      ]);
    }));

  test('[SS10, SS11] write nothing in a chat without streams, and nothing where they are not streamed', () =>
    withOutbox(async ({ chat, stream, stop, typing, writer, store, time }) => {
      const commits = () => Number(store.database.prepare('SELECT total_changes() AS count').get()?.count);
      const [none, stopped, streamed] = [await chat([]), await chat([]), await chat()];
      await stop(stopped, await stream(stopped, 'topic'));
      const before = commits();
      for (const each of [none, stopped]) await typing(each);
      const event = { id: '01930000-0000-7000-8000-000000000000', time: time.now };
      await writer.pass(streamed, { ...event, contentType: contentType.rehydrated });
      assert.equal(commits(), before);
      await typing(streamed);
      assert(commits() > before);
    }));
});

test('[CK7] starting afresh breaks off what is being delivered, and forgets that a destination was down by a clock that is set back', () =>
  withOutbox(async ({ chat, say, outbox, store, topics, tried, taken, time, until }) => {
    topics.set('down', fails);
    topics.set('hanging', hangs);
    const one = await chat(['down', 'hanging']);
    await say(one, 'of old');
    time.now = noon + 6 * 24 * 60 * 60_000;
    const others = await Promise.all(Array.from({ length: 5 }, () => chat(['down'])));
    for (const each of others) await say(each, 'of old');
    const working = outbox.runDue();
    await until(
      () => tried.filter(({ topic }) => topic === 'down').length >= 5 && tried.some(({ topic }) => topic === 'hanging'),
    );
    await outbox.startAfresh(async () => {
      await store.clear();
      time.now = noon;
    });
    await working;
    topics.clear();
    assert.equal(await outbox.nextDue(), undefined);
    const next = await chat(['down', 'hanging']);
    await say(next, 'new');
    await outbox.runDue();
    assert.deepEqual(taken.map(told), ['new', 'new']);
  }));
