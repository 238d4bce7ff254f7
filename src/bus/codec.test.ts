import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import type { News } from './bus.ts';
import { decodeNews, encodeNews } from './codec.ts';

const plenty = Number.MAX_SAFE_INTEGER;
const text = fc.string({ unit: 'binary' });
const optional = (value: fc.Arbitrary<string>) => fc.option(value, { nil: undefined });
const count = fc.nat(2 ** 50);
const attachment = fc.record({
  id: text,
  name: text,
  contentType: text,
  status: fc.constantFrom('APPROVED' as const, 'REJECTED' as const, 'IN_PROGRESS' as const),
});
const item = fc.record(
  {
    id: text,
    number: count,
    time: count,
    type: fc.constantFrom('MESSAGE' as const, 'EVENT' as const, 'ATTACHMENT' as const),
    contentType: text,
    content: text,
    participantId: text,
    attachments: fc.array(attachment),
  },
  { requiredKeys: ['id', 'number', 'time', 'type'] },
);
const numbers = { chat: count, from: count, to: count, revision: count };
const mark = fc.record({
  reader: text,
  kind: fc.constantFrom('delivered' as const, 'read' as const),
  number: count,
  time: count,
});
const news: fc.Arbitrary<News> = fc.oneof(
  fc.record(
    { kind: fc.constant('items' as const), ...numbers, items: fc.array(item) },
    {
      requiredKeys: ['kind', 'chat', 'from', 'to', 'revision'],
    },
  ),
  fc.record({ kind: fc.constant('mark' as const), chat: count, mark, messageId: text }),
  fc.record({
    kind: fc.constant('event' as const),
    chat: count,
    after: count,
    id: text,
    time: count,
    contentType: text,
    content: optional(text),
    participantId: optional(text),
  }),
);

/** As JSON leaves it: without members that are undefined. */
const plain = (value: News) => JSON.parse(JSON.stringify(value));
const decode = (said: unknown) => decodeNews(Buffer.from(typeof said === 'string' ? said : JSON.stringify(said)), 7);

describe('news between nodes', () => {
  test('[BU8] arrive as they were sent', () => {
    fc.assert(
      fc.property(news, (each) => {
        const bytes = encodeNews(each, plenty);
        assert(bytes);
        assert.deepEqual(decodeNews(bytes, each.chat), plain(each));
      }),
      property(500),
    );
  });

  test('[BU8] are passed over in another version', () => {
    const said = { v: 1, kind: 'items', from: 1, to: 1, revision: 1 };
    assert.deepEqual(decode(said), { kind: 'items', chat: 7, from: 1, to: 1, revision: 1 });
    for (const v of [0, 2, 1000]) assert.equal(decode({ ...said, v, kind: 'other' }), 'unknown');
  });

  test('[BU8] are malformed whatever is not as it must be', () => {
    const one = { id: 'a', number: 1, time: 1, type: 'MESSAGE' };
    const itemsNews = { v: 1, kind: 'items', from: 1, to: 1, revision: 1, items: [one] };
    const markNews = { v: 1, kind: 'mark', messageId: 'a', mark: { reader: 'a', kind: 'read', number: 1, time: 1 } };
    const eventNews = { v: 1, kind: 'event', after: 1, id: 'a', time: 1, contentType: 'a' };
    for (const good of [itemsNews, markNews, eventNews]) assert.equal(typeof decode(good), 'object');
    const wrong: unknown[] = ['', 'x', '{"v":1', '[]', 'null', '1', { kind: 'items' }, { v: '1' }, { v: 1 }];
    wrong.push({ ...itemsNews, kind: 'other' }, { ...itemsNews, items: null }, { ...itemsNews, items: {} });
    for (const [good, name] of [
      ...['from', 'to', 'revision'].map((each) => [itemsNews, each] as const),
      ...['mark', 'messageId'].map((each) => [markNews, each] as const),
      ...['after', 'id', 'time', 'contentType'].map((each) => [eventNews, each] as const),
    ]) {
      wrong.push({ ...good, [name]: undefined }, { ...good, [name]: null }, { ...good, [name]: [] });
    }
    for (const name of ['content', 'participantId']) wrong.push({ ...eventNews, [name]: 1 });
    for (const bad of [{ id: 1 }, { number: -1 }, { number: 1.5 }, { time: '1' }, { type: 1 }, { content: 1 }]) {
      wrong.push({ ...itemsNews, items: [one, { ...one, ...bad }] });
    }
    wrong.push({ ...itemsNews, items: [null] }, { ...itemsNews, items: [{ ...one, attachments: [{ id: 'a' }] }] });
    wrong.push({ ...itemsNews, items: [{ ...one, attachments: ['a'] }] });
    for (const bad of [{ kind: 'seen' }, { reader: 1 }, { number: null }, { time: null }]) {
      wrong.push({ ...markNews, mark: { ...markNews.mark, ...bad } });
    }
    for (const each of wrong) assert.equal(decode(each), 'malformed', JSON.stringify(each));
    assert.equal(decodeNews(Buffer.from([0xff, 0xfe]), 7), 'malformed');
  });

  test('[BU9] leave out items that are too long, and are nothing if they are so without them', () => {
    const one = { id: 'a', number: 1, time: 1, type: 'MESSAGE', content: 'ż'.repeat(500) } as const;
    const whole: News = { kind: 'items', chat: 7, from: 1, to: 1, revision: 1, items: [one] };
    const { items: _, ...bare } = whole;
    const bytes = encodeNews(whole, plenty) ?? assert.fail();
    assert(bytes.length > 1000, 'bytes count, not characters');
    const through = (most: number) => {
      const sent = encodeNews(whole, most);
      return sent && decodeNews(sent, 7);
    };
    assert.deepEqual(through(bytes.length), whole);
    assert.deepEqual(through(bytes.length - 1), bare);
    assert.equal(through(10), undefined);
    const event: News = { kind: 'event', chat: 7, after: 1, id: 'a', time: 1, contentType: 'a', content: one.content };
    assert.equal(encodeNews(event, 1000), undefined);
  });
});
