import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chat, end, type NewChat } from '../../src/domain/chat.ts';
import type { NewItem } from '../../src/domain/item.ts';
import { type ContactSearch, type Term, term } from '../../src/domain/search.ts';
import { customerWindow, nextDue, tokensKept } from '../../src/domain/timers.ts';
import type { Append, Change, Resource, Store, Token } from '../../src/store/store.ts';
import { newChatAt } from '../support/chat.ts';
import type { WithStore } from './store-fixtures.ts';

/** Finding contacts, what is due, and what is removed. */
export function upkeepRules(withStore: WithStore): void {
  searching(withStore);
  searchingByTerms(withStore);
  listing(withStore);
  waiting(withStore);
  forgetting(withStore);
  erasing(withStore);
  clearing(withStore);
  replacing(withStore);
}

const noon = 1_769_860_800_000;
let made = 0;
const next = () => {
  made += 1;
  return made;
};
function tail(): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeUInt32BE(next(), 6);
  return bytes;
}

interface About {
  readonly id?: string;
  readonly at?: number;
  readonly instance?: string;
  readonly association?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

function newChat({
  id = `chat-${next()}`,
  at = noon,
  instance = 'one',
  association = id,
  attributes = {},
}: About): NewChat {
  const participants = [{ id: 'ann', role: 'CUSTOMER', displayName: 'Ann', createdAt: at, connectedAt: at }] as const;
  const chat = newChatAt(at, { id, instanceId: instance, participants, attributes });
  return { ...chat, contact: { ...chat.contact, associationId: association } };
}

async function start(store: Store, about: About = {}, more: Omit<Change, 'now' | 'chat'> = {}): Promise<Chat> {
  const created = newChat(about);
  assert('done' in (await store.commit({ now: created.createdAt, chat: { created }, ...more })));
  return chatOf(store, created.id);
}

async function chatOf(store: Store, contactId: string): Promise<Chat> {
  const chat = await store.chat({ contactId });
  assert(chat, `the store has no chat ${contactId}`);
  return chat;
}

async function change(store: Store, after: Chat, now = noon, items: readonly NewItem[] = []): Promise<Chat> {
  assert('done' in (await store.commit({ now, chat: { expected: after.revision, after }, items })));
  return chatOf(store, after.id);
}

function finish(store: Store, chat: Chat, at: number): Promise<Chat> {
  const step = end(chat, 'API', at, tail);
  return change(store, step.chat, at, step.items);
}

function message(chat: number, value = `token-${next()}`): Append {
  const item = { tail: tail(), type: 'MESSAGE' as const, content: 'x', participantId: 'ann' };
  return { chat, author: 'ann', now: noon, item, token: { value, request: 'request' } };
}

const everything: ContactSearch = {
  instanceId: 'one',
  by: 'initiated',
  from: noon - 1_000_000,
  to: noon + 1_000_000,
  newestFirst: false,
  limit: 1000,
};

async function found(store: Store, search: Partial<ContactSearch> = {}): Promise<string[]> {
  return (await store.search({ ...everything, ...search })).map(({ contactId }) => contactId);
}

/** All pages of a search, of that size, joined. */
async function inPages(store: Store, limit: number, search: Partial<ContactSearch> = {}): Promise<string[]> {
  const joined: string[] = [];
  let past: ContactSearch['past'];
  for (;;) {
    const page = await store.search({ ...everything, ...search, past, limit });
    assert(page.length <= limit);
    joined.push(...page.map(({ contactId }) => contactId));
    if (page.length < limit) return joined;
    past = page.at(-1);
  }
}

function searching(withStore: WithStore): void {
  test(
    '[ST14] finds the contacts of one instance in a time range, both ends included, in the order of time and id',
    withStore(async (store) => {
      for (const [id, at] of [
        ['b', 2],
        ['a', 2],
        ['c', 1],
        ['d', 3],
      ] as const)
        await start(store, { id, at: noon + at });
      await start(store, { id: 'other', at: noon + 2, instance: 'two' });
      assert.deepEqual(await found(store), ['c', 'a', 'b', 'd']);
      assert.deepEqual(await found(store, { newestFirst: true }), ['d', 'b', 'a', 'c']);
      for (const newestFirst of [false, true]) {
        const within = await found(store, { from: noon + 1, to: noon + 2, newestFirst });
        assert.deepEqual(newestFirst ? within.toReversed() : within, ['c', 'a', 'b']);
        assert.deepEqual(await found(store, { from: noon + 4, to: noon + 9, newestFirst }), []);
        assert.deepEqual(await found(store, { from: noon + 2, to: noon + 1, newestFirst }), []);
      }
      assert.deepEqual(await store.search({ ...everything, limit: 1 }), [{ time: noon + 1, contactId: 'c' }]);
      assert.deepEqual(await found(store, { instanceId: 'two' }), ['other']);
      assert.deepEqual(await found(store, { instanceId: 'three' }), []);
    }),
  );

  test(
    '[ST14] finds contacts that ended by the time of their end, and no other by it',
    withStore(async (store) => {
      const chats = [];
      for (const id of ['a', 'b', 'c', 'd']) chats.push(await start(store, { id }));
      for (const [index, at] of [
        [2, 1],
        [0, 2],
        [1, 2],
      ] as const)
        await finish(store, chats[index] as Chat, noon + at);
      assert.deepEqual(await found(store, { by: 'ended' }), ['c', 'a', 'b']);
      assert.deepEqual(await found(store, { by: 'ended', newestFirst: true }), ['b', 'a', 'c']);
      assert.deepEqual(await found(store, { by: 'ended', from: noon + 2, to: noon + 2 }), ['a', 'b']);
      assert.deepEqual(await found(store, { by: 'ended', to: noon + 1 }), ['c']);
    }),
  );

  test(
    '[ST14] gives pages that join to the whole, each contact once, either way and whatever the size',
    withStore(async (store) => {
      const ids = Array.from({ length: 23 }, (_, index) => `id-${String(index).padStart(2, '0')}`);
      for (const [index, id] of ids.entries()) {
        const chat = await start(store, {
          id,
          at: noon + Math.floor(index / 5),
          attributes: { odd: String(index % 2) },
        });
        await finish(store, chat, noon + 100 + Math.floor(index / 3));
      }
      const odd = [term('attribute', 'odd', '1')];
      for (const by of ['initiated', 'ended'] as const) {
        for (const terms of [undefined, odd]) {
          const wanted = terms ? ids.filter((_, index) => index % 2 === 1) : ids;
          for (const limit of [1, 2, 5, 23, 24]) {
            assert.deepEqual(await inPages(store, limit, { by, terms }), wanted);
            assert.deepEqual(await inPages(store, limit, { by, terms, newestFirst: true }), wanted.toReversed());
          }
        }
      }
    }),
  );
}

function searchingByTerms(withStore: WithStore): void {
  const is = (key: string, value: string): Term => term('attribute', key, value);

  test(
    '[ST15] finds contacts that have any of the terms, each once; of no terms none',
    withStore(async (store) => {
      await start(store, { id: 'a', at: noon + 2, attributes: { plan: 'gold', city: 'Rome' } });
      await start(store, { id: 'b', at: noon + 1, attributes: { plan: 'silver', city: 'Rome' } });
      await start(store, { id: 'c', at: noon + 3, attributes: { plan: 'gold' } });
      await start(store, { id: 'd', instance: 'two', attributes: { plan: 'gold' } });
      assert.deepEqual(await found(store, { terms: [is('plan', 'gold')] }), ['a', 'c']);
      const either = [is('plan', 'gold'), is('city', 'Rome'), is('plan', 'none')];
      assert.deepEqual(await found(store, { terms: either }), ['b', 'a', 'c']);
      assert.deepEqual(await found(store, { terms: either, newestFirst: true }), ['c', 'a', 'b']);
      assert.deepEqual(await inPages(store, 1, { terms: either, newestFirst: true }), ['c', 'a', 'b']);
      assert.deepEqual(await found(store, { terms: either, from: noon + 2, to: noon + 2 }), ['a']);
      assert.deepEqual(await found(store, { terms: [term('tag', 'plan', 'gold')] }), []);
      assert.deepEqual(await found(store, { terms: [] }), []);
    }),
  );

  test(
    '[ST15] finds contacts by what they have now, and once they ended by their end as well',
    withStore(async (store) => {
      const gold = [is('plan', 'gold')];
      const chat = await start(store, { id: 'a', attributes: { plan: 'gold' } });
      const tagged = await change(store, { ...chat, contact: { ...chat.contact, tags: { team: 'red' } } });
      assert.deepEqual(await found(store, { terms: [term('tag', 'team', 'red')] }), ['a']);
      assert.deepEqual(await found(store, { terms: gold, by: 'ended' }), []);
      const ended = await finish(store, tagged, noon + 9);
      assert.deepEqual(await found(store, { terms: gold, by: 'ended', from: noon + 9, to: noon + 9 }), ['a']);
      await change(store, { ...ended, attributes: { plan: 'silver' } });
      assert.deepEqual(await found(store, { terms: gold, by: 'ended' }), []);
      assert.deepEqual(await found(store, { terms: gold }), []);
      assert.deepEqual(await found(store, { terms: [is('plan', 'silver')], by: 'ended' }), ['a']);
    }),
  );
}

function listing(withStore: WithStore): void {
  test(
    '[ST16] lists the contacts of one tree, oldest first, in pages',
    withStore(async (store) => {
      for (const [id, at] of [
        ['b', 2],
        ['a', 2],
        ['c', 1],
      ] as const)
        await start(store, { id, at: noon + at, association: 'c' });
      await start(store, { id: 'other' });
      const all = await store.associated('c', undefined, 10);
      assert.deepEqual(all, [
        { time: noon + 1, contactId: 'c' },
        { time: noon + 2, contactId: 'a' },
        { time: noon + 2, contactId: 'b' },
      ]);
      assert.deepEqual(await store.associated('c', undefined, 1), all.slice(0, 1));
      assert.deepEqual(await store.associated('c', all[0], 2), all.slice(1));
      assert.deepEqual(await store.associated('c', all[2], 2), []);
      assert.deepEqual(await store.associated('nowhere', undefined, 10), []);
    }),
  );

  test(
    '[ST17] counts the open chats of an instance, up to a limit',
    withStore(async (store) => {
      const chat = await start(store);
      for (let count = 0; count < 3; count += 1) await start(store);
      await start(store, { instance: 'two' });
      assert.deepEqual([await store.openChats('one', 10), await store.openChats('one', 3)], [4, 3]);
      await finish(store, chat, noon + 1);
      assert.deepEqual([await store.openChats('one', 10), await store.openChats('two', 10)], [3, 1]);
      assert.equal(await store.openChats('three', 10), 0);
    }),
  );

  test(
    '[ST17] creates a chat only while its instance has fewer open ones than the change allows, also of changes that race',
    withStore(async (store) => {
      const begin = (instance: string, atMost: number) =>
        store.commit({ now: noon, chat: { created: newChat({ instance }), atMost } });
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => begin('one', 3)));
      assert.equal(outcomes.filter((each) => 'done' in each).length, 3);
      assert.equal(outcomes.filter((each) => 'stale' in each).length, 7);
      assert.equal(await store.openChats('one', 100), 3);
      assert('done' in (await begin('one', 4)));
      assert('done' in (await begin('two', 1)));
      assert('stale' in (await begin('two', 0)));
      const chat = await start(store, { instance: 'two' });
      await finish(store, chat, noon + 1);
      assert('stale' in (await begin('two', 1)));
      assert('done' in (await begin('two', 2)));
    }),
  );
}

function waiting(withStore: WithStore): void {
  test(
    '[ST18] tells the chats that are due by a time, in the order of due and key, and when something is due next',
    withStore(async (store) => {
      assert.equal(await store.nextDue(), undefined);
      const [late, first, second] = [await start(store, { at: noon + 5 }), await start(store), await start(store)];
      const due = noon + customerWindow;
      assert.equal(await store.nextDue(), due);
      assert.deepEqual(await store.due(due - 1, 10), []);
      assert.deepEqual([await store.nextDue(due - 1), await store.nextDue(due)], [due, due + 5]);
      assert.equal(await store.nextDue(due + 5), undefined);
      const all = [first, second].map(({ key }) => ({ key, due }));
      assert.deepEqual(await store.due(due, 10), all);
      assert.deepEqual(await store.due(due, 1), all.slice(0, 1));
      assert.deepEqual(await store.due(due + 5, 10), [...all, { key: late.key, due: due + 5 }]);
    }),
  );

  test(
    '[ST18] moves what a chat is due for with the chat, in the same commit',
    withStore(async (store) => {
      const chat = await start(store);
      const met = await change(store, { ...chat, contact: { ...chat.contact, connectedToSystemAt: noon } });
      assert.deepEqual([await store.nextDue(), nextDue(met)], [chat.expiresAt, chat.expiresAt]);
      const ended = await finish(store, met, noon + 1);
      assert.equal(await store.nextDue(), noon + 1 + tokensKept);
      await change(store, { ...ended, isForgotten: true });
      assert.equal(await store.nextDue(), undefined);
      assert.deepEqual(await store.due(Number.MAX_SAFE_INTEGER, 10), []);
    }),
  );
}

function forgetting(withStore: WithStore): void {
  const token = (value: string, expiresAt: number): Token => ({
    scope: 'scope',
    value,
    request: 'r',
    answer: {},
    expiresAt,
  });

  test(
    '[ST19] forgets tokens of the general lane that have expired, so many at a time, and no other',
    withStore(async (store) => {
      for (const [value, expiresAt] of [
        ['a', 1],
        ['b', 2],
        ['c', 3],
        ['d', 4],
      ] as const) {
        await store.commit({ now: noon, token: token(value, noon + expiresAt) });
      }
      assert.equal(await store.forgetTokens(noon, 10), 0);
      assert.equal(await store.forgetTokens(noon + 3, 2), 2);
      assert.equal(await store.forgetTokens(noon + 3, 2), 1);
      assert.equal(await store.forgetTokens(noon + 3, 2), 0);
      for (const value of ['a', 'b', 'c'])
        assert.equal(await store.answered({ scope: 'scope', value }, noon), undefined);
      assert(await store.answered({ scope: 'scope', value: 'd' }, noon));
    }),
  );

  test(
    '[ST19] forgets message tokens of one chat, so many at a time, and leaves its items',
    withStore(async (store) => {
      const [chat, other] = [await start(store), await start(store)];
      const sent = Array.from({ length: 5 }, () => message(chat.key));
      for (const each of [...sent, message(other.key, 'kept')]) assert('done' in (await store.append(each)));
      assert.equal(await store.forgetMessageTokens(chat.key, 3), 3);
      assert.equal(await store.forgetMessageTokens(chat.key, 3), 2);
      assert.equal(await store.forgetMessageTokens(chat.key, 3), 0);
      assert.equal((await store.items(chat.key, { newestFirst: false, limit: 10 })).length, 5);
      const again = await store.append(message(other.key, 'kept'));
      assert('done' in again && again.again);
      const anew = await store.append({ ...(sent[0] as Append), item: { ...(sent[0] as Append).item, tail: tail() } });
      assert('done' in anew && !anew.again, 'a token that was forgotten is new');
    }),
  );
}

function erasing(withStore: WithStore): void {
  /** A chat that ended with items, tokens, a mark and attributes. */
  async function full(store: Store, id: string): Promise<Chat> {
    const chat = await start(store, { id, association: 'tree', attributes: { plan: 'gold' } });
    for (let count = 0; count < 5; count += 1) await store.append(message(chat.key));
    await store.commit({ now: noon, mark: { chat: chat.key, reader: 'ann', kind: 'read', number: 3 } });
    return finish(store, chat, noon + 10);
  }

  test(
    '[ST20] takes a chat out of every read of chats and contacts at once, and removes its rows so many at a time',
    withStore(async (store) => {
      const [chat, other] = [await full(store, 'a'), await full(store, 'b')];
      const first = await store.erase({ contactId: 'a' }, 4);
      assert.deepEqual(first, { items: 4, tokens: 4, marks: 1, contacts: 1, owed: 0, isDone: false });
      assert.equal(await store.chat({ contactId: 'a' }), undefined);
      assert.equal(await store.chat({ key: chat.key }), undefined);
      const gold = [term('attribute', 'plan', 'gold')];
      for (const search of [{}, { by: 'ended' }, { terms: gold }, { by: 'ended', terms: gold }] as const) {
        assert.deepEqual(await found(store, search), ['b']);
      }
      assert.equal((await store.associated('tree', undefined, 10)).length, 1);
      assert.deepEqual(
        (await store.due(noon, 10)).map(({ key }) => key),
        [chat.key],
        'what is left is due',
      );
      const second = await store.erase({ key: chat.key }, 4);
      assert.deepEqual(second, { items: 2, tokens: 1, marks: 0, contacts: 0, owed: 0, isDone: true });
      assert.deepEqual(await store.items(chat.key, { newestFirst: false, limit: 10 }), []);
      assert.deepEqual(await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER), []);
      assert.deepEqual(await store.due(noon, 10), []);
      assert.equal((await store.items(other.key, { newestFirst: false, limit: 10 })).length, 6);
      assert.equal((await store.marks(other.key, 1, Number.MAX_SAFE_INTEGER)).length, 1);
    }),
  );

  test(
    '[ST20] counts an open chat that is erased no more, and takes nothing for it',
    withStore(async (store) => {
      const chat = await start(store);
      await store.erase({ key: chat.key }, 10);
      assert.equal(await store.openChats('one', 10), 0);
      assert('refused' in (await store.append(message(chat.key))));
      const mark = { chat: chat.key, reader: 'ann', kind: 'read' as const, number: 1 };
      assert.deepEqual(await store.commit({ now: noon, mark }), { stale: true });
    }),
  );

  test(
    '[ST20] does not bring a chat back by a change that was decided before',
    withStore(async (store) => {
      const chat = await start(store, { attributes: { plan: 'gold' } });
      await store.erase({ key: chat.key }, 10);
      const step = end(chat, 'API', noon, tail);
      const outcome = await store.commit({
        now: noon,
        chat: { expected: chat.revision, after: step.chat },
        items: step.items,
      });
      assert.deepEqual(outcome, { stale: true });
      assert.equal(await store.chat({ key: chat.key }), undefined);
      assert.deepEqual(await found(store), []);
    }),
  );

  test(
    '[ST20] never takes the ids of a chat that was erased again, and knows none that never was',
    withStore(async (store) => {
      const chat = await start(store, { id: 'a' });
      await store.erase({ contactId: 'a' }, 10);
      await assert.rejects(store.commit({ now: noon, chat: { created: newChat({ id: 'a' }) } }));
      assert((await start(store)).key > chat.key);
      assert.deepEqual(await store.erase({ contactId: 'a' }, 10), {
        items: 0,
        tokens: 0,
        marks: 0,
        contacts: 0,
        owed: 0,
        isDone: true,
      });
      assert.equal(await store.erase({ contactId: 'nowhere' }, 10), undefined);
      assert.equal(await store.erase({ key: 1_000_000 }, 10), undefined);
    }),
  );
}

function resource(id: string, document: Record<string, unknown> = {}) {
  return { kind: 'flow', instance: 'one', id, name: 'Flow', document };
}

function clearing(withStore: WithStore): void {
  test(
    '[ST21] empties the store, and uses no key of a chat again',
    withStore(async (store) => {
      const token = { scope: 'scope', value: 'a', request: 'r', answer: {}, expiresAt: noon + 1000 };
      const chat = await start(store, { id: 'a', attributes: { plan: 'gold' } }, { token, resources: [resource('x')] });
      await store.append(message(chat.key));
      await store.commit({ now: noon, mark: { chat: chat.key, reader: 'ann', kind: 'read', number: 1 } });
      await store.clear();
      assert.equal(await store.chat({ key: chat.key }), undefined);
      assert.deepEqual(await store.items(chat.key, { newestFirst: false, limit: 10 }), []);
      assert.deepEqual(
        [await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER), await store.positions([chat.key])],
        [[], []],
      );
      assert.deepEqual([await found(store), await store.resources('flow')], [[], []]);
      assert.deepEqual(await found(store, { terms: [term('attribute', 'plan', 'gold')] }), []);
      assert.deepEqual([await store.nextDue(), await store.openChats('one', 10)], [undefined, 0]);
      assert.equal(await store.answered(token, noon), undefined);
      assert.deepEqual(await store.commit({ now: noon, chat: { expected: chat.revision, after: chat } }), {
        stale: true,
      });
      assert((await start(store, { id: 'a' })).key > chat.key);
    }),
  );
}

function replacing(withStore: WithStore): void {
  const put = async (store: Store, id: string): Promise<Resource> => {
    await store.commit({ now: noon, resources: [resource(id, { from: 'first' })] });
    const stored = await store.resource('flow', 'one', id);
    assert(stored);
    return stored;
  };

  test(
    '[ST22] replaces a resource that is as it was read, and counts its revision on',
    withStore(async (store) => {
      const stored = await put(store, 'x');
      assert.equal(stored.revision, 1);
      const changed = { ...stored, name: 'Changed', document: { from: 'second', tags: { a: '1' } } };
      assert('done' in (await store.commit({ now: noon, replaced: [changed] })));
      assert.deepEqual(await store.resource('flow', 'one', 'x'), { ...changed, revision: 2 });
      assert.deepEqual(await store.resources('flow'), [{ ...changed, revision: 2 }]);
    }),
  );

  test(
    '[ST22] is stale where a resource has changed or is not there, and writes nothing of the change',
    withStore(async (store) => {
      const [one, other] = [await put(store, 'x'), await put(store, 'y')];
      assert('done' in (await store.commit({ now: noon, replaced: [{ ...one, name: 'Changed' }] })));
      for (const wrong of [one, { ...other, id: 'nowhere' }, { ...other, revision: 7 }]) {
        const created = newChat({});
        const outcome = await store.commit({
          now: noon,
          chat: { created },
          replaced: [{ ...other, name: 'No' }, wrong],
        });
        assert.deepEqual(outcome, { stale: true });
        assert.equal(await store.chat({ contactId: created.id }), undefined);
      }
      assert.deepEqual(await store.resource('flow', 'one', 'y'), other);
    }),
  );

  test(
    '[ST22] lets one of several that race win',
    withStore(async (store) => {
      const stored = await put(store, 'x');
      const names = ['a', 'b', 'c'];
      const outcomes = await Promise.all(
        names.map((name) => store.commit({ now: noon, replaced: [{ ...stored, name }] })),
      );
      assert.deepEqual(
        outcomes.map((each) => 'done' in each),
        [true, false, false],
      );
      assert.equal((await store.resource('flow', 'one', 'x'))?.revision, 2);
    }),
  );
}
