import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatNow, message, newChat, next, noon, startChat, transcript } from '../../test/contract/store-fixtures.ts';
import type { Bus } from '../bus/bus.ts';
import { openLocalBus } from '../bus/local.ts';
import { disconnect } from '../domain/participant.ts';
import { UnknownOutcome } from '../domain/unknown-outcome.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { openWriter, type RequestToken, type Writer } from './writer.ts';

/** Commits of which nobody can say whether they happened: a real store that answers so, before or after it has done them. */

const ids = systemIds();

/**
 * `outcomes` is what becomes of the next commits: lost before they are done, after, or after, but not to be seen yet
 * when somebody asks for the token once.
 */
type Loss = 'before' | 'after' | 'late';

async function losing(outcomes: Loss[], run: (store: Store, writer: Writer, woken: () => number) => Promise<void>) {
  await using store = openSqlite(':memory:', systemSteady);
  let wakes = 0;
  let hidden = 0;
  const failing: Store = {
    ...store,
    async commit(change) {
      const loss = outcomes.shift();
      if (loss === undefined) return store.commit(change);
      if (loss !== 'before') await store.commit(change);
      if (loss === 'late') hidden += 1;
      throw new UnknownOutcome('the answer was lost');
    },
    async answered(token, now) {
      if (hidden === 0) return store.answered(token, now);
      hidden -= 1;
      return undefined;
    },
  };
  const outside = {
    eventDestinations: () => [],
    wake() {
      wakes += 1;
    },
  };
  await run(store, openWriter(failing, openLocalBus(silentLog), ids, silentLog, outside), () => wakes);
}

test('[SM9] tells others of messages when all that were committed together are answered, in the order of the commits', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const seen: string[] = [];
  const bus: Bus = {
    publish: (news) => void seen.push(news.kind === 'items' ? `told ${news.to}` : news.kind),
    subscribe: async () => ({ end() {} }),
    async [Symbol.asyncDispose]() {},
  };
  const writer = openWriter(store, bus, ids, silentLog);
  const chat = await startChat(store);
  const send = async () => {
    const outcome = await writer.append(message(chat.key, 'ann'));
    // As far as an answer has to go.
    for (let hop = 0; hop < 20; hop += 1) await undefined;
    seen.push(`answered ${'done' in outcome && outcome.number}`);
    // Typing of somebody who has seen the answer.
    if (seen.length === 1)
      writer.tell({ kind: 'event', chat: chat.key, after: 1, id: '', time: noon, contentType: '' });
  };
  await Promise.all([send(), send(), send()]);
  await new Promise(setImmediate);
  assert.deepEqual(seen, ['answered 1', 'answered 2', 'answered 3', 'told 1', 'told 2', 'told 3', 'event']);
});

const requestToken = (value?: string): RequestToken => ({
  scope: 'Test',
  value,
  request: { of: 'test' },
  conflict: () => new Error('conflict'),
});

test('[CP14] hands on a chat as it was written, and none with the answer of an earlier call', async () => {
  await losing([], async (store, writer) => {
    const token = requestToken('given');
    const created = newChat();
    const start = () =>
      writer.write({
        now: noon,
        token,
        decide: async () => ({ change: { chat: { created } }, answer: { chat: created.id } }),
      });
    const first = await start();
    assert.deepEqual(first, { answer: { chat: created.id }, chat: await chatNow(store, created) });
    assert.deepEqual(await start(), { answer: first.answer });
    const { chat: before } = first;
    assert(before);
    const step = disconnect(before, 'ann', noon, ids.tail);
    assert('chat' in step);
    const decide = async () => ({ change: { chat: { before, after: step.chat }, items: step.items }, answer: {} });
    const { chat: after } = await writer.write({ now: noon, decide });
    // What is undefined is not there once it is stored.
    assert.deepEqual(JSON.parse(JSON.stringify(after)), await chatNow(store, before));
  });
});

const losses: Loss[][] = [
  ['before'],
  ['after'],
  ['late'],
  ['before', 'before'],
  ['before', 'after'],
  ['before', 'late'],
];

for (const outcomes of losses) {
  for (const value of [undefined, 'given']) {
    const title = `${outcomes.join(', then ')}, with a token ${value ?? 'made for it'}`;

    test(`[ST32] creates one chat when answers are lost: ${title}`, () =>
      losing([...outcomes], async (store, writer, woken) => {
        const made: string[] = [];
        const { chat } = await writer.attempt({
          now: noon,
          token: requestToken(value),
          async decide() {
            const created = { ...newChat(), id: `made-${next()}` };
            made.push(created.id);
            return { change: { chat: { created } }, answer: { chat: created.id } };
          },
        });
        const there = await Promise.all(made.map((contactId) => store.chat({ contactId })));
        assert.deepEqual(
          there.flatMap((each) => (each ? [each.id] : [])),
          [chat],
          'the one that was answered, and no other',
        );
        assert(woken() > 0);
      }));

    test(`[ST32] changes a chat once when answers are lost: ${title}`, () =>
      losing([...outcomes], async (store, writer) => {
        const chat = await startChat(store);
        const answer = await writer.attempt({
          now: noon,
          token: requestToken(value),
          async decide() {
            const before = await chatNow(store, chat);
            const step = disconnect(before, 'ann', noon, ids.tail);
            // As an operation refuses who has left already.
            if (!('chat' in step)) throw new Error('not connected');
            return { change: { chat: { before, after: step.chat }, items: step.items }, answer: { left: 'ann' } };
          },
        });
        assert.deepEqual(answer, { left: 'ann' });
        assert.equal((await transcript(store, chat.key)).length, 1);
        assert.equal((await chatNow(store, chat)).revision, chat.revision + 1);
      }));
  }
}

test('[ST32] tells the caller of an unknown outcome where there is no token to ask by, or no end of them', async () => {
  await losing(['before'], async (store, writer) => {
    const decide = async () => ({ change: { chat: { created: newChat() } }, answer: {} });
    await assert.rejects(writer.attempt({ now: noon, decide }), UnknownOutcome);
    assert.equal(await store.openChats(newChat().instanceId, 9), 0);
  });
  await losing(
    Array.from({ length: 9 }, () => 'before'),
    async (_, writer) => {
      const decide = async () => ({ change: { chat: { created: newChat() } }, answer: {} });
      await assert.rejects(writer.attempt({ now: noon, token: requestToken(), decide }), UnknownOutcome);
    },
  );
});
