import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Change, Store } from '../../src/store/store.ts';
import kept from './kept-seeds.json' with { type: 'json' };
import { held, simulate } from './nodes.ts';

/** Within so many seeds each planted fault is found; most are by the third. */
const mostSeeds = 60;

type Wrap = (store: Store) => Store;

/** Rejects unless a store that is broken in that way makes the checker say so. */
async function finds(wrap: Wrap, sentence: RegExp): Promise<void> {
  const others = new Set<string>();
  for (let seed = 1; seed <= mostSeeds; seed += 1) {
    const { problems } = await simulate(seed, { wrap });
    if (problems.some((each) => sentence.test(each))) return;
    for (const each of problems) others.add(each);
  }
  assert.fail(`not found from ${mostSeeds} seeds; found was ${[...others].slice(0, 5).join('\n')}`);
}

/** Every so many-th time. */
function now(and: number): () => boolean {
  let count = 0;
  return () => {
    count += 1;
    return count % and === 0;
  };
}

function changing(change: (given: Change) => Change): Wrap {
  return (store) => ({ ...store, commit: (given) => store.commit(change(given)) });
}

const faults: Readonly<Record<string, readonly [Wrap, RegExp]>> = {
  'an append that is acknowledged and not written': [
    (store) => {
      const isIt = now(10);
      return {
        ...store,
        async append(append) {
          if (!isIt()) return store.append(append);
          const { tail } = append.item;
          const common = { done: true, revision: 1, again: false, wasIdle: false, isStreamed: false } as const;
          return { ...common, number: 1000, time: append.now, tail };
        },
      };
    },
    /was acknowledged as .* and is lost/,
  ],
  'an append that forgets its token': [
    (store) => ({
      ...store,
      append: (append) => store.append({ ...append, token: { ...append.token, value: `${append.item.tail}` } }),
    }),
    /is there 2 times/,
  ],
  'a change that forgets its token': [
    changing(({ token: _, ...rest }) => rest),
    /one token started two chats|made 2 bots/,
  ],
  'a chat that is written without looking whether it has moved': [
    (store) => ({
      ...store,
      async commit(change) {
        const outcome = await store.commit(change);
        if (!('stale' in outcome) || !change.chat || !('after' in change.chat)) return outcome;
        const chat = await store.chat({ key: change.chat.after.key });
        const expected = chat?.revision ?? 0;
        return store.commit({ ...change, chat: { expected, after: { ...change.chat.after, revision: expected } } });
      },
    }),
    /two bots|joins twice|after the end|made while|is by|was due|started \d streams|nothing was to end it|lacks|ends with/,
  ],
  'a log that says something else to who reads on': [
    (store) => ({
      ...store,
      async items(chat, range) {
        const items = await store.items(chat, range);
        const isHub = range.limit === 5;
        return isHub ? items.map((each) => (each.content ? { ...each, content: `${each.content}!` } : each)) : items;
      },
    }),
    /a socket of .* shows ".*!" where the log has/,
  ],
  'a sweep that finds nothing': [(store) => ({ ...store, positions: async () => [] }), /a socket of .* is not shown/],
  'a lane that is settled too far': [
    changing(({ settled, ...rest }) =>
      settled ? { ...rest, settled: { ...settled, number: settled.number + 1, time: settled.time + 1 } } : rest,
    ),
    /the stream to .* (brings|ends)/,
  ],
  'a lane whose events are forgotten': [
    changing(({ owed, ...rest }) => ({ ...rest, owed: owed?.map(({ parcels: _, ...each }) => each) })),
    /lacks the typing/,
  ],
  'jobs that nobody finds': [(store) => ({ ...store, due: async () => [] }), /it was due to end at .*, and goes on/],
  'receipts that are not kept': [(store) => ({ ...store, marks: async () => [] }), /was answered, and is not shown/],
};

describe('several nodes', () => {
  test('[SI8] live the same life twice from the same seed, and another from another', async () => {
    const hashes = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const [one, other] = [await simulate(seed, { isTraced: true }), await simulate(seed, { isTraced: true })];
      assert.equal(one.hash, other.hash);
      assert.deepEqual(one.trace, other.trace);
      assert.deepEqual(await simulate(seed).then(({ hash }) => hash), one.hash, 'without a trace, too');
      hashes.add(one.hash);
    }
    assert.equal(hashes.size, 6);
  });

  for (const { seed, why } of kept) {
    test(`[SI8] stand seed ${seed}, from which ${why}`, async () => void (await held(seed)));
  }

  for (const [what, [wrap, sentence]] of Object.entries(faults)) {
    test(`[SI9] are caught with ${what}`, () => finds(wrap, sentence));
  }
});
