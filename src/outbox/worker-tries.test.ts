import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fails, noon, rejects, told, withOutbox } from '../../test/support/outbox.ts';
import { silentLog } from '../runtime/log.ts';

const day = 24 * 60 * 60_000;

describe('what is not known to have arrived', () => {
  test('[OB3] is tried again after 1 s, 2 s, 4 s and so on to 60 s by the clock, and from 1 s again once something arrived', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, time, lane }) => {
      topics.set('topic', fails);
      const one = await chat();
      await say(one, 'first', 'second');
      const pauses = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60];
      for (const [index, seconds] of pauses.entries()) {
        assert.equal(await outbox.runDue(), 1);
        const { attempts, error, due = 0 } = await lane(one);
        assert.deepEqual([tried.length, attempts, error], [index + 1, index + 1, 'connection refused']);
        const pause = due - time.now;
        assert(pause >= seconds * 500 && pause <= seconds * 1500, `${pause} ms after failure ${attempts}`);
        assert.equal(await outbox.nextDue(), due);
        time.now = due - 1;
        assert.equal(await outbox.runDue(), 0);
        time.now = due;
      }
      assert.deepEqual(new Set(tried.map(told)), new Set(['first']));
      topics.set('topic', (parcel) => {
        if (told(parcel) === 'second') throw new Error('again');
      });
      await outbox.runDue();
      const { attempts, error, number, due = 0 } = await lane(one);
      assert.deepEqual([taken.map(told), attempts, error, number], [['first'], 1, 'again', 1]);
      assert(due - time.now <= 1500);
      assert.deepEqual(outbox.counts().get('topic'), { delivered: 1, failed: 11, dead: 0, parked: 0 });
    }));

  test('[OB3] is kept for a destination that is not configured any more, until it is again', () =>
    withOutbox(async ({ chat, say, outbox, unknown, time, tried, taken, lane }) => {
      unknown.add('topic');
      const one = await chat();
      await say(one, 'hello');
      await outbox.runDue();
      assert.match((await lane(one)).error ?? '', /nothing in the configuration/);
      unknown.clear();
      assert.equal(tried.length, 0);
      time.now = (await outbox.nextDue()) ?? 0;
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['hello']);
    }));

  test('[OB3, OB7] parks its lane after 24 hours, loses nothing, and is delivered once it is re-driven', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, time, lane, store, tried }) => {
      topics.set('topic', fails);
      const one = await chat();
      await say(one, 'first');
      for (let due: number | undefined = noon; due !== undefined; due = await outbox.nextDue()) {
        time.now = due;
        await outbox.runDue();
      }
      assert(time.now >= noon + day && time.now <= noon + day + 90_000, `parked after ${time.now - noon} ms`);
      assert(tried.length > 24 * 40 && tried.length < 24 * 120, `${tried.length} attempts`);
      await say(one, 'second');
      assert.equal(await outbox.runDue(), 0);
      const { isParked, error } = await lane(one);
      assert.deepEqual([isParked, error, outbox.counts().get('topic')?.parked], [true, 'connection refused', 1]);
      topics.delete('topic');
      assert.deepEqual(await store.redrive(undefined, time.now, 10), { lanes: 1, deadLetters: 0 });
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['first', 'second']);
      assert.deepEqual(new Set(tried.map(({ id }) => id)).size, 2);
    }));

  test('[OB3] waits 24 hours from when it was committed, not from when its lane first failed', () =>
    withOutbox(async ({ chat, say, outbox, topics, time, lane }) => {
      topics.set('topic', (parcel) => {
        if (told(parcel) === 'new') throw new Error('down');
      });
      const one = await chat();
      await say(one, 'old');
      time.now = noon + day - 1000;
      await say(one, 'new');
      time.now = noon + day + 1000;
      await outbox.runDue();
      const { isParked, since, number } = await lane(one);
      assert.deepEqual([isParked, since, number], [false, noon + day - 1000, 1]);
    }));
});

describe('a destination that is down', () => {
  test('[OB15] costs one attempt a pause, however many chats wait, and gets everything at once when it is there again', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, time }) => {
      topics.set('topic', fails);
      const chats = await Promise.all(Array.from({ length: 40 }, () => chat()));
      for (const [index, each] of chats.entries()) await say(each, `of ${index}`);
      const other = await chat(['other']);
      await say(other, 'elsewhere');
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['elsewhere'], 'no other waits for it');
      assert.equal(tried.length, 16 + 1, 'those that were at work when it went down');
      const pauses: number[] = [];
      for (let count = 1; count <= 12; count += 1) {
        const next = (await outbox.nextDue(time.now)) ?? 0;
        pauses.push(next - time.now);
        time.now = next - 1;
        await outbox.runDue();
        assert.equal(tried.length, 16 + count, 'nobody tries before');
        time.now = next;
        await outbox.runDue();
        assert.equal(tried.length, 17 + count);
      }
      assert(Math.max(...pauses) <= 90_000 && Math.min(...pauses.slice(-5)) >= 30_000, `${pauses}`);
      topics.clear();
      time.now = (await outbox.nextDue(time.now)) ?? 0;
      await outbox.runDue();
      assert.equal(taken.length, 41);
    }));

  test('[OB15] is not what a chat or two make of it that fail while others get through', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, time }) => {
      topics.set('topic', (parcel) => {
        if (told(parcel).startsWith('bad')) throw new Error('no answer');
      });
      for (let round = 0; round < 20; round += 1) {
        await say(await chat(), round % 4 ? `good ${round}` : `bad ${round}`);
        await outbox.runDue();
        time.now += 10;
      }
      assert.deepEqual([taken.length, new Set(tried.map(told)).size], [15, 20], 'each was tried at once');
    }));

  test('[OB15] is there again when it rejects something', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, time }) => {
      topics.set('topic', fails);
      for (let count = 0; count < 20; count += 1) await say(await chat(), `of ${count}`);
      await outbox.runDue();
      topics.set('topic', rejects);
      const before = tried.length;
      time.now = (await outbox.nextDue(time.now)) ?? 0;
      await outbox.runDue();
      assert(tried.length >= before + 20, `${tried.length - before} tries`);
    }));
});

describe('a destination that says that it is there', () => {
  test('[SN8, OB3] is tried at once, whatever it waits for, and no other, and nothing that is parked', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, store, lane, until }) => {
      for (const topic of ['topic', 'other']) topics.set(topic, fails);
      const [one, two, parked] = [await chat(), await chat(), await chat()];
      const other = await chat(['other']);
      for (const each of [one, two, parked, other]) await say(each, `of ${each.key}`);
      await outbox.runDue();
      const { key, fence, number, time, since } = await lane(parked);
      await store.commit({
        now: noon,
        settled: { key, fence, number, time, since, attempts: 1, rejections: 0, isParked: true },
      });
      topics.clear();
      await outbox.hurry('topic');
      await until(() => taken.length === 2);
      await outbox.runDue();
      assert.deepEqual(taken.map(told).toSorted(), [`of ${one.key}`, `of ${two.key}`]);
      assert.deepEqual([(await lane(parked)).isParked, (await lane(other)).attempts], [true, 1]);
    }));

  test('[SN6, OB3] is tried at once also where it says so during an attempt that fails', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, lane }) => {
      let asked = 0;
      topics.set('topic', async () => {
        asked += 1;
        if (asked > 1) return;
        await outbox.hurry('topic');
        throw new Error('not confirmed yet');
      });
      const one = await chat();
      await say(one, 'hello');
      await outbox.runDue();
      assert.deepEqual([tried.length, taken.map(told), (await lane(one)).due], [2, ['hello'], undefined]);
    }));

  test('[SN6, OB3] is left alone after it said so and failed again', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, lane }) => {
      topics.set('topic', fails);
      const one = await chat();
      await say(one, 'hello');
      await outbox.runDue();
      await outbox.hurry('topic');
      await outbox.runDue();
      const { attempts, due = 0 } = await lane(one);
      assert.deepEqual([tried.length, attempts], [2, 2]);
      assert(due > noon);
    }));
});

describe('what a destination rejects', () => {
  test('[OB4, OB7] is a dead letter after eight attempts, its lane goes on, and it comes again once it is re-driven', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, time, store }) => {
      topics.set('topic', (parcel, signal) => (told(parcel) === 'bad' ? rejects(parcel, signal) : undefined));
      const one = await chat();
      await say(one, 'good', 'bad', 'better');
      for (let due: number | undefined = noon; due !== undefined; due = await outbox.nextDue()) {
        time.now = due;
        await outbox.runDue();
      }
      assert(time.now - noon <= 123_000 * 1.5, 'within minutes');
      assert.deepEqual(taken.map(told), ['good', 'better']);
      const bad = tried.filter((each) => told(each) === 'bad');
      assert.deepEqual([bad.length, new Set(bad.map(({ id }) => id)).size], [8, 1]);
      const [letter, ...others] = await store.deadLetters(undefined, 0, 10);
      assert(letter);
      assert.deepEqual(JSON.parse(letter.parcel), bad[0]);
      assert.deepEqual(
        [others, letter.attempts, letter.error, letter.diedAt],
        [[], 8, '403 from the receiver', time.now],
      );
      assert.deepEqual(outbox.counts().get('topic'), { delivered: 2, failed: 8, dead: 1, parked: 0 });

      topics.delete('topic');
      await store.redrive('topic', time.now, 10);
      await outbox.runDue();
      assert.deepEqual(taken.at(-1), bad[0]);
      assert.deepEqual(await store.deadLetters(undefined, 0, 10), []);
    }));

  test('[OB4, OB7] is re-driven once its chat has ended and its lane is gone', () =>
    withOutbox(async ({ chat, say, end, outbox, topics, taken, time, store }) => {
      topics.set('topic', rejects);
      const one = await chat();
      await say(one, 'bad');
      await end(one);
      for (let due: number | undefined = noon; due !== undefined; due = await outbox.nextDue()) {
        time.now = due;
        await outbox.runDue();
      }
      assert.deepEqual([await store.lanesOf(one.key), (await store.deadLetters(undefined, 0, 10)).length], [[], 2]);
      topics.delete('topic');
      await store.redrive(undefined, time.now, 10);
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['bad', 'chat.ended']);
      assert.deepEqual([await store.lanesOf(one.key), await outbox.nextDue()], [[], undefined]);
    }));

  test('[OB7] is forgotten 14 days after it died', () =>
    withOutbox(async ({ chat, say, outbox, topics, time, store }) => {
      topics.set('topic', rejects);
      await say(await chat(), 'bad');
      for (let due: number | undefined = noon; due !== undefined; due = await outbox.nextDue()) {
        time.now = due;
        await outbox.runDue();
      }
      time.now += 14 * day;
      await outbox.runDue();
      assert.equal((await store.deadLetters(undefined, 0, 10)).length, 1);
      time.now += 1;
      await outbox.runDue();
      assert.equal((await store.deadLetters(undefined, 0, 10)).length, 0);
    }));
});

describe('errors of destinations', () => {
  test('[OB9] are kept as their first line, cut to 200 characters, and logged with the lane', async () => {
    const lines: object[] = [];
    const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) };
    await withOutbox(
      async ({ chat, say, outbox, topics, lane }) => {
        topics.set('topic', () => {
          throw new Error(`${'x'.repeat(300)}\nsecond line`);
        });
        const one = await chat();
        await say(one, 'the content');
        await outbox.runDue();
        const { error, id } = await lane(one);
        assert.equal(error, 'x'.repeat(200));
        assert.deepEqual(lines, [{ destination: 'topic', lane: id, attempts: 1, error }]);
      },
      { log },
    );
  });

  test('[OB9] have the code of a connection that failed at every address of a name, as it has no message', () =>
    withOutbox(async ({ chat, say, outbox, topics, lane }) => {
      topics.set('topic', () => {
        throw Object.assign(new AggregateError([new Error('::1'), new Error('127.0.0.1')]), { code: 'ECONNREFUSED' });
      });
      const one = await chat();
      await say(one, 'hello');
      await outbox.runDue();
      assert.equal((await lane(one)).error, 'ECONNREFUSED');
    }));

  test('[OB9] are warnings at the 1st, 2nd, 4th and so on, and when it is given up, which they say', async () => {
    const warned: [number, string][] = [];
    const informed: number[] = [];
    const log = {
      ...silentLog,
      warn: (fields: object, message: string) =>
        void warned.push([(fields as { attempts: number }).attempts, message.split('; ')[1] ?? '']),
      info: (fields: object) => void informed.push((fields as { attempts: number }).attempts),
    };
    await withOutbox(
      async ({ chat, say, outbox, topics, time }) => {
        topics.set('topic', rejects);
        await say(await chat(), 'hello');
        for (let due: number | undefined = noon; due !== undefined; due = await outbox.nextDue()) {
          time.now = due;
          await outbox.runDue();
        }
        assert.deepEqual(warned.splice(0), [
          ...[1, 2, 4].map((attempts) => [attempts, 'it is tried again']),
          [8, 'it is a dead letter now'],
        ]);
        assert.deepEqual(informed.splice(0), [3, 5, 6, 7]);
        topics.set('topic', fails);
        await say(await chat(), 'hello');
        for (let due: number | undefined = time.now; due !== undefined; due = await outbox.nextDue()) {
          time.now = due;
          await outbox.runDue();
        }
        assert.equal(warned.at(-1)?.[1], 'its lane is parked until it is re-driven');
        assert(warned.length < 20 && informed.length > 1000, `${warned.length} of ${informed.length}`);
      },
      { log },
    );
  });
});
