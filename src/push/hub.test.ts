import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gate, join, lose, openStage, openTalk, pass, quiet, staged, subscribedEar } from '../../test/support/push.ts';
import type { News } from '../bus/bus.ts';
import type { Item } from '../domain/item.ts';

describe('hub: delivery', () => {
  test(
    '[WS3][WS4] brings every item to every socket in order, the author and second sockets included',
    staged(async (stage, talk) => {
      const ears = [
        await subscribedEar(stage, talk, 'ann'),
        await subscribedEar(stage, talk, 'ann'),
        await subscribedEar(stage, talk, 'bob'),
      ];
      const hello = await talk.say('ann', 'hello');
      await talk.say('bob', 'good day');
      for (const ear of ears) assert.deepEqual(ear.lines(), ['hello', 'good day']);
      assert.deepEqual(ears[2]?.heard()[0], {
        AbsoluteTime: new Date(hello.time).toISOString(),
        Content: 'hello',
        ContentType: 'text/plain',
        Id: hello.id,
        Type: 'MESSAGE',
        ParticipantId: 'ann',
        DisplayName: 'Display name of ann',
        ParticipantRole: 'CUSTOMER',
        ContactId: talk.id,
        InitialContactId: talk.id,
      });
      assert.equal(ears[0]?.frames[1], ears[2]?.frames[1], 'a frame is encoded once');
      assert.deepEqual(stage.reads.items, [], 'nothing was read from the log');
    }),
  );

  test(
    '[WS5] begins at subscribe with everything committed after the upgrade, and nothing older',
    staged(async (stage, talk) => {
      await talk.say('ann', 'before the upgrade');
      const ear = await join(stage, talk, 'bob');
      await talk.say('ann', 'one');
      await talk.say('ann', 'two');
      assert.deepEqual(ear.frames, []);
      ear.subscribe();
      await quiet();
      await talk.say('ann', 'three');
      assert.deepEqual(ear.lines(), ['one', 'two', 'three']);
    }),
  );

  test(
    '[WS5] misses nothing that is committed while the socket is let in',
    staged(async (stage, talk) => {
      const { closed, open } = gate();
      // Read, but not yet arrived: the message is committed in between.
      const { store } = stage;
      const chat = store.chat;
      store.chat = async (ref) => {
        const found = await chat(ref);
        await closed;
        return found;
      };
      const joining = join(stage, talk, 'bob');
      await quiet();
      store.chat = chat;
      await talk.say('ann', 'meanwhile');
      open();
      const ear = await joining;
      ear.subscribe();
      await quiet();
      assert.deepEqual(ear.lines(), ['meanwhile']);
    }),
  );

  test(
    '[WS5] reads where the chat stands only once the bus has its subscription',
    staged(async (stage, talk) => {
      const { closed, open } = gate();
      stage.wire.before = () => closed;
      const joining = join(stage, talk, 'bob');
      await talk.say('ann', 'before');
      assert.deepEqual(stage.reads.chat, []);
      open();
      const ear = await joining;
      await talk.say('ann', 'after');
      ear.subscribe();
      await quiet();
      assert.deepEqual(ear.lines(), ['after']);
    }),
  );

  test(
    '[WS10] a bus that cannot be subscribed to keeps a socket out, and the next one tries again',
    staged(async (stage, talk) => {
      stage.wire.before = () => Promise.reject(new Error('the bus is away'));
      await Promise.all(['ann', 'bob'].map((who) => assert.rejects(join(stage, talk, who), /the bus is away/)));
      stage.wire.before = () => undefined;
      const ear = await subscribedEar(stage, talk, 'bob');
      await talk.say('ann', 'hello');
      assert.deepEqual(ear.lines(), ['hello']);
    }),
  );

  test(
    '[WS4] a socket that comes while the last one goes is not forgotten',
    staged(async (stage, talk) => {
      const going = await subscribedEar(stage, talk, 'ann');
      const { closed, open } = gate();
      stage.reads.before = () => closed;
      const coming = join(stage, talk, 'bob');
      await quiet();
      going.seat.leave();
      open();
      const ear = await coming;
      ear.subscribe();
      await quiet();
      await talk.say('ann', 'hello');
      assert.deepEqual(ear.lines(), ['hello']);
      assert.deepEqual(stage.wire.subscribed, [talk.key]);
    }),
  );

  test(
    '[WS1] subscribing twice delivers nothing twice',
    staged(async (stage, talk) => {
      const ear = await join(stage, talk, 'bob');
      await talk.say('ann', 'one');
      ear.subscribe();
      ear.subscribe();
      await quiet();
      ear.subscribe();
      await quiet();
      assert.deepEqual(ear.lines(), ['one']);
    }),
  );

  test(
    '[BU2] listens to the bus exactly while it holds a socket of the chat',
    staged(async (stage, talk) => {
      const one = await subscribedEar(stage, talk, 'ann');
      const two = await subscribedEar(stage, talk, 'bob');
      assert.deepEqual(stage.wire.subscribed, [talk.key]);
      one.seat.leave();
      one.seat.leave();
      await quiet();
      assert.deepEqual(stage.wire.subscribed, [talk.key]);
      two.seat.leave();
      await quiet();
      assert.deepEqual(stage.wire.subscribed, []);
      const three = await subscribedEar(stage, talk, 'ann');
      await talk.say('bob', 'again');
      assert.deepEqual([one.lines(), two.lines(), three.lines()], [[], [], ['again']]);
    }),
  );

  test(
    '[WS10] refuses a participant that has gone since its upgrade was let through',
    staged(async (stage, talk) => {
      const peer = { send() {}, probe() {}, close() {} };
      await talk.leave('bob');
      const refused = async (chatKey: number, participantId: string) => {
        const outcome = await stage.hub.join({ chatKey, participantId }, peer);
        return 'refused' in outcome && outcome.refused;
      };
      assert.equal(await refused(talk.key, 'bob'), 'participant-left');
      assert.equal(await refused(talk.key, 'eve'), 'no-participant');
      assert.equal(await refused(talk.key + 1, 'ann'), 'no-participant');
      await talk.stop();
      assert.equal(await refused(talk.key, 'ann'), 'contact-ended');
      await quiet();
      assert.deepEqual(stage.wire.subscribed, []);
    }),
  );

  test(
    '[WS4] lets other work have its turn after a bounded number of frames',
    staged(
      async (stage, talk) => {
        const ear = await subscribedEar(stage, talk, 'ann');
        const rung: News[] = [];
        stage.wire.carry = (news) => void rung.push(news);
        for (let count = 1; count <= 10; count += 1) await talk.say('bob', `${count}`);
        stage.wire.carry = pass;
        for (const news of rung) talk.ring(news);
        assert.deepEqual(ear.lines(), ['1', '2', '3', '4']);
        await quiet();
        assert.deepEqual(ear.lines(), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
        assert.deepEqual(stage.reads.items, []);
      },
      { sendsPerTurn: 4 },
    ),
  );

  test(
    '[CL8] drains its sockets one after the other over a time, and serves each until its turn',
    staged(async (stage, talk) => {
      const ears: Awaited<ReturnType<typeof subscribedEar>>[] = [];
      for (const who of ['ann', 'bob', 'ann', 'bob']) ears.push(await subscribedEar(stage, talk, who));
      const closed = () => ears.map((each) => each.closed?.code);
      const drained = stage.hub.drain(1000);
      await quiet();
      assert.deepEqual(closed(), [1001, undefined, undefined, undefined]);
      await talk.say('ann', 'still here');
      assert.deepEqual(ears[3]?.lines(), ['still here']);
      for (const count of [2, 3, 4]) {
        stage.steady.advance(250);
        await quiet();
        assert.equal(closed().filter((each) => each === 1001).length, count);
      }
      await drained;
    }),
  );

  test('[LI2] stopping closes every socket with 1001, ends the subscriptions and lets nobody in', async () => {
    const stage = openStage();
    const talk = await openTalk(stage);
    const ears = [await subscribedEar(stage, talk, 'ann'), await join(stage, talk, 'bob')];
    const late = join(stage, talk, 'bob');
    const rejected = assert.rejects(late, /stopping/);
    await stage.hub[Symbol.asyncDispose]();
    for (const ear of ears) assert.deepEqual(ear.closed, { code: 1001, reason: 'going away' });
    assert.deepEqual(stage.wire.subscribed, []);
    await rejected;
    await assert.rejects(join(stage, talk, 'ann'), /stopping/);
    await stage[Symbol.asyncDispose]();
    assert.deepEqual(stage.complaints, []);
  });
});

describe('hub: participants', () => {
  test(
    '[WS3] knows a participant who just joined by name',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      await talk.enter('carl');
      await talk.say('carl', 'hi');
      await quiet();
      assert.deepEqual(
        ear.heard().map((item) => [item.ParticipantId, item.DisplayName, item.ParticipantRole]),
        [
          ['carl', 'Display name of carl', 'SYSTEM'],
          ['carl', 'Display name of carl', 'SYSTEM'],
        ],
      );
      assert.deepEqual(ear.lines(), ['joined', 'hi']);
    }),
  );

  test(
    '[WS3] looks up the author of an item whom it has never heard of',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await talk.enter('carl');
      // News that do not tell that the revision moved.
      stage.wire.carry = (news, on) => on(news.kind === 'items' ? { ...news, revision: 1 } : news);
      await talk.say('carl', 'hi');
      stage.steady.advance(20);
      await quiet();
      assert.deepEqual(
        ear.heard().map((item) => item.DisplayName),
        ['Display name of carl', 'Display name of carl'],
      );
      assert.deepEqual(stage.reads.chat.length, 2);
    }),
  );

  test(
    '[WS9] the customer who leaves gets its participant.left and chat.ended, then nothing, and its socket is left open for a minute',
    staged(async (stage, talk) => {
      const ears = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'bob')];
      await talk.say('ann', 'bye');
      await talk.leave('ann');
      await quiet();
      for (const ear of ears) assert.deepEqual(ear.lines(), ['bye', 'left', 'ended']);
      await talk.type('bob');
      stage.steady.advance(59_999);
      await quiet();
      assert.deepEqual(
        ears.map((ear) => [ear.closed, ear.heard().length]),
        [
          [undefined, 3],
          [undefined, 3],
        ],
      );
      ears[1]?.seat.leave();
      stage.steady.advance(1);
      assert.equal(ears[0]?.closed?.code, 1000);
      assert.equal(ears[1]?.closed, undefined, 'a client that closes by itself is not closed');
    }),
  );

  test(
    '[WS9] a bot that leaves gets its participant.left and nothing that is said later, while the others go on',
    staged(async (stage, talk) => {
      const ann = await subscribedEar(stage, talk, 'ann');
      const bob = await subscribedEar(stage, talk, 'bob');
      await talk.leave('bob');
      await talk.say('ann', 'is it gone?');
      await talk.stop();
      await quiet();
      assert.deepEqual(ann.lines(), ['left', 'is it gone?', 'ended']);
      assert.deepEqual(bob.lines(), ['left']);
      stage.steady.advance(60_000);
      assert.equal(bob.closed?.code, 1000);
    }),
  );

  test(
    '[WS9] nothing said after a leave whose doorbell was lost reaches the leaver',
    staged(async (stage, talk) => {
      const bob = await subscribedEar(stage, talk, 'bob');
      stage.wire.carry = lose;
      await talk.leave('bob');
      stage.wire.carry = pass;
      await talk.say('ann', 'is it gone?');
      await talk.type('ann');
      stage.steady.advance(20);
      await quiet();
      assert.deepEqual(bob.lines(), ['left']);
    }),
  );

  test(
    '[WS9] an end whose doorbell was lost is found by the sweep',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await talk.stop();
      for (let sweeps = 0; sweeps < 2; sweeps += 1) {
        stage.steady.advance(5000);
        await quiet();
      }
      assert.deepEqual(ear.lines(), ['ended']);
      stage.steady.advance(60_000);
      assert.equal(ear.closed?.code, 1000);
    }),
  );

  test(
    '[WS9] the end reaches a socket whose items are cut between the two by a page',
    staged(
      async (stage, talk) => {
        const ear = await subscribedEar(stage, talk, 'ann');
        stage.wire.carry = lose;
        await talk.leave('ann');
        await stage.hub.resync();
        await quiet();
        assert.deepEqual(ear.lines(), ['left', 'ended']);
      },
      { pageItems: 1 },
    ),
  );

  test(
    '[WS9] a socket that never subscribed is closed after the bound too, and may still ask for the end',
    staged(async (stage, talk) => {
      const silent = await join(stage, talk, 'ann');
      const asking = await join(stage, talk, 'bob');
      await talk.stop();
      await quiet();
      asking.subscribe();
      await quiet();
      assert.deepEqual(asking.lines(), ['ended']);
      stage.steady.advance(60_000);
      assert.deepEqual([silent.closed?.code, asking.closed?.code], [1000, 1000]);
    }),
  );
});

describe('hub: typing and receipts', () => {
  test(
    '[SE3][WS12] shows typing to everybody, the typist included, and keeps none of it',
    staged(async (stage, talk) => {
      const ears = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'bob')];
      const opened = await join(stage, talk, 'bob');
      await talk.type('ann', 'first');
      await talk.say('ann', 'hello');
      await talk.type('ann', 'second');
      for (const ear of ears) assert.deepEqual(ear.lines(), ['typing', 'hello', 'typing']);
      assert.deepEqual(ears[1]?.heard()[0], {
        AbsoluteTime: '2026-01-31T12:00:00.000Z',
        ContentType: 'application/vnd.amazonaws.connect.event.typing',
        Id: 'first',
        Type: 'EVENT',
        ParticipantId: 'ann',
        DisplayName: 'Display name of ann',
        ParticipantRole: 'CUSTOMER',
        ContactId: talk.id,
        InitialContactId: talk.id,
      });
      assert.deepEqual(opened.frames, []);
    }),
  );

  test(
    '[WS12] drops typing that would overtake an item, and learns from it what is missing',
    staged(async (stage, talk) => {
      const ear = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      await talk.say('bob', 'lost');
      stage.wire.carry = pass;
      await talk.type('bob');
      assert.deepEqual(ear.lines(), []);
      stage.steady.advance(20);
      await quiet();
      assert.deepEqual(ear.lines(), ['lost']);
    }),
  );

  test(
    '[SE6] pushes a receipt to all but the sockets of its reader, with the message named and both times',
    staged(async (stage, talk) => {
      const ann = await subscribedEar(stage, talk, 'ann');
      const bob = [await subscribedEar(stage, talk, 'bob'), await subscribedEar(stage, talk, 'bob')];
      const item = await talk.say('ann', 'read this');
      await talk.mark('bob', 'delivered', item, item.time + 1000);
      await talk.mark('bob', 'read', item, item.time + 2000);
      await quiet();
      for (const ear of bob) assert.deepEqual(ear.lines(), ['read this']);
      const at = (later: number) => new Date(item.time + later).toISOString();
      const receipt = (later: number, times: object) => ({
        AbsoluteTime: at(later),
        ContentType: 'application/vnd.amazonaws.connect.event.message.metadata',
        Id: item.id,
        Type: 'MESSAGEMETADATA',
        InitialContactId: talk.id,
        ContactId: talk.id,
        MessageMetadata: { MessageId: item.id, Receipts: [{ ...times, RecipientParticipantId: 'bob' }] },
      });
      assert.deepEqual(ann.heard().slice(1), [
        receipt(1000, { DeliveredTimestamp: at(1000) }),
        receipt(2000, { DeliveredTimestamp: at(1000), ReadTimestamp: at(2000) }),
      ]);
    }),
  );

  test(
    '[SE5] reading what was never marked delivered delivers it at the same time',
    staged(async (stage, talk) => {
      const ann = await subscribedEar(stage, talk, 'ann');
      const item = await talk.say('ann', 'read this');
      await talk.mark('bob', 'read', item, item.time);
      await quiet();
      const time = new Date(item.time).toISOString();
      assert.deepEqual(ann.heard()[1]?.MessageMetadata, {
        MessageId: item.id,
        Receipts: [{ DeliveredTimestamp: time, ReadTimestamp: time, RecipientParticipantId: 'bob' }],
      });
    }),
  );

  test(
    '[SE6] a receipt comes after its message, even if the doorbell of the message was lost',
    staged(async (stage, talk) => {
      const ann = await subscribedEar(stage, talk, 'ann');
      stage.wire.carry = lose;
      const item = await talk.say('ann', 'read this');
      stage.wire.carry = pass;
      await talk.mark('bob', 'read', item);
      await quiet();
      assert.deepEqual(ann.lines(), ['read this', 'metadata']);
    }),
  );

  test(
    '[SE6] a storm of receipts is bounded and never read one by one',
    staged(
      async (stage, talk) => {
        const ann = await subscribedEar(stage, talk, 'ann');
        const { closed, open } = gate();
        stage.reads.before = (what) => (what === 'marks' ? closed : undefined);
        const items: Item[] = [];
        for (let count = 0; count < 20; count += 1) items.push(await talk.say('ann', `${count}`));
        for (const item of items) await talk.mark('bob', 'read', item);
        open();
        await quiet();
        const receipts = ann.heard().slice(20);
        assert.equal(receipts.at(-1)?.Id, items.at(-1)?.id);
        assert(receipts.length <= 11 && stage.reads.marks.length === 2);
      },
      { maxWaiting: 10 },
    ),
  );
});
