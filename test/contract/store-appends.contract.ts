import assert from 'node:assert/strict';
import { test } from 'node:test';
import { end } from '../../src/domain/chat.ts';
import { connect } from '../../src/domain/participant.ts';
import type { AppendOutcome, ChangeOutcome, Store } from '../../src/store/store.ts';
import {
  chatNow,
  dice,
  done,
  leaving,
  message,
  next,
  noon,
  snapshot,
  startChat,
  stepped,
  tail,
  transcript,
  turn,
  type WithStore,
} from './store-fixtures.ts';

/** The append lane: order, refusals, tokens, races. */
export function appendRules(withStore: WithStore): void {
  ordering(withStore);
  refusing(withStore);
  repeating(withStore);
  racing(withStore);
}

function ordering(withStore: WithStore): void {
  test(
    '[ST2] numbers items from 1 and gives each the time of its commit',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const first = done(await store.append(message(key, 'ann', { now: noon + 10 })));
      const second = done(await store.append(message(key, 'bob', { now: noon + 500 })));
      assert.deepEqual([first.number, first.time, first.again], [1, noon + 10, false]);
      assert.deepEqual([second.number, second.time, second.again], [2, noon + 500, false]);
      assert.equal((await transcript(store, key)).length, 2);
    }),
  );

  test(
    '[ST2] moves times on by a millisecond while the clock stands still or goes back',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const times: number[] = [];
      for (const now of [noon, noon, noon - 1, noon - 86_400_000, 5, noon + 4, noon + 5]) {
        times.push(done(await store.append(message(key, 'ann', { now }))).time - noon);
      }
      assert.deepEqual(times, [0, 1, 2, 3, 4, 5, 6]);
      await transcript(store, key);
    }),
  );

  test(
    '[ST2] gives several items of one change consecutive places, after a new chat as after appends',
    withStore(async (store) => {
      const event = () => ({ tail: tail(), type: 'EVENT', contentType: 'x', participantId: 'ann' }) as const;
      const chat = await startChat(store);
      done(await store.append(message(chat.key, 'ann', { now: noon + 100 })));
      const late = done(
        await store.commit({
          now: noon + 50,
          chat: { expected: chat.revision, after: chat },
          items: [event(), event(), event()],
        }),
      );
      assert.deepEqual(
        late.items.map(({ number, time }) => [number, time - noon]),
        [
          [2, 101],
          [3, 102],
          [4, 103],
        ],
      );
      assert.deepEqual([late.chat?.last, late.chat?.lastTime], [4, noon + 103]);
      assert.deepEqual(
        (await transcript(store, chat.key)).slice(1).map(({ id }) => id),
        late.items.map(({ id }) => id),
      );

      const { key: _, revision: __, last: ___, lastTime: ____, ...created } = chat;
      const id = `chat-${next()}`;
      const born = done(
        await store.commit({
          now: noon,
          chat: { created: { ...created, id, contact: { ...created.contact, id } } },
          items: [event(), event()],
        }),
      );
      assert.deepEqual(
        born.items.map(({ number, time }) => [number, time]),
        [
          [1, noon],
          [2, noon + 1],
        ],
      );
      assert(born.chat);
      assert.equal(done(await store.append(message(born.chat.key, 'ann', { now: noon }))).time, noon + 2);
      await transcript(store, born.chat.key);
    }),
  );

  test(
    '[ST2, ST7] keeps numbers and times in order under concurrency with an unsteady clock',
    withStore(async (store) => {
      const roll = dice(2);
      const chats = await Promise.all([1, 2, 3].map(() => startChat(store)));
      const asked: Promise<AppendOutcome>[] = [];
      const wanted: { chat: number; content: string }[] = [];
      for (let index = 0; index < 400; index += 1) {
        const key = chats[roll(3)]?.key ?? 0;
        const append = message(key, roll(2) ? 'ann' : 'bob', { now: noon + roll(60) - 30 });
        wanted.push({ chat: key, content: append.item.content ?? '' });
        asked.push(store.append(append));
        if (roll(10) === 0) await turn();
      }
      const outcomes = (await Promise.all(asked)).map((each) => done(each));
      const stored = new Map<number, Awaited<ReturnType<typeof transcript>>>();
      for (const { key } of chats) stored.set(key, await transcript(store, key));
      for (const [index, { number, time }] of outcomes.entries()) {
        const item = stored.get(wanted[index]?.chat ?? 0)?.[number - 1];
        assert.equal(item?.content, wanted[index]?.content, 'each answer names its own item');
        assert.equal(item?.time, time);
      }
      assert.equal([...stored.values()].flat().length, outcomes.length, 'none is lost, none is doubled');
    }),
  );
}

function refusing(withStore: WithStore): void {
  const refused = async (store: Store, chat: number, author: string) => {
    const outcome = await store.append(message(chat, author));
    assert('refused' in outcome, `expected a refusal, but it was ${JSON.stringify(outcome)}`);
    return outcome.refused;
  };

  test(
    '[ST3] refuses an author who never connected, is unknown, or left, and writes nothing',
    withStore(async (store) => {
      const chat = await startChat(store, ['ann', 'bob-the-second'], ['eve']);
      done(await store.append(message(chat.key, 'ann')));
      done(await store.commit(leaving(chat, 'ann')));
      const before = await snapshot(store, chat.key);
      for (const author of ['ann', 'eve', 'nobody']) {
        assert.equal(await refused(store, chat.key, author), 'not-connected', author);
      }
      // A part of a connected participant's id is not that participant.
      for (const author of ['bob', 'second', 'b', '', ' ', 'bob-the-second ', 'bob-the-second x', '%']) {
        assert.equal(await refused(store, chat.key, author), 'not-connected', JSON.stringify(author));
      }
      assert.deepEqual(await snapshot(store, chat.key), before);
    }),
  );

  test(
    '[ST3] refuses on a chat that ended, whoever asks, and on a chat that there is not',
    withStore(async (store) => {
      const chat = await startChat(store);
      done(await store.commit(stepped(chat, end(chat, 'API', noon, tail))));
      const before = await snapshot(store, chat.key);
      assert.equal(await refused(store, chat.key, 'ann'), 'ended');
      assert.equal(await refused(store, chat.key, 'nobody'), 'ended');
      for (const unknown of [chat.key + 1_000_000, 0, -1]) {
        assert.equal(await refused(store, unknown, 'ann'), 'no-chat');
      }
      assert.deepEqual(await snapshot(store, chat.key), before);
    }),
  );

  test(
    '[ST3] refuses on a chat that ended even an author who still counts as connected',
    withStore(async (store) => {
      const chat = await startChat(store);
      const after = { ...chat, end: { at: noon, reason: 'API' } } as const;
      done(await store.commit({ now: noon, chat: { expected: chat.revision, after } }));
      assert.equal(await refused(store, chat.key, 'ann'), 'ended');
      const mark = { chat: chat.key, reader: 'ann', kind: 'read', number: 1 } as const;
      assert.deepEqual(await store.commit({ now: noon, mark }), { stale: true });
      assert.deepEqual(await transcript(store, chat.key), []);
    }),
  );

  test(
    '[ST3] does not use up the token of a refused append',
    withStore(async (store) => {
      const chat = await startChat(store, ['ann'], ['eve']);
      const append = message(chat.key, 'eve', { content: 'first' });
      assert.deepEqual(await store.append(append), { refused: 'not-connected' });
      done(await store.commit(stepped(chat, connect(chat, 'eve', noon, tail))));
      const other = message(chat.key, 'eve', { content: 'second', token: { value: append.token.value, request: 'r' } });
      assert.equal(done(await store.append(other)).again, false);
      assert.deepEqual(
        (await transcript(store, chat.key)).map(({ content }) => content),
        [undefined, 'second'],
      );
    }),
  );
}

function repeating(withStore: WithStore): void {
  test(
    '[ST4] answers a repeat with the first number, time and tail, whatever else the repeat says',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const token = { value: 'same', request: 'request' };
      const append = message(key, 'ann', { token, content: 'first' });
      const first = done(await store.append(append));
      done(await store.append(message(key, 'ann')));
      const repeat = done(await store.append(message(key, 'ann', { token, content: 'other', now: noon + 999 })));
      assert.deepEqual([repeat.number, repeat.time, repeat.again], [first.number, first.time, true]);
      assert.deepEqual(Buffer.from(repeat.tail), Buffer.from(append.item.tail));
      const items = await transcript(store, key);
      assert.deepEqual([items.length, items[0]?.content], [2, 'first']);
    }),
  );

  test(
    '[ST4] calls a used token with another request a conflict and writes nothing',
    withStore(async (store) => {
      const { key } = await startChat(store);
      done(await store.append(message(key, 'ann', { token: { value: 'same', request: 'one' } })));
      const before = await snapshot(store, key);
      for (const request of ['two', 'One', 'one ', '']) {
        const outcome = await store.append(message(key, 'ann', { token: { value: 'same', request } }));
        assert.deepEqual(outcome, { refused: 'token-conflict' });
      }
      assert.deepEqual(await snapshot(store, key), before);
    }),
  );

  test(
    '[ST4] keeps the tokens of each author and each chat apart, and compares them exactly',
    withStore(async (store) => {
      const [one, other] = [await startChat(store), await startChat(store)];
      for (const value of ['same', 'Same', 'same ', 'sa\u0301me', 's\u00e1me', '', 'x'.repeat(500)]) {
        for (const [chat, author] of [
          [one.key, 'ann'],
          [one.key, 'bob'],
          [other.key, 'ann'],
        ] as const) {
          const outcome = await store.append(message(chat, author, { token: { value, request: `${chat}${author}` } }));
          assert.equal(done(outcome).again, false, `${value} of ${author}`);
        }
      }
    }),
  );

  test(
    '[ST4] lets one of many equal tokens through that arrive at once, and answers the others from it',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const token = { value: 'same', request: 'request' };
      const asked = Array.from({ length: 25 }, () => store.append(message(key, 'ann', { token })));
      const outcomes = (await Promise.all(asked)).map((each) => done(each));
      assert.equal(outcomes.filter(({ again }) => !again).length, 1);
      assert.equal(new Set(outcomes.map(({ number, time }) => `${number} ${time}`)).size, 1);
      assert.equal((await transcript(store, key)).length, 1);
    }),
  );

  test(
    '[ST4] lets one of many requests with the same token through that arrive at once, and no other',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const asked = Array.from({ length: 25 }, (_, index) =>
        store.append(
          message(key, 'ann', { content: `${index % 5}`, token: { value: 'same', request: `${index % 5}` } }),
        ),
      );
      const outcomes = await Promise.all(asked);
      const [item, ...more] = await transcript(store, key);
      assert.equal(more.length, 0);
      for (const [index, outcome] of outcomes.entries()) {
        if (`${index % 5}` === item?.content) assert.equal(done(outcome).number, 1);
        else assert.deepEqual(outcome, { refused: 'token-conflict' });
      }
    }),
  );

  test(
    '[ST4] answers a repeat after its author left and after the chat ended',
    withStore(async (store) => {
      const chat = await startChat(store);
      const token = { value: 'same', request: 'request' };
      const append = message(chat.key, 'ann', { token });
      const first = done(await store.append(append));
      const check = async (otherwise: 'not-connected' | 'ended') => {
        const repeat = done(await store.append(append));
        assert.deepEqual([repeat.number, repeat.time, repeat.again], [first.number, first.time, true]);
        const conflict = message(chat.key, 'ann', { token: { ...token, request: 'another' } });
        assert.deepEqual(await store.append(conflict), { refused: 'token-conflict' });
        assert.deepEqual(await store.append(message(chat.key, 'ann')), { refused: otherwise });
      };
      done(await store.commit(leaving(chat, 'ann')));
      await check('not-connected');
      const now = await chatNow(store, chat);
      done(await store.commit(stepped(now, end(now, 'API', noon, tail))));
      await check('ended');
    }),
  );
}

/** Asks for many appends by each of `authors` with one change among them, at different points of the event loop. */
async function stream(
  store: Store,
  chat: number,
  authors: readonly string[],
  seed: number,
  change: () => Promise<ChangeOutcome>,
): Promise<{ author: string; outcome: AppendOutcome }[]> {
  const roll = dice(seed);
  const at = roll(60);
  const asked: Promise<{ author: string; outcome: AppendOutcome }>[] = [];
  let changed: Promise<ChangeOutcome> | undefined;
  for (let index = 0; index < 60; index += 1) {
    if (index === at) changed = change();
    const author = authors[roll(authors.length)] ?? '';
    asked.push(store.append(message(chat, author)).then((outcome) => ({ author, outcome })));
    if (roll(8) === 0) await turn();
  }
  done((await changed) ?? { stale: true });
  return Promise.all(asked);
}

function racing(withStore: WithStore): void {
  test(
    '[ST3, ST7] stores nothing of an author after the change that removes it',
    withStore(async (store) => {
      for (let seed = 1; seed <= 12; seed += 1) {
        const chat = await startChat(store);
        const outcomes = await stream(store, chat.key, ['ann', 'bob'], seed, () => store.commit(leaving(chat, 'ann')));
        const items = await transcript(store, chat.key);
        const left = items.find(({ type }) => type === 'EVENT')?.number ?? 0;
        assert(left > 0);
        assert.deepEqual(
          items.filter((each) => each.participantId === 'ann' && each.number > left),
          [],
        );
        for (const { author, outcome } of outcomes) {
          if (author === 'bob') assert('done' in outcome);
          else if ('done' in outcome) assert(outcome.number < left);
          else assert.deepEqual(outcome, { refused: 'not-connected' });
        }
        assert.equal(items.length - 1, outcomes.filter(({ outcome }) => 'done' in outcome).length);
      }
    }),
  );

  test(
    '[ST3, ST7] stores nothing after the end of a chat',
    withStore(async (store) => {
      for (let seed = 1; seed <= 12; seed += 1) {
        const chat = await startChat(store);
        const outcomes = await stream(store, chat.key, ['ann', 'bob'], seed, () =>
          store.commit(stepped(chat, end(chat, 'API', noon, tail))),
        );
        const items = await transcript(store, chat.key);
        assert.equal(items.at(-1)?.type, 'EVENT', 'chat.ended is last of all');
        const taken = outcomes.filter(({ outcome }) => 'done' in outcome);
        assert.equal(items.length - 1, taken.length);
        for (const { outcome } of outcomes) {
          if (!('done' in outcome)) assert.deepEqual(outcome, { refused: 'ended' });
        }
      }
    }),
  );

  test(
    '[ST12] leaves the other appends of a batch as if the failing one had not been there',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const other = await startChat(store);
      const bad = message(key, 'ann');
      const item = { ...bad.item, tail: null as unknown as Uint8Array };
      const settled = await Promise.allSettled([
        store.append(message(key, 'ann', { content: 'one' })),
        store.append({ ...bad, item }),
        store.append(message(other.key, 'bob', { content: 'elsewhere' })),
        store.append({ ...message(key, 'bob'), item }),
        store.append(message(key, 'bob', { content: 'two' })),
      ]);
      assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual((await transcript(store, key)).map(({ content }) => content).sort(), ['one', 'two']);
      assert.equal((await transcript(store, other.key)).length, 1);
      assert.equal(done(await store.append(bad)).again, false, 'the failed one did not use up its token');
    }),
  );
}
