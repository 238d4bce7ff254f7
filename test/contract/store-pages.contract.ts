import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Item } from '../../src/domain/item.ts';
import { timeOfItemId } from '../../src/domain/item.ts';
import { rangeFrom, rangePast, type ScanDirection } from '../../src/domain/paging.ts';
import type { Mark } from '../../src/domain/receipts.ts';
import type { Store } from '../../src/store/store.ts';
import { property } from '../support/property.ts';
import {
  chatNow,
  dice,
  done,
  message,
  newChat,
  next,
  noon,
  plain,
  startChat,
  tail,
  transcript,
  type WithStore,
} from './store-fixtures.ts';

/** Reading back: pages, items by their ids, and every text as it was. */
export function pageRules(withStore: WithStore): void {
  paging(withStore);
  marks(withStore);
  texts(withStore);
}

/** A chat of `count` messages at irregular times, between two others that must not show. */
async function filled(store: Store, count: number): Promise<{ key: number; items: Item[] }> {
  const roll = dice(8);
  const [before, chat, after] = [await startChat(store), await startChat(store), await startChat(store)];
  let now = noon;
  for (let index = 0; index < count; index += 1) {
    now += roll(3) === 0 ? 0 : roll(50);
    const keys = [before.key, chat.key, after.key];
    for (const outcome of await Promise.all(keys.map((key) => store.append(message(key, 'ann', { now })))))
      done(outcome);
  }
  return { key: chat.key, items: await transcript(store, chat.key) };
}

const numbers = (items: readonly Item[]) => items.map(({ number }) => number);

function paging(withStore: WithStore): void {
  test(
    '[ST8] reads after and before a time, both exclusive, nearest to the start first, and no more than asked',
    withStore(async (store) => {
      const { key, items } = await filled(store, 20);
      const at = (number: number) => items[number - 1]?.time ?? 0;
      const page = async (range: { after?: number; before?: number; newestFirst: boolean; limit: number }) =>
        numbers(await store.items(key, range));
      assert.deepEqual(await page({ newestFirst: false, limit: 3 }), [1, 2, 3]);
      assert.deepEqual(await page({ newestFirst: true, limit: 3 }), [20, 19, 18]);
      assert.deepEqual(await page({ after: at(5), newestFirst: false, limit: 3 }), [6, 7, 8]);
      assert.deepEqual(await page({ before: at(5), newestFirst: true, limit: 3 }), [4, 3, 2]);
      assert.deepEqual(await page({ after: at(5), newestFirst: true, limit: 3 }), [20, 19, 18]);
      assert.deepEqual(await page({ before: at(5), newestFirst: false, limit: 3 }), [1, 2, 3]);
      assert.deepEqual(await page({ after: at(5), before: at(9), newestFirst: false, limit: 10 }), [6, 7, 8]);
      assert.deepEqual(await page({ after: at(5), before: at(9), newestFirst: true, limit: 2 }), [8, 7]);
      assert.deepEqual(await page({ after: at(5), before: at(6), newestFirst: false, limit: 10 }), []);
      assert.deepEqual(await page({ after: at(9), before: at(5), newestFirst: false, limit: 10 }), []);
      assert.deepEqual(await page({ after: at(20), newestFirst: false, limit: 10 }), []);
      assert.deepEqual(await page({ before: at(1), newestFirst: true, limit: 10 }), []);
      assert.deepEqual(await page({ after: 0, before: at(1) + 1, newestFirst: false, limit: 10 }), [1]);
      assert.equal((await page({ newestFirst: false, limit: 1000 })).length, 20);
    }),
  );

  test(
    '[ST8] joins pages of any size into the transcript, in both directions, from any item',
    withStore(async (store) => {
      const { key, items } = await filled(store, 17);
      for (const direction of ['FORWARD', 'BACKWARD'] satisfies ScanDirection[]) {
        for (const limit of [1, 2, 5, 16, 17, 18]) {
          for (const start of [undefined, items[0], items[8], items[16]]) {
            const read: Item[] = [];
            let page = await store.items(key, rangeFrom(start?.time, direction, limit));
            while (page.length > 0) {
              assert(page.length <= limit);
              read.push(...page);
              page = await store.items(key, rangePast(page.at(-1)?.time ?? 0, direction, limit));
            }
            const all = direction === 'FORWARD' ? items : items.toReversed();
            const expected = start ? all.slice(all.indexOf(start)) : all;
            assert.deepEqual(read, expected, `${direction} by ${limit} from ${start?.number}`);
          }
        }
      }
    }),
  );

  test(
    '[ST8] joins pages into the transcript while more is sent',
    withStore(async (store) => {
      const { key, items } = await filled(store, 10);
      const sending: Promise<unknown>[] = [];
      const read = async (direction: ScanDirection) => {
        const found: number[] = [];
        let page = await store.items(key, rangeFrom(undefined, direction, 3));
        while (page.length > 0) {
          found.push(...numbers(page));
          if (sending.length < 15) sending.push(store.append(message(key, 'bob')));
          await sending.at(-1);
          page = await store.items(key, rangePast(page.at(-1)?.time ?? 0, direction, 3));
        }
        return found;
      };
      assert.deepEqual(await read('BACKWARD'), numbers(items).reverse());
      const forward = await read('FORWARD');
      assert.deepEqual(forward, numbers(await transcript(store, key)));
      assert(forward.length > 10);
    }),
  );

  test(
    '[ST8] finds each item by the time that its id begins with, and nothing a millisecond beside it',
    withStore(async (store) => {
      const { key, items } = await filled(store, 12);
      const taken = new Set(items.map(({ time }) => time));
      for (const item of items) {
        const time = timeOfItemId(item.id);
        assert.equal(time, item.time);
        const [found, ...more] = await store.items(key, { ...rangeFrom(time, 'FORWARD', 5), before: item.time + 1 });
        assert.deepEqual([found, more], [item, []]);
        if (taken.has(item.time + 1)) continue;
        assert.deepEqual(
          await store.items(key, { after: item.time, before: item.time + 2, newestFirst: true, limit: 1 }),
          [],
        );
      }
    }),
  );
}

function marks(withStore: WithStore): void {
  test(
    '[ST25] answers of any range of items each reader’s marks within it and the first past it',
    withStore(async (store) => {
      const readers = ['ann', 'bob', 'eve', 'zoe'];
      const [chat, other] = [await startChat(store, readers), await startChat(store, readers)];
      const kinds = ['delivered', 'read'] as const;
      const taken: Mark[] = [];
      const roll = dice(5);
      // Zoe reads nothing, and Eve is delivered nothing.
      for (const [reader, kind] of readers.slice(0, 3).flatMap((each) => kinds.map((kind) => [each, kind] as const))) {
        for (let number = 1 + roll(4); number <= 24 && (reader !== 'eve' || kind === 'read'); number += 1 + roll(5)) {
          const mark = { reader, kind, number };
          done(await store.commit({ now: noon + number, mark: { chat: chat.key, ...mark } }));
          done(await store.commit({ now: noon, mark: { chat: other.key, ...mark } }));
          taken.push({ ...mark, time: noon + number });
        }
      }
      for (let from = 1; from <= 26; from += 1) {
        for (let to = from; to <= 26; to += 1) {
          const expected = readers.flatMap((reader) =>
            kinds.flatMap((kind) => {
              const own = taken.filter((each) => each.reader === reader && each.kind === kind && each.number >= from);
              return own.filter(({ number }, index) => number <= to || (own[index - 1]?.number ?? 0) < to);
            }),
          );
          assert.deepEqual(await store.marks(chat.key, from, to), expected, `${from} to ${to}`);
        }
      }
      assert.deepEqual(await store.marks(chat.key, 1, Number.MAX_SAFE_INTEGER), taken);
    }),
  );
}

/** The edges of UTF-8 and UTF-16, but for U+0000, which no request can bring in (SH6). */
const edges = [
  0x01, 0x09, 0x0a, 0x0d, 0x1f, 0x22, 0x27, 0x5c, 0x7e, 0x7f, 0x80, 0x85, 0xa0, 0xad, 0x7ff, 0x800, 0x2028, 0x202e,
  0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x1ffff, 0xe0001, 0x10fffe, 0x10ffff,
];

function texts(withStore: WithStore): void {
  /** Sends them as contents, and reads them back. */
  const roundTrip = async (store: Store, contents: readonly string[]) => {
    const { key } = await startChat(store);
    for (const content of contents) done(await store.append(message(key, 'ann', { content })));
    return (await store.items(key, { newestFirst: false, limit: contents.length })).map(({ content }) => content);
  };

  test(
    '[ST9] keeps contents of the largest size in bytes, whatever characters they are made of',
    withStore(async (store) => {
      const contents = [
        '😀'.repeat(4096),
        '\u{10ffff}'.repeat(4096),
        '\uffff'.repeat(5461),
        'é'.repeat(8192),
        'x'.repeat(16_384),
      ];
      for (const content of contents) assert(Buffer.byteLength(content) > 16_380);
      assert.deepEqual(await roundTrip(store, contents), contents);
    }),
  );

  test(
    '[ST9] keeps characters at the edges of Unicode, composed and decomposed, and empty content',
    withStore(async (store) => {
      const one = edges.map((point) => String.fromCodePoint(point));
      const contents = [
        '',
        ...one,
        one.join(''),
        'é',
        'e\u0301',
        ' padded ',
        '\r\n',
        `'; DROP TABLE item; --`,
        '%_?\\"',
      ];
      assert.deepEqual(await roundTrip(store, contents), contents);
    }),
  );

  test(
    '[ST9] keeps every block of the Basic Multilingual Plane',
    withStore(async (store) => {
      const contents: string[] = [];
      for (let from = 0; from < 0x10000; from += 0x1000) {
        let content = '';
        for (let point = Math.max(from, 1); point < from + 0x1000; point += 1) {
          if (point < 0xd800 || point > 0xdfff) content += String.fromCharCode(point);
        }
        contents.push(content);
      }
      assert.deepEqual(await roundTrip(store, contents), contents);
    }),
  );

  test(
    '[ST9] keeps any text, in items, chats, tokens and resources',
    withStore(async (store) => {
      const text = fc.string({ unit: 'binary', maxLength: 60 }).map((each) => each.replaceAll('\0', ''));
      await fc.assert(
        fc.asyncProperty(text, text, text, async (one, two, three) => {
          const [created, id, value] = [newChat(), `${next()}${one}`, `${next()}${two}`];
          const chat = {
            ...created,
            participants: created.participants.map((each) => ({ ...each, displayName: one })),
            attributes: { [two]: three, plain: one },
          };
          const item = {
            tail: tail(),
            type: 'ATTACHMENT',
            contentType: two,
            content: three,
            participantId: one,
            attachments: [{ id: 'a', name: one, contentType: three, status: 'APPROVED' }],
          } as const;
          const token = { scope: three, value, request: one, answer: { [one]: two }, expiresAt: noon + 1 };
          const resource = { kind: two, instance: three, id, name: one, document: { [three]: one } };
          done(await store.commit({ now: noon, chat: { created: chat }, items: [item], token, resources: [resource] }));
          const read = await chatNow(store, created);
          assert.deepEqual([read.participants, read.attributes], [chat.participants, chat.attributes]);
          const { tail: _, ...said } = item;
          const [found] = await store.items(read.key, { newestFirst: false, limit: 1 });
          assert.deepEqual(plain(found), { ...said, id: found?.id, number: 1, time: noon });
          const stored = await store.answered(token, noon);
          assert.deepEqual([stored?.answer, stored?.matches(one)], [token.answer, true]);
          assert.deepEqual(await store.resource(two, three, id), { ...resource, revision: 1 });
        }),
        property(60),
      );
    }),
  );
}
