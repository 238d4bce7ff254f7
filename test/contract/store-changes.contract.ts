import assert from 'node:assert/strict';
import { test } from 'node:test';
import { end } from '../../src/domain/chat.ts';
import { admit, connect } from '../../src/domain/participant.ts';
import type { Change, ChangeOutcome, NewResource, Store, Token } from '../../src/store/store.ts';
import {
  chatNow,
  done,
  leaving,
  message,
  newChat,
  next,
  noon,
  participant,
  plain,
  snapshot,
  startChat,
  stepped,
  tail,
  transcript,
  type WithStore,
} from './store-fixtures.ts';

/** The general lane: atomic, expecting a revision, repeatable by its token. */
export function changeRules(withStore: WithStore): void {
  writing(withStore);
  expecting(withStore);
  repeating(withStore);
  marking(withStore);
}

function token(more: Partial<Token> = {}): Token {
  return {
    scope: 'CreateParticipant',
    value: `token-${next()}`,
    request: 'request',
    answer: { participantId: 'ann', at: noon },
    expiresAt: noon + 1000,
    ...more,
  };
}

function resource(more: Partial<NewResource> = {}): NewResource {
  return { kind: 'instance', instance: '', id: `resource-${next()}`, name: 'name', document: { of: 1 }, ...more };
}

/** As it was put; what is found has a revision as well. */
async function findOf(store: Store, { kind, instance, id }: NewResource): Promise<NewResource | undefined> {
  const { revision, ...found } = (await store.resource(kind, instance, id)) ?? {};
  return revision === undefined ? undefined : (found as NewResource);
}

function writing(withStore: WithStore): void {
  test(
    '[ST1] writes chat, items, token and resources of one change together',
    withStore(async (store) => {
      const [created, used, put] = [newChat(), token(), [resource(), resource()]];
      const items = [{ tail: tail(), type: 'EVENT', contentType: 'x', participantId: 'ann' }] as const;
      const outcome = done(await store.commit({ now: noon, chat: { created }, items, token: used, resources: put }));
      const chat = await chatNow(store, created);
      assert.deepEqual(outcome.chat, { key: chat.key, last: 1, lastTime: noon, revision: chat.revision });
      assert.deepEqual(plain(chat), plain({ ...created, ...outcome.chat }));
      assert.deepEqual(plain(await store.chat({ key: chat.key })), plain(chat));
      assert.deepEqual(plain(await transcript(store, chat.key)), plain(outcome.items));
      assert.deepEqual((await store.answered(used, noon))?.answer, used.answer);
      for (const each of put) assert.deepEqual(await findOf(store, each), each);
    }),
  );

  test(
    '[ST1] writes nothing of a change whose token was used, even what came before the token',
    withStore(async (store) => {
      const used = token();
      done(await store.commit({ now: noon, token: used }));
      const [created, put] = [newChat(), resource()];
      const items = [{ tail: tail(), type: 'EVENT' }] as const;
      const outcome = await store.commit({ now: noon, chat: { created }, items, token: used, resources: [put] });
      assert.deepEqual(outcome, { again: true });
      assert.equal(await store.chat({ contactId: created.id }), undefined);
      assert.equal(await findOf(store, put), undefined);
    }),
  );

  test(
    '[ST1, ST12] writes nothing of a change that fails, and leaves the others of its batch alone',
    withStore(async (store) => {
      const chat = await startChat(store);
      const broken = { tail: null as unknown as Uint8Array, type: 'EVENT' } as const;
      const sound = { tail: tail(), type: 'EVENT', contentType: 'x' } as const;
      const [used, put, born, late] = [token(), resource(), newChat(), newChat()];
      const settled = await Promise.allSettled([
        store.commit({ now: noon, chat: { created: born } }),
        store.append(message(chat.key, 'ann')),
        // A chat with an id that is there already.
        store.commit({ now: noon, chat: { created: { ...newChat(), id: chat.id } }, token: used, resources: [put] }),
        store.commit({
          now: noon,
          chat: { expected: chat.revision, after: { ...chat, attributes: { broken: 'yes' } } },
          items: [sound, broken],
          token: used,
          resources: [put],
        }),
        store.append(message(chat.key, 'bob')),
        store.commit({ now: noon, chat: { created: late } }),
      ]);
      assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
      );
      const after = await chatNow(store, chat);
      assert.deepEqual([after.revision, after.attributes], [chat.revision, chat.attributes]);
      assert.deepEqual(
        (await transcript(store, chat.key)).map(({ type }) => type),
        ['MESSAGE', 'MESSAGE'],
      );
      assert.equal(await store.answered(used, noon), undefined);
      assert.equal(await findOf(store, put), undefined);
      assert(await store.chat({ contactId: born.id }));
      assert(await store.chat({ contactId: late.id }));
    }),
  );

  test(
    '[ST1] rejects a change whose parts do not go together, rather than write some of them',
    withStore(async (store) => {
      const chat = await startChat(store);
      const before = await snapshot(store, chat.key);
      const mark = { chat: chat.key, reader: 'ann', kind: 'read', number: 1 } as const;
      const items = [{ tail: tail(), type: 'EVENT' }] as const;
      const changed = { expected: chat.revision, after: { ...chat, attributes: {} } };
      const [used, put] = [token(), resource()];
      for (const parts of [{ items }, { mark, items }, { mark, chat: changed }] satisfies Omit<Change, 'now'>[]) {
        await assert.rejects(store.commit({ now: noon, ...parts, token: used, resources: [put] }));
      }
      assert.deepEqual(await snapshot(store, chat.key), before);
      assert.equal(await store.answered(used, noon), undefined);
      assert.equal(await findOf(store, put), undefined);
    }),
  );

  test(
    '[ST1] puts a resource only if there is none of its kind, instance and id',
    withStore(async (store) => {
      const first = resource({ document: { name: 'first', list: [1, { deep: true }] } });
      done(await store.commit({ now: noon, resources: [first] }));
      done(await store.commit({ now: noon, resources: [{ ...first, name: 'other', document: {} }] }));
      assert.deepEqual(await findOf(store, first), first);
      const near = [
        { ...first, kind: 'flow', name: 'near' },
        { ...first, instance: 'one', name: 'near' },
        { ...first, id: `${first.id} `, name: 'near' },
        { ...first, id: first.id.toUpperCase(), name: 'near' },
      ];
      for (const each of near) assert.equal(await findOf(store, each), undefined);
      done(await store.commit({ now: noon, resources: near }));
      for (const each of [first, ...near]) assert.deepEqual(await findOf(store, each), each);
      assert.deepEqual(
        (await store.resources('instance')).map(({ id, instance }) => `${instance}/${id}`).sort(),
        [first, near[1], near[2], near[3]].map((each) => `${each?.instance}/${each?.id}`).sort(),
      );
      assert.deepEqual(await store.resources('nothing'), []);
      // Twice in one change, and twice at once.
      const twice = resource();
      done(await store.commit({ now: noon, resources: [twice, { ...twice, name: 'second' }] }));
      assert.deepEqual(await findOf(store, twice), twice);
      const raced = resource();
      const asked = Array.from({ length: 5 }, () => store.commit({ now: noon, resources: [raced] }));
      for (const outcome of await Promise.all(asked)) done(outcome);
      assert.deepEqual(await findOf(store, raced), raced);
    }),
  );
}

function expecting(withStore: WithStore): void {
  test(
    '[ST5] calls a change stale whose revision has passed, and writes nothing of it',
    withStore(async (store) => {
      const chat = await startChat(store, ['ann', 'bob', 'eve']);
      done(await store.commit(leaving(chat, 'ann')));
      const before = await snapshot(store, chat.key);
      const [used, put] = [token(), resource()];
      assert.deepEqual(await store.commit({ ...leaving(chat, 'bob'), token: used, resources: [put] }), { stale: true });
      assert.deepEqual(await snapshot(store, chat.key), before);
      assert.equal(await store.answered(used, noon), undefined);
      assert.equal(await findOf(store, put), undefined);
      assert.equal(done(await store.append(message(chat.key, 'bob'))).again, false, 'bob did not leave');
    }),
  );

  test(
    '[ST5] calls a change stale whose revision is still to come, or whose chat there is not',
    withStore(async (store) => {
      const chat = await startChat(store);
      for (const before of [
        { ...chat, revision: chat.revision + 1 },
        { ...chat, revision: 0 },
        { ...chat, key: chat.key + 1_000_000 },
      ]) {
        assert.deepEqual(await store.commit(leaving(before, 'ann')), { stale: true });
      }
      assert.deepEqual(await chatNow(store, chat), chat);
    }),
  );

  test(
    '[ST5] lets appends pass without making a change stale, and moves the revision by one a change',
    withStore(async (store) => {
      const chat = await startChat(store);
      const appends = () => Promise.all(Array.from({ length: 20 }, () => store.append(message(chat.key, 'bob'))));
      for (const each of await appends()) assert.equal(done(each).revision, chat.revision);
      const [, left] = await Promise.all([appends(), store.commit(leaving(chat, 'ann')), appends()]);
      assert.equal(done(left).chat?.revision, chat.revision + 1);
      assert.equal(done(await store.append(message(chat.key, 'bob'))).revision, chat.revision + 1);
      assert.equal((await chatNow(store, chat)).revision, chat.revision + 1);
      assert.equal((await transcript(store, chat.key)).length, 62);
    }),
  );

  test(
    '[ST5, ST7] takes one of several changes made from the same chat',
    withStore(async (store) => {
      const chat = await startChat(store, ['a', 'b', 'c', 'd', 'e']);
      const asked = ['a', 'b', 'c', 'd', 'e'].map((who) => store.commit(leaving(chat, who)));
      const outcomes = await Promise.all(asked);
      assert.equal(outcomes.filter((each) => 'done' in each).length, 1);
      assert.equal(outcomes.filter((each) => 'stale' in each).length, 4);
      assert.equal((await transcript(store, chat.key)).length, 1);
    }),
  );

  test(
    '[ST7] applies every racing change that is made anew when it was stale',
    withStore(async (store) => {
      const chat = await startChat(store, ['bob']);
      const names = Array.from({ length: 12 }, (_, index) => `guest-${index}`);
      const join = async (who: string) => {
        for (let tries = 0; tries <= 2 * names.length; tries += 1) {
          const before = await chatNow(store, chat);
          const admitted = admit(before, participant(who, false), noon);
          assert('chat' in admitted);
          const step = connect(admitted.chat, who, noon, tail);
          const outcome = await store.commit(stepped(before, step));
          if ('done' in outcome) return;
          assert.deepEqual(outcome, { stale: true });
        }
        assert.fail(`${who} never got in`);
      };
      const talk = names.map(() => store.append(message(chat.key, 'bob')));
      await Promise.all([...names.map(join), ...talk]);
      const after = await chatNow(store, chat);
      assert.equal(after.revision, chat.revision + names.length);
      assert.deepEqual(after.participants.map(({ id }) => id).sort(), ['bob', ...names].sort());
      const items = await transcript(store, chat.key);
      assert.deepEqual(
        items.flatMap(({ type, participantId }) => (type === 'EVENT' ? [participantId] : [])),
        after.participants.slice(1).map(({ id }) => id),
        'they joined in the order of the commits',
      );
    }),
  );

  test(
    '[ST3] reads nothing of a chat that there is not',
    withStore(async (store) => {
      const { key } = await startChat(store);
      const unknown = key + 1_000_000;
      assert.equal(await store.chat({ key: unknown }), undefined);
      assert.equal(await store.chat({ contactId: 'nothing' }), undefined);
      assert.equal(await store.chat({ contactId: '' }), undefined);
      assert.deepEqual(await store.items(unknown, { newestFirst: false, limit: 10 }), []);
      assert.deepEqual(await store.marks(unknown, 1, Number.MAX_SAFE_INTEGER), []);
      assert.deepEqual(await store.positions([]), []);
      const other = await startChat(store);
      const positions = await store.positions([unknown, other.key, key, key, unknown]);
      assert.deepEqual(positions.map((each) => each.key).sort(), [key, other.key].sort());
      const mark = { chat: unknown, reader: 'ann', kind: 'read', number: 1 } as const;
      assert.deepEqual(await store.commit({ now: noon, mark }), { stale: true });
      assert.equal(await store.resource('instance', '', 'nothing'), undefined);
      assert.equal(await store.answered({ scope: 'nothing', value: 'nothing' }, noon), undefined);
    }),
  );
}

function repeating(withStore: WithStore): void {
  test(
    '[ST6] answers a used token with what was stored, and tells the same request from another',
    withStore(async (store) => {
      const answer = { id: 'é 😀', times: [1, 2 ** 52], nested: { none: null, yes: true } };
      const used = token({ answer, request: '{"Name":"é"}' });
      assert.equal(await store.answered(used, noon), undefined);
      done(await store.commit({ now: noon, token: used }));
      assert.deepEqual(await store.commit({ now: noon, token: { ...used, answer: {}, request: 'x' } }), {
        again: true,
      });
      const stored = await store.answered({ scope: used.scope, value: used.value }, noon);
      assert.deepEqual(stored?.answer, answer);
      assert.equal(stored?.matches(used.request), true);
      for (const other of ['', 'x', '{"Name":"e\u0301"}', `${used.request} `]) {
        assert.equal(stored?.matches(other), false, other);
      }
    }),
  );

  test(
    '[ST6] keeps tokens of different scopes and values apart',
    withStore(async (store) => {
      const pairs = [
        ['s', 'v'],
        ['S', 'v'],
        ['s', 'V'],
        ['sv', ''],
        ['', 'sv'],
        ['s ', 'v'],
        ['s', ' v'],
      ] as const;
      for (const [scope, value] of pairs) {
        done(await store.commit({ now: noon, token: token({ scope, value, answer: { scope, value } }) }));
      }
      for (const [scope, value] of pairs) {
        assert.deepEqual((await store.answered({ scope, value }, noon))?.answer, { scope, value });
      }
    }),
  );

  test(
    '[ST6] lets one of many equal tokens through that arrive at once',
    withStore(async (store) => {
      const used = token();
      const born = Array.from({ length: 10 }, () => newChat());
      const asked = born.map((created) =>
        store.commit({ now: noon, chat: { created }, token: { ...used, answer: { chat: created.id } } }),
      );
      const outcomes = await Promise.all(asked);
      const there = await Promise.all(born.map(({ id }) => store.chat({ contactId: id })));
      assert.deepEqual(
        outcomes.map((each) => 'done' in each),
        there.map((each) => each !== undefined),
      );
      assert.equal(outcomes.filter((each) => 'again' in each).length, 9);
      const stored = await store.answered(used, noon);
      assert.equal(stored?.answer.chat, there.find((each) => each)?.id);
    }),
  );

  test(
    '[ST6] takes a token anew once it has expired, not before',
    withStore(async (store) => {
      const used = token({ expiresAt: noon + 1000, answer: { first: true } });
      done(await store.commit({ now: noon, token: used }));
      const anew = { ...used, request: 'another', answer: { first: false }, expiresAt: noon + 9000 };
      assert.deepEqual(await store.commit({ now: noon + 999, token: anew }), { again: true });
      assert.deepEqual((await store.answered(used, noon + 999))?.answer, { first: true });
      assert.equal(await store.answered(used, noon + 1000), undefined);
      done(await store.commit({ now: noon + 1000, token: anew }));
      const stored = await store.answered(used, noon);
      assert.deepEqual([stored?.answer, stored?.matches('another')], [{ first: false }, true]);
    }),
  );

  test(
    '[ST5, ST6] writes nothing of a change that is both stale and a repeat',
    withStore(async (store) => {
      const chat = await startChat(store);
      const used = token();
      done(await store.commit({ ...leaving(chat, 'ann'), token: used }));
      const before = await snapshot(store, chat.key);
      const both = await store.commit({ ...leaving(chat, 'ann'), token: used });
      assert(!('done' in both));
      const now = await chatNow(store, chat);
      assert.deepEqual(await store.commit({ ...leaving(now, 'bob'), token: used }), { again: true });
      assert.deepEqual(await snapshot(store, chat.key), before);
    }),
  );
}

function marking(withStore: WithStore): void {
  const mark = (chat: number, reader: string, kind: 'delivered' | 'read', number: number, now = noon): Change => ({
    now,
    mark: { chat, reader, kind, number },
  });

  test(
    '[ST11] moves the mark of a reader and kind forward only, and leaves the revision alone',
    withStore(async (store) => {
      const chat = await startChat(store);
      for (let index = 0; index < 6; index += 1) done(await store.append(message(chat.key, 'ann')));
      const outcomes: ChangeOutcome[] = [];
      for (const [reader, kind, number] of [
        ['bob', 'read', 3],
        ['bob', 'read', 3],
        ['bob', 'read', 2],
        ['bob', 'delivered', 1],
        ['bob', 'delivered', 5],
        ['ann', 'read', 1],
        ['bob', 'read', 6],
        ['bob', 'delivered', 4],
      ] as const) {
        outcomes.push(await store.commit(mark(chat.key, reader, kind, number, noon + outcomes.length)));
      }
      assert.deepEqual(
        outcomes.map((each) => 'done' in each),
        [true, false, false, true, true, true, true, false],
      );
      for (const each of outcomes) if (!('done' in each)) assert.deepEqual(each, { stale: true });
      const marks = await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER);
      const of = (reader: string, kind: string) =>
        marks
          .filter((each) => each.reader === reader && each.kind === kind)
          .map(({ number, time }) => [number, time - noon]);
      assert.deepEqual(of('bob', 'read'), [
        [3, 0],
        [6, 6],
      ]);
      assert.deepEqual(of('bob', 'delivered'), [
        [1, 3],
        [5, 4],
      ]);
      assert.deepEqual(of('ann', 'read'), [[1, 5]]);
      assert.equal(marks.length, 5);
      const after = await chatNow(store, chat);
      assert.deepEqual([after.revision, after.last], [chat.revision, 6]);
    }),
  );

  test(
    '[ST11] takes no mark of a reader who is not connected, nor on a chat that ended',
    withStore(async (store) => {
      const chat = await startChat(store, ['ann', 'bob'], ['eve']);
      done(await store.append(message(chat.key, 'ann')));
      done(await store.commit(leaving(chat, 'bob')));
      for (const reader of ['bob', 'eve', 'nobody', 'an', '', 'ann ']) {
        assert.deepEqual(await store.commit(mark(chat.key, reader, 'read', 1)), { stale: true }, reader);
      }
      const now = await chatNow(store, chat);
      done(await store.commit(stepped(now, end(now, 'API', noon, tail))));
      assert.deepEqual(await store.commit(mark(chat.key, 'ann', 'read', 1)), { stale: true });
      assert.deepEqual(await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER), []);
    }),
  );

  test(
    '[ST7, ST11] takes racing marks one after the other',
    withStore(async (store) => {
      const chat = await startChat(store);
      const numbers = [5, 3, 5, 9, 1, 7, 9, 12, 2, 11];
      const outcomes = await Promise.all(numbers.map((number) => store.commit(mark(chat.key, 'bob', 'read', number))));
      const taken = numbers.filter((_, index) => 'done' in (outcomes[index] ?? {}));
      const marks = await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER);
      assert.deepEqual(
        marks.map(({ number }) => number),
        [...taken].sort((one, other) => one - other),
      );
      assert.equal(new Set(taken).size, taken.length, 'no number twice');
      assert.equal(marks.at(-1)?.number, 12);
    }),
  );
}
