import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { startChild } from '../support/child.ts';
import type { Place, WithBlobs } from './blobs.contract.ts';
import { content, has, put, read } from './blobs-fixtures.ts';

/** What outlives a store and a process, and what a process may weigh. */
export function endRules(withBlobs: WithBlobs): void {
  test('[BL10] has everything after reopening', withBlobs(reopened));
  test('[BL11] shows nothing of an object in the middle of which the process was killed', withBlobs(killedHalfway));
  test('[BL11] has every acknowledged object whole after kill -9, again and again', withBlobs(killedOften));
  test('[BL12] needs no more memory for 100 MB than for a part of it', withBlobs(light));
}

const child = (what: string, { where }: Place) => startChild('blobs-child.ts', [what, JSON.stringify(where)]);

async function reopened(blobs: Blobs, place: Place): Promise<void> {
  const keys = ['a', 'a/b', 'c/d/e'];
  for (const key of keys) await put(blobs, key, content(70_000, key), `text/x-${key.length}`);
  await blobs[Symbol.asyncDispose]();
  await using again = await place.open();
  assert.deepEqual(await again.list('', 10), keys);
  for (const key of keys) await has(again, key, content(70_000, key), `text/x-${key.length}`);
}

async function killedHalfway(blobs: Blobs, place: Place): Promise<void> {
  for (const old of [undefined, content(300_000, 'old')]) {
    if (old) await put(blobs, 'killed/stalled', old);
    await using process = child('stall', place);
    assert.equal(await process.line(), 'half');
    await process.kill();
    await using again = await place.open();
    if (old) await has(again, 'killed/stalled', old);
    else assert.equal(await again.open('killed/stalled'), undefined);
    assert.deepEqual(await again.list('', 10), old ? ['killed/stalled'] : []);
  }
}

const kills = 4;

async function killedOften(blobs: Blobs, place: Place): Promise<void> {
  for (let round = 1; round <= kills; round += 1) {
    await using process = child('flood', place);
    const acknowledged = new Map<string, number>();
    const note = (line: string) => {
      const [key = '', index = ''] = line.split(' ');
      acknowledged.set(key, Number(index));
    };
    for (let lines = 0; lines < 10 * round; lines += 1)
      note((await process.line()) ?? assert.fail('it ended by itself'));
    await process.kill();
    for (const line of await process.rest()) note(line);
    for (const [key, index] of acknowledged) {
      const { content: found } = await read(blobs, key);
      const fill = found.toString('latin1', 0, 1);
      assert(found.equals(Buffer.alloc(100_000 + fill.charCodeAt(0) - 97, fill)), `${key} is whole`);
      // The last one acknowledged, or the next, which nobody was told of any more.
      assert(
        [index % 26, (index + 1) % 26].includes(fill.charCodeAt(0) - 97),
        `${key} is ${fill}, not number ${index}`,
      );
    }
  }
}

const mostGrowth = 8 * 2 ** 20;

async function light(_: Blobs, place: Place): Promise<void> {
  await using process = child('weigh', place);
  const [put = Number.NaN, read = Number.NaN] = ((await process.line()) ?? '').split(' ').map(Number);
  assert(put < mostGrowth, `to put 100 MB took ${put} bytes more`);
  assert(read < mostGrowth, `to read 100 MB took ${read} bytes more`);
}
