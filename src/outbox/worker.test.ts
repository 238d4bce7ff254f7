import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hangs, noon, told, withOutbox } from '../../test/support/outbox.ts';
import type { Store } from '../store/store.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const turns = async (count: number) => {
  for (let each = 0; each < count; each += 1) await turn();
};
const names = (count: number) => Array.from({ length: count }, (_, index) => `m${index + 1}`);

describe('what is owed', () => {
  test('[SS1, OB1] is what is committed from the start of a stream to the end of its chat, in order', () =>
    withOutbox(async ({ chat, say, stream, end, outbox, taken, store }) => {
      const one = await chat([]);
      await say(one, 'before');
      await stream(one, 'topic');
      await say(one, 'hello', 'there');
      await end(one);
      assert.equal(await outbox.runDue(), 2, 'the stream, and the archive');
      assert.deepEqual(taken.map(told), ['hello', 'there', 'chat.ended']);
      assert.deepEqual(await store.lanesOf(one.key), []);
      assert.equal(await outbox.runDue(), 0);
    }));

  test('[SS1, SS8] goes on through the next segment of the chat, in whose contact it then is', () =>
    withOutbox(async ({ chat, say, end, writer, outbox, taken, store, time }) => {
      const one = await chat();
      await say(one, 'hello');
      await outbox.runDue();
      await writer.attempt({
        now: time.now,
        async decide() {
          const before = await store.chat({ key: one.key });
          assert(before);
          const after = { ...before, contact: { ...before.contact, id: 'the second segment' } };
          return { change: { chat: { before, after } }, answer: {} };
        },
      });
      await say(one, 'there');
      await end(one);
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['hello', 'there', 'chat.ended']);
      assert.deepEqual(
        taken.map(({ attributes }) => [attributes.InitialContactId, attributes.ContactId, attributes.SequenceNumber]),
        [one.contact.id, 'the second segment', 'the second segment'].map((id, index) => [one.id, id, `${index + 1}`]),
      );
    }));

  test('[SS6, OB1] is what was committed before a stream was stopped, and nothing after', () =>
    withOutbox(async ({ chat, say, stream, stop, outbox, taken, store }) => {
      const one = await chat([]);
      const id = await stream(one, 'topic');
      await say(one, 'hello');
      await stop(one, id);
      await say(one, 'late');
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['hello']);
      assert.deepEqual(await store.lanesOf(one.key), []);
    }));

  test('[SS6, OB1] is nothing after a stream was stopped, also where that was after its lane was read', async () => {
    const between = { run: async () => {} };
    const wrap = (store: Store): Store => ({
      ...store,
      async items(...args) {
        await between.run();
        return store.items(...args);
      },
    });
    await withOutbox(
      async ({ chat, say, stream, stop, outbox, taken, store }) => {
        const one = await chat([]);
        const id = await stream(one, 'topic');
        await say(one, 'hello');
        between.run = async () => {
          between.run = async () => {};
          await say(one, 'there');
          await stop(one, id);
          await say(one, 'late');
        };
        await outbox.runDue();
        assert.deepEqual(taken.map(told), ['hello', 'there']);
        assert.deepEqual(await store.lanesOf(one.key), []);
      },
      { wrap },
    );
  });

  test('[OB1] is nothing of what is refused or comes too late, and once what several try', () =>
    withOutbox(async ({ chat, end, writer, outbox, taken, lane }) => {
      const one = await chat();
      const refused = await writer.append({
        chat: one.key,
        author: 'nobody',
        now: noon,
        item: { tail: Buffer.alloc(10), type: 'MESSAGE', content: 'x', participantId: 'nobody' },
        token: { value: 'v', request: 'r' },
      });
      assert.deepEqual(refused, { refused: 'not-connected' });
      const decide = () => Promise.reject(new Error('refused'));
      await assert.rejects(writer.attempt({ now: noon, decide }), /refused/);
      assert.equal((await lane(one)).due, undefined);
      await Promise.all([end(one), end(one), end(one)]);
      await outbox.runDue();
      assert.deepEqual(taken.map(told), ['chat.ended']);
    }));
});

describe('order and concurrency', () => {
  test('[OB2] one at a time of a lane, in order, however many wait', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken }) => {
      let atOnce = 0;
      topics.set('topic', async () => {
        atOnce += 1;
        assert.equal(atOnce, 1);
        await turn();
        atOnce -= 1;
      });
      await say(await chat(), ...names(50));
      const [first, second] = [outbox.runDue(), outbox.runDue()];
      outbox.wake();
      await Promise.all([first, second]);
      assert.deepEqual(taken.map(told), names(50));
    }));

  test('[OB2] at most 16 lanes of one destination at work, of each', () =>
    withOutbox(async ({ chat, say, outbox, topics, tried, taken, until }) => {
      const gates = new Map(['one', 'two'].map((topic) => [topic, [] as (() => void)[]]));
      for (const [topic, gate] of gates) topics.set(topic, () => new Promise((resolve) => void gate.push(resolve)));
      for (let count = 0; count < 20; count += 1) {
        for (const topic of ['one', 'two']) await say(await chat([topic]), `to ${topic}`);
      }
      const running = outbox.runDue();
      await until(() => tried.length === 32);
      outbox.wake();
      await turns(5);
      assert.deepEqual(
        [...gates.values()].map((gate) => gate.length),
        [16, 16],
      );
      gates.get('one')?.shift()?.();
      await until(() => tried.length === 33);
      await turns(5);
      assert.deepEqual([tried.length, tried.at(-1)?.topic], [33, 'one']);
      for (let open = gates.get('one')?.length ?? 0; taken.length < 40; ) {
        for (const gate of gates.values()) for (const each of gate.splice(0)) each();
        open += 1;
        assert(open < 1000, 'it ends');
        await turn();
      }
      await running;
      assert.equal(new Set(taken.map(({ id }) => id)).size, 40);
    }));

  test('[OB2] a destination that hangs holds up no other, and no other chat of its own', () =>
    withOutbox(async ({ chat, say, outbox, topics, taken, until }) => {
      topics.set('dead', hangs);
      const stuck = await chat(['dead', 'topic']);
      let isFirst = true;
      topics.set('half', (parcel, signal) => {
        if (!isFirst) return;
        isFirst = false;
        return hangs(parcel, signal);
      });
      const [one, other] = [await chat(['half']), await chat(['half'])];
      for (const each of [stuck, one, other]) await say(each, ...names(20));
      outbox.wake();
      await until(() => taken.length === 40);
      for (const topic of ['topic', 'half']) {
        assert.deepEqual(taken.filter((each) => each.topic === topic).map(told), names(20));
      }
    }));

  test('[OB2] a lane is not begun again by an answer of the store from before it was settled', async () => {
    const held: (() => void)[] = [];
    let isHolding = false;
    const wrap = (store: Store): Store => ({
      ...store,
      async dueLanes(...args) {
        const lanes = await store.dueLanes(...args);
        if (isHolding) await new Promise<void>((resolve) => void held.push(resolve));
        return lanes;
      },
    });
    await withOutbox(
      async ({ chat, say, outbox, topics, tried, lane, until }) => {
        const gate = Promise.withResolvers<void>();
        topics.set('topic', () => gate.promise);
        const one = await chat();
        await say(one, 'once');
        outbox.wake();
        await until(() => tried.length === 1);
        isHolding = true;
        outbox.wake();
        while (held.length === 0) await turn();
        gate.resolve();
        while ((await lane(one)).due !== undefined) await turn();
        await turns(3);
        isHolding = false;
        for (const each of held) each();
        await turns(3);
        await outbox.runDue();
        assert.equal(tried.length, 1);
      },
      { wrap },
    );
  });

  test('[OB2] nothing is delivered before the worker has started, however often that is woken', () =>
    withOutbox(async ({ chat, say, another, tried, taken, until }) => {
      await using waiting = another({}, false);
      await say(await chat(), 'hello');
      waiting.wake();
      await turns(5);
      assert.equal(tried.length, 0);
      waiting.start();
      await until(() => taken.length === 1);
    }));
});
