import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { message } from '../../test/contract/store-fixtures.ts';
import { type Ear, join, quiet, type Stage, staged, subscribedEar, type Talk } from '../../test/support/push.ts';
import * as contentType from '../domain/content-type.ts';

/** Who of a chat's sockets gets what: places for so many of one participant, and items that are not for all. */

async function five(stage: Stage, talk: Talk, who = 'ann'): Promise<Ear[]> {
  const ears: Ear[] = [];
  for (let count = 0; count < 5; count += 1) ears.push(await subscribedEar(stage, talk, who));
  return ears;
}

/** The status of the last answer to a subscribe. */
function status({ frames }: Ear): unknown {
  const answers = frames.map((frame) => JSON.parse(String(frame))).filter(({ topic }) => topic === 'aws/subscribe');
  return answers.at(-1)?.content.status;
}

describe('hub: places', () => {
  test(
    '[WS13] has five for a participant; the sixth socket stays open, gets nothing, and gets a place when one is free',
    staged(async (stage, talk) => {
      const ears = await five(stage, talk);
      const sixth = await join(stage, talk, 'ann');
      sixth.subscribe();
      await quiet();
      assert.deepEqual([...ears.map(status), status(sixth)], [...Array(5).fill('success'), 'failure']);
      await talk.say('bob', 'to five');
      assert.deepEqual(
        [...ears, sixth].map((ear) => ear.lines().length),
        [1, 1, 1, 1, 1, 0],
      );
      assert.equal(sixth.closed, undefined);
      ears[2]?.seat.leave();
      sixth.subscribe();
      await quiet();
      assert.equal(status(sixth), 'success');
      await talk.say('bob', 'to the sixth');
      assert.deepEqual(sixth.lines(), ['to five', 'to the sixth'], 'from its upgrade on, nothing is missing');
      assert.deepEqual(ears[2]?.lines(), ['to five']);
    }),
  );

  test(
    '[WS13] counts neither the sockets of others nor those that have not subscribed',
    staged(async (stage, talk) => {
      const opened = [await join(stage, talk, 'ann'), await join(stage, talk, 'ann')];
      const ears = [...(await five(stage, talk)), ...(await five(stage, talk, 'bob'))];
      await talk.say('bob', 'to all');
      assert.deepEqual(
        ears.map((ear) => ear.lines().length),
        Array(10).fill(1),
      );
      for (const ear of opened) assert.deepEqual(ear.lines(), []);
    }),
  );

  test(
    '[WS13] has as many as it is set to',
    staged(
      async (stage, talk) => {
        const [first, second] = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'ann')];
        assert.deepEqual([first, second].map(status), ['success', 'failure']);
      },
      { socketsPerParticipant: 1 },
    ),
  );

  test(
    '[WS14] asks the subscribed sockets of the participant, and no others, whether they live when one finds no place',
    staged(async (stage, talk) => {
      const ears = await five(stage, talk);
      const [bob, opened] = [await subscribedEar(stage, talk, 'bob'), await join(stage, talk, 'ann')];
      assert.deepEqual(
        ears.map(({ probes }) => probes),
        [0, 0, 0, 0, 0],
      );
      const sixth = await join(stage, talk, 'ann');
      sixth.subscribe();
      assert.deepEqual(
        [...ears, bob, opened, sixth].map(({ probes }) => probes),
        [1, 1, 1, 1, 1, 0, 0, 0],
      );
    }),
  );
});

describe('hub: visibility', () => {
  const secret = contentType.typing.replace('typing', 'authentication.initiated');

  /** An item that is the customer's alone. */
  async function sayForCustomer(stage: Stage, talk: Talk): Promise<void> {
    const append = message(talk.key, 'bob');
    const item = { ...append.item, type: 'EVENT' as const, contentType: secret, content: 'for ann' };
    await stage.store.append({ ...append, item });
    const { last, revision } = await talk.now();
    talk.ring({ kind: 'items', chat: talk.key, from: last, to: last, revision });
    stage.steady.advance(20);
    await quiet();
  }

  test(
    '[VI2] pushes an item to those who may see it, and to the others what is around it without a gap',
    staged(async (stage, talk) => {
      const [ann, bob] = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'bob')];
      await talk.say('bob', 'before');
      await sayForCustomer(stage, talk);
      await talk.say('bob', 'after');
      assert.deepEqual(ann.lines(), ['before', 'for ann', 'after']);
      assert.deepEqual(bob.lines(), ['before', 'after']);
    }),
  );

  test(
    '[VI2] does the same for what is read from the log',
    staged(async (stage, talk) => {
      const [ann, bob] = [await join(stage, talk, 'ann'), await join(stage, talk, 'bob')];
      await sayForCustomer(stage, talk);
      await sayForCustomer(stage, talk);
      await talk.say('bob', 'after');
      for (const ear of [ann, bob]) ear.subscribe();
      await quiet();
      assert.deepEqual(ann.lines(), ['for ann', 'for ann', 'after']);
      assert.deepEqual(bob.lines(), ['after']);
    }),
  );

  test(
    '[VI2] shows what passes by to those who may see it',
    staged(async (stage, talk) => {
      const [ann, bob] = [await subscribedEar(stage, talk, 'ann'), await subscribedEar(stage, talk, 'bob')];
      const event = { kind: 'event', chat: talk.key, after: 0, id: 'passing', time: 0 } as const;
      talk.ring({ ...event, contentType: secret });
      talk.ring({ ...event, contentType: contentType.acknowledged, participantId: 'bob' });
      talk.ring({ ...event, contentType: contentType.typing, participantId: 'bob' });
      assert.deepEqual(ann.lines(), ['initiated', 'typing']);
      assert.deepEqual(bob.lines(), ['typing']);
    }),
  );
});
