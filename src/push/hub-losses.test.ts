import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gate, join, lose, openTalk, pass, quiet, staged, subscribedEar } from '../../test/support/push.ts';
import type { News } from '../bus/bus.ts';

describe('hub: what the bus loses', () => {
  test(
    '[WS4] passes over news that come again',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      const rung: News[] = [];
      stage.wire.carry = (news, on) => {
        rung.push(news);
        for (const each of [...rung, news]) on(each);
      };
      for (const text of ['1', '2', '3']) await talk.say('bob', text);
      assert.deepEqual(ear.lines(), ['1', '2', '3']);
    }),
  );

  test(
    '[WS4] puts crossed news in order without reading the log, if they cross within the grace',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      const rung: News[] = [];
      stage.wire.carry = (news) => void rung.push(news);
      for (const text of ['1', '2', '3', '4']) await talk.say('bob', text);
      stage.wire.carry = pass;
      for (const index of [1, 3, 2]) talk.ring(rung[index] as News);
      stage.steady.advance(19);
      await quiet();
      assert.deepEqual(ear.lines(), []);
      talk.ring(rung[0] as News);
      assert.deepEqual(ear.lines(), ['1', '2', '3', '4']);
      stage.steady.advance(1000);
      assert.deepEqual(stage.reads.items, []);
    }),
  );

  test(
    '[WS6] reads what is missing after the grace, once for all sockets of the chat',
    staged(async (stage, talk) => {
      const ears = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'bob')];
      stage.wire.carry = lose;
      await talk.say('bob', 'lost');
      stage.wire.carry = pass;
      await talk.say('bob', 'rung');
      await talk.say('bob', 'also rung');
      stage.steady.advance(19);
      await quiet();
      assert.deepEqual(stage.reads.items, []);
      stage.steady.advance(1);
      await quiet();
      for (const ear of ears) assert.deepEqual(ear.lines(), ['lost', 'rung', 'also rung']);
      assert.deepEqual(stage.reads.items, [talk.key]);
    }),
  );

  test(
    '[WS6] reads news that came without their items from the log, page by page',
    staged(
      async (stage, talk) => {
        const ear = await subscribedEar(stage, talk, 'ann');
        stage.wire.carry = (news, on) => on(news.kind === 'items' ? { ...news, items: undefined } : news);
        const said = Array.from({ length: 8 }, (_, index) => `${index + 1}`);
        for (const text of said) await talk.say('bob', text);
        assert.deepEqual(ear.lines(), []);
        stage.steady.advance(20);
        await quiet();
        assert.deepEqual(ear.lines(), said);
        assert.equal(stage.reads.items.length, 3);
      },
      { pageItems: 3 },
    ),
  );

  test(
    '[WS6] keeps only so many items while one is missing, and reads the rest',
    staged(
      async (stage, talk) => {
        const ear = await subscribedEar(stage, talk, 'ann');
        stage.wire.carry = lose;
        await talk.say('bob', '1');
        stage.wire.carry = pass;
        for (const text of ['2', '3', '4', '5', '6']) await talk.say('bob', text);
        stage.steady.advance(20);
        await quiet();
        assert.deepEqual(ear.lines(), ['1', '2', '3', '4', '5', '6']);
        assert.equal(stage.reads.items.length, 3, '1, and after the two that were kept 4, 5 and 6');
      },
      { maxWaiting: 2, pageItems: 2 },
    ),
  );

  test(
    '[WS6] learns what is missing from the arrival of another socket',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await talk.say('bob', 'lost');
      await join(stage, talk, 'bob');
      stage.steady.advance(20);
      await quiet();
      assert.deepEqual(ear.lines(), ['lost']);
    }),
  );

  test(
    '[WS6] a live socket goes on while another one of the chat catches up',
    staged(async (stage, talk) => {
      const live = await subscribedEar(stage, talk, 'ann');
      const late = await join(stage, talk, 'bob');
      await talk.say('ann', '1');
      const { closed, open } = gate();
      stage.reads.before = (what) => (what === 'items' ? closed : undefined);
      late.subscribe();
      await quiet();
      await talk.say('ann', '2');
      assert.deepEqual([live.lines(), late.lines()], [['1', '2'], []]);
      open();
      await quiet();
      await talk.say('ann', '3');
      assert.deepEqual(
        [live.lines(), late.lines()],
        [
          ['1', '2', '3'],
          ['1', '2', '3'],
        ],
      );
    }),
  );

  test(
    '[WS6] finds a lost doorbell at the next sweep, and spares chats it has heard of',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.steady.advance(5000);
      await quiet();
      assert.deepEqual(stage.reads.positions, [], 'a chat just joined is not compared');
      stage.wire.carry = lose;
      await talk.say('bob', 'lost');
      stage.steady.advance(4999);
      await quiet();
      assert.deepEqual(ear.lines(), []);
      stage.steady.advance(1);
      await quiet();
      assert.deepEqual(ear.lines(), ['lost']);
      assert.deepEqual(stage.reads.positions, [[talk.key]]);
    }),
  );

  test(
    '[WS6] sweeps all quiet chats, slice by slice',
    staged(
      async (stage) => {
        const talks = [];
        for (let count = 0; count < 5; count += 1) talks.push(await openTalk(stage));
        const ears = await Promise.all(talks.map((talk) => subscribedEar(stage, talk, 'ann')));
        stage.wire.carry = lose;
        for (const talk of talks) await talk.say('bob', talk.id);
        await stage.hub.resync();
        await quiet();
        assert.deepEqual(
          ears.map((ear) => ear.lines()),
          talks.map((talk) => [talk.id]),
        );
        assert.deepEqual(
          stage.reads.positions.map((keys) => keys.length),
          [2, 2, 1],
        );
      },
      { sweepChats: 2 },
    ),
  );

  test(
    '[WS6] resync finds at once what was lost while the bus was away',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      for (const text of ['1', '2', '3']) await talk.say('bob', text);
      await stage.hub.resync();
      await quiet();
      assert.deepEqual(ear.lines(), ['1', '2', '3']);
    }),
  );

  test(
    '[WS6] keeps the reads of all chats together within their bound',
    staged(
      async (stage) => {
        const talks = await Promise.all([1, 2, 3, 4, 5].map(() => openTalk(stage)));
        const ears = await Promise.all(talks.map((talk) => subscribedEar(stage, talk, 'ann')));
        stage.wire.carry = lose;
        for (const talk of talks) await talk.say('bob', 'lost');
        await stage.hub.resync();
        await quiet();
        let inFlight = 0;
        let most = 0;
        const gates: (() => void)[] = [];
        stage.reads.before = async (what) => {
          if (what !== 'items') return;
          const { closed, open } = gate();
          gates.push(open);
          inFlight += 1;
          most = Math.max(most, inFlight);
          await closed;
          inFlight -= 1;
        };
        stage.wire.carry = pass;
        for (const talk of talks) await talk.say('bob', 'rung');
        stage.wire.carry = lose;
        for (const talk of talks) await talk.say('bob', 'lost again');
        await stage.hub.resync();
        while (ears.some((ear) => ear.lines().length < 3)) {
          await quiet();
          for (const open of gates.splice(0)) open();
        }
        assert.equal(most, 2);
        for (const ear of ears) assert.deepEqual(ear.lines(), ['lost', 'rung', 'lost again']);
      },
      { readsAtOnce: 2 },
    ),
  );

  test(
    '[WS6] a read that fails is tried again by the next sweep',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.reads.before = () => Promise.reject(new Error('the store is away'));
      stage.wire.carry = (news, on) => on(news.kind === 'items' ? { ...news, items: undefined } : news);
      await talk.say('bob', 'one');
      stage.steady.advance(20);
      await quiet();
      stage.steady.advance(5000);
      await quiet();
      assert.deepEqual(ear.lines(), []);
      stage.reads.before = () => undefined;
      stage.steady.advance(5000);
      await quiet();
      assert.deepEqual(ear.lines(), ['one']);
      assert.equal(stage.complaints.length, 2);
      assert.match(stage.complaints.join('\n'), /the store is away/);
    }),
  );

  test(
    '[WS6] news of items that the log does not have are noted and do no harm',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      talk.ring({ kind: 'items', chat: talk.key, from: 1, to: 7, revision: 1 });
      stage.steady.advance(20);
      await quiet();
      assert.deepEqual(stage.complaints, ['news named items that the log does not have']);
      await talk.say('bob', 'one');
      assert.deepEqual(ear.lines(), ['one']);
    }),
  );
});
