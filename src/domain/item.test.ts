import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { markVersion7 } from '../runtime/ids.ts';
import { itemId, timeOfItemId } from './item.ts';

/** The last moment that six bytes hold: the year 10889. */
const lastTime = 2 ** 48 - 1;
const time = fc.integer({ min: 0, max: lastTime });
const tail = fc.uint8Array({ minLength: 10, maxLength: 10 }).map((bytes) => markVersion7(Buffer.from(bytes)));

test('[ST8] makes an id of time and tail, and finds the time in it again', () => {
  fc.assert(
    fc.property(time, tail, (at, bytes) => {
      const id = itemId(at, bytes);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(timeOfItemId(id), at);
      assert.equal(id.replaceAll('-', '').slice(12), Buffer.from(bytes).toString('hex'), 'nothing of the tail is lost');
    }),
    property(300),
  );
  assert.equal(itemId(1_769_860_800_000, markVersion7(Buffer.alloc(10))), '019c13ec-9e00-7000-8000-000000000000');
  assert.equal(timeOfItemId(itemId(0, markVersion7(Buffer.alloc(10, 255)))), 0);
});

test('[ST8] orders ids as their times are ordered', () => {
  fc.assert(
    fc.property(time, time, tail, tail, (one, other, first, second) => {
      fc.pre(one !== other);
      assert.equal(itemId(one, first) < itemId(other, second), one < other);
    }),
    property(300),
  );
});

test('[SE4, TR4] knows that no item can have an id of another form', () => {
  const id = itemId(1_769_860_800_000, markVersion7(Buffer.alloc(10, 0xab)));
  const others = [
    '',
    'x',
    id.toUpperCase(),
    ` ${id}`,
    `${id}\n`,
    id.slice(1),
    `0${id}`,
    id.replaceAll('-', ''),
    id.replace('-7', '-4'),
    id.replace(/-[89ab](?=[^-]{3}-[^-]{12}$)/, '-c'),
    `{${id}}`,
    id.replace('a', 'g'),
    '00000000-0000-0000-0000-000000000000',
    'f81d4fae-7dec-4d0a-a765-00a0c91e6bf6',
    '__proto__',
  ];
  assert.equal(timeOfItemId(id), 1_769_860_800_000);
  for (const other of others) assert.equal(timeOfItemId(other), undefined, JSON.stringify(other));
});
