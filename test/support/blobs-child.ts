import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from './blob-places.ts';

/**
 * A process of its own that puts objects, for tests that kill it, trace it or weigh it.
 * `blobs-child.ts <what> <where>`; it says on standard output what it did, and ends when its input does.
 */
const [what = '', where = ''] = process.argv.slice(2);

/** Written at once by one system call, so that a trace shows when. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const mebibyte = 2 ** 20;
const contentType = 'text/plain';

const acts: Readonly<Record<string, (blobs: Blobs) => Promise<void>>> = { stall, flood, few, weigh };

/** The same chunk again and again: what memory grows by is not the source's. */
async function* repeated(bytes: number, fill: string, seen: () => void = () => {}): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(65_536, fill);
  for (let left = bytes; left > 0; left -= chunk.length) {
    seen();
    yield chunk.subarray(0, left);
  }
}

/** Half of an object, and then nothing more. */
async function stall(blobs: Blobs): Promise<void> {
  async function* half(): AsyncGenerator<Buffer> {
    yield* repeated(mebibyte, 'h');
    say('half');
    await new Promise(() => {});
  }
  await blobs.put('killed/stalled', Readable.from(half()), { bytes: 2 * mebibyte, contentType });
}

/** Objects of one letter each, three at a time under three keys, until somebody ends it. */
async function flood(blobs: Blobs): Promise<void> {
  const one = async (key: string, first: number) => {
    for (let index = first; ; index += 1) {
      const fill = String.fromCharCode(97 + (index % 26));
      const bytes = 100_000 + (index % 26);
      await blobs.put(key, Readable.from(repeated(bytes, fill)), { bytes, contentType });
      say(`${key} ${index}`);
    }
  };
  await Promise.all(['killed/one', 'killed/two', 'three'].map((key, index) => one(key, index * 5)));
}

/** A few objects one after another, each acknowledged. */
async function few(blobs: Blobs): Promise<void> {
  for (let index = 1; index <= 5; index += 1) {
    const bytes = 100_000;
    await blobs.put(`few/${index}`, Readable.from(repeated(bytes, 'f')), { bytes, contentType });
    say(`acknowledged ${index}`);
  }
  process.exit();
}

/** By how much the memory of this process grows at most while 100 MB go in, then out, once as much code has been used for 20. */
async function weigh(blobs: Blobs): Promise<void> {
  // Node makes a new buffer for each chunk it reads and lets some 40 MB of them lie; what is held is seen without them.
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let chunks = 0;
  let most = 0;
  const look = () => {
    chunks += 1;
    if (chunks % 32 === 0) collect();
    most = Math.max(most, process.memoryUsage.rss());
  };
  const put = async (key: string, bytes: number) => {
    await blobs.put(key, Readable.from(repeated(bytes, 'w', look)), { bytes, contentType });
  };
  const read = async (key: string) => {
    for await (const _ of (await blobs.open(key))?.stream ?? []) look();
  };
  const growth = async (warm: () => Promise<void>, heavy: () => Promise<void>) => {
    await warm();
    const before = most;
    await heavy();
    return most - before;
  };
  const toPut = await growth(
    () => put('light', 20 * mebibyte),
    () => put('heavy', 100 * mebibyte),
  );
  const toRead = await growth(
    () => read('light'),
    () => read('heavy'),
  );
  say(`${toPut} ${toRead}`);
  process.exit();
}

process.stdin.on('end', () => process.exit());
process.stdin.resume();
await acts[what]?.(await openBlobs(JSON.parse(where)));
