import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { type Ear, join, kept, openStage, openTalk, quiet, type Stage, type Talk } from '../../test/support/push.ts';
import type { News } from '../bus/bus.ts';

/** What may happen to a chat and its sockets. `fate` says what the bus does with the news of it. */
type Happening =
  | { readonly do: 'say' | 'enter' | 'type' | 'read'; readonly fate: Fate }
  | { readonly do: 'join' | 'subscribe' | 'leave'; readonly which: number }
  | { readonly do: 'release' | 'pause' };

type Fate = 'arrives' | 'is lost' | 'comes twice' | 'comes late' | 'comes bare';

const fate = fc.constantFrom<Fate>('arrives', 'is lost', 'comes twice', 'comes late', 'comes bare');
const which = fc.nat(7);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), fate }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('enter' as const, 'type' as const, 'read' as const), fate }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'subscribe' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'pause' as const) }) },
);

/** A socket, and the number of the last item before it was let in. */
interface Witness {
  readonly ear: Ear;
  readonly after: number;
  isSubscribed: boolean;
}

interface Play {
  readonly stage: Stage;
  readonly talk: Talk;
  readonly witnesses: Witness[];
  readonly late: News[];
  count: number;
}

async function happen(play: Play, what: Happening): Promise<void> {
  const { stage, talk, witnesses, late } = play;
  play.count += 1;
  if ('fate' in what) stage.wire.carry = (news, pass) => carry(what.fate, news, pass, late);
  const chosen = 'which' in what ? witnesses[what.which % Math.max(1, witnesses.length)] : undefined;
  switch (what.do) {
    case 'say':
      await talk.say('ann', `message ${play.count}`);
      break;
    case 'enter':
      await talk.enter(`guest ${play.count}`);
      break;
    case 'type':
      await talk.type('bob');
      break;
    case 'read':
      await talk.mark('bob', 'read', await talk.say('ann', `read ${play.count}`));
      break;
    case 'join': {
      const { last } = await talk.now();
      const ear = await join(stage, talk, what.which % 2 ? 'ann' : 'bob');
      witnesses.push({ ear, after: last, isSubscribed: false });
      break;
    }
    case 'subscribe':
      chosen?.ear.subscribe();
      if (chosen) chosen.isSubscribed = true;
      break;
    case 'leave':
      chosen?.ear.seat.leave();
      if (chosen) witnesses.splice(witnesses.indexOf(chosen), 1);
      break;
    case 'release':
      stage.wire.carry = (news, pass) => pass(news);
      for (const news of late.splice(0).reverse()) talk.ring(news);
      break;
    case 'pause':
      stage.steady.advance(25);
      await quiet();
  }
}

function carry(what: Fate, news: News, pass: (news: News) => void, late: News[]): void {
  if (what === 'is lost') return;
  if (what === 'comes late') {
    late.push(news);
    return;
  }
  const passed = what === 'comes bare' && news.kind === 'items' ? { ...news, items: undefined } : news;
  pass(passed);
  if (what === 'comes twice') pass(passed);
}

test('[WS4][WS6] whatever the bus loses, repeats, delays or crosses, each socket gets each item once and in order', async () => {
  const settings = { pageItems: 3, maxWaiting: 4, sendsPerTurn: 7 };
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 60 }), async (happenings) => {
      await using stage = openStage(settings);
      const talk = await openTalk(stage);
      const play: Play = { stage, talk, witnesses: [], late: [], count: 0 };
      for (const what of happenings) await happen(play, what);
      // Two sweeps, since the first passes over what was heard of; and turns for what waits for one.
      for (let count = 0; count < 30; count += 1) {
        if (count < 2) stage.steady.advance(5000);
        await quiet();
      }
      const items = await stage.store.items(talk.key, { newestFirst: false, limit: 1000 });
      for (const { ear, after, isSubscribed } of play.witnesses) {
        const expected = isSubscribed ? items.slice(after).map((item) => item.id) : [];
        assert.deepEqual(kept(ear), expected);
        assert.equal(ear.closed, undefined);
      }
      assert.deepEqual(stage.complaints, []);
    }),
    property(150),
  );
});
