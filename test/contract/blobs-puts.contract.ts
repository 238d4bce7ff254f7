import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Blobs, PutOutcome } from '../../src/blobs/blobs.ts';
import type { Place, WithBlobs } from './blobs.contract.ts';
import { content, has, opened, put, read, streamOf, text } from './blobs-fixtures.ts';

const mebibyte = 2 ** 20;
/** Around a chunk of a stream, and around where an implementation may change its way. */
const sizes = [0, 1, 65_535, 65_536, 65_537, 1_000_000, 20_000_000];

/** How objects come in and are read. */
export function putRules(withBlobs: WithBlobs): void {
  for (const bytes of sizes) {
    test(
      `[BL1] gives back ${bytes} bytes and the content type as they were put`,
      withBlobs(async (blobs) => {
        assert.equal(await put(blobs, 'some/object', content(bytes)), 'stored');
        await has(blobs, 'some/object', content(bytes));
      }),
    );
  }
  test('[BL1] gives back what was written from memory', withBlobs(written));
  test('[BL1] takes a stream of buffers, empty ones among them', withBlobs(emptyChunks));
  test('[BL1] has nothing under a key that nothing was put under', withBlobs(absent));
  test('[BL2] replaces an object whole, its content type too', withBlobs(replaced));
  test('[BL2] lets one of many puts of a key win whole, and readers meanwhile see whole objects', withBlobs(raced));
  test(
    '[BL3] reads an object to its end as it was, though it is removed or replaced meanwhile',
    withBlobs(readThrough),
  );
  for (const bytes of [0, 1, 65_536, 65_537, 1_000_000]) {
    test(`[BL4] stores nothing when other than ${bytes} bytes come`, withBlobs(wrongSize(bytes)));
  }
  test('[BL4] leaves an object as it was when one of the wrong size was to replace it', withBlobs(keptOnWrongSize));
  test('[BL4] stops reading a source that does not end', withBlobs(endless));
  test('[BL5] leaves what remains of a source of the wrong size to the caller', withBlobs(leftToCaller));
  for (const bytes of [1000, mebibyte]) {
    test(`[BL6] stores nothing when a source of ${bytes} bytes fails half-way or at its end`, withBlobs(broken(bytes)));
  }
  test('[BL6] stores nothing when the client of an upload goes away', withBlobs(clientGone));
}

async function written(blobs: Blobs): Promise<void> {
  for (const bytes of [0, 5, 300_000]) {
    await blobs.write('transcript.json', content(bytes), 'application/json');
    await has(blobs, 'transcript.json', content(bytes), 'application/json');
  }
}

async function emptyChunks(blobs: Blobs): Promise<void> {
  for (const bytes of [4, 400_000]) {
    const [all, none] = [content(bytes), Buffer.alloc(0)];
    const source = Readable.from([none, all.subarray(0, 3), none, all.subarray(3), none, none]);
    assert.equal(await blobs.put('chunks', source, { bytes, contentType: text }), 'stored');
    await has(blobs, 'chunks', all);
  }
}

async function absent(blobs: Blobs): Promise<void> {
  await put(blobs, 'there/object', content(10));
  for (const key of ['object', 'there', 'there/object2', 'there/object/more', 'there/objec']) {
    assert.equal(await blobs.open(key), undefined, key);
  }
}

async function replaced(blobs: Blobs, place: Place): Promise<void> {
  await put(blobs, 'object', content(300_000, 'old'), 'image/png');
  await put(blobs, 'object', content(200_000, 'new'), 'image/jpeg');
  await has(blobs, 'object', content(200_000, 'new'), 'image/jpeg');
  await blobs.write('object', content(5, 'newest'), 'text/csv');
  await has(blobs, 'object', content(5, 'newest'), 'text/csv');
  assert.equal((await place.held()).length, 1);
}

async function raced(blobs: Blobs, place: Place): Promise<void> {
  const racers = Array.from({ length: 8 }, (_, index) => ({
    type: `text/x-${index}`,
    bytes: content(150_000 + index * 30_000, `${index}`),
  }));
  let racing = true;
  let seen = 0;
  const look = async () => {
    const { content: found, contentType } = await read(blobs, 'raced');
    const racer = racers.find(({ type }) => type === contentType);
    assert(racer?.bytes.equals(found), `mixed: ${found.length} bytes of ${contentType}`);
    seen += 1;
  };
  await blobs.write('raced', racers[0]?.bytes ?? Buffer.alloc(0), 'text/x-0');
  const reader = (async () => {
    while (racing) await look();
  })();
  for (let round = 1; round <= 3; round += 1) {
    const outcomes = await Promise.all(racers.map(({ type, bytes }) => put(blobs, 'raced', bytes, type)));
    assert.deepEqual(new Set(outcomes), new Set(['stored']));
  }
  racing = false;
  await reader;
  await look();
  assert(seen > 1);
  assert.equal((await place.held()).length, 1);
}

async function readThrough(blobs: Blobs): Promise<void> {
  const bytes = 20_000_000;
  await put(blobs, 'read', content(bytes, 'first'));
  const first = await opened(blobs, 'read');
  await put(blobs, 'read', content(bytes, 'second'));
  const second = await opened(blobs, 'read');
  await blobs.remove('read');
  assert.equal(await blobs.open('read'), undefined);
  for (const [{ stream }, name] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    const found: Buffer[] = [];
    for await (const chunk of stream) found.push(chunk as Buffer);
    assert(Buffer.concat(found).equals(content(bytes, name)), `the ${name} one was read whole`);
  }
}

function wrongSize(bytes: number) {
  return async (blobs: Blobs, place: Place) => {
    for (const come of [0, 1, bytes - 1, bytes + 1, bytes + 65_536, 2 * bytes]) {
      if (come === bytes || come < 0) continue;
      const outcome = await blobs.put('wrong', streamOf(content(come)), { bytes, contentType: text });
      assert.equal(outcome, 'wrong-size', `${come} came`);
    }
    assert.equal(await blobs.open('wrong'), undefined);
    assert.deepEqual(await place.held(), []);
  };
}

async function keptOnWrongSize(blobs: Blobs): Promise<void> {
  for (const bytes of [100, 500_000]) {
    await put(blobs, 'kept', content(bytes, 'old'));
    for (const come of [bytes - 1, bytes + 1]) {
      const source = streamOf(content(come, 'new'));
      assert.equal(await blobs.put('kept', source, { bytes, contentType: 'image/png' }), 'wrong-size');
    }
    await has(blobs, 'kept', content(bytes, 'old'));
  }
}

async function endless(blobs: Blobs, place: Place): Promise<void> {
  for (const bytes of [10, 300_000]) {
    let given = 0;
    const source = new Readable({
      read(size) {
        given += size;
        this.push(Buffer.alloc(size));
      },
    });
    assert.equal(await blobs.put('endless', source, { bytes, contentType: text }), 'wrong-size');
    // The chunk that is too much, and what the stream itself had read ahead.
    assert(given <= bytes + 4 * 65_536, `${given} bytes were read`);
    source.destroy();
  }
  assert.deepEqual(await place.held(), []);
}

async function leftToCaller(blobs: Blobs): Promise<void> {
  for (const bytes of [10, 200_000]) {
    const source = streamOf(content(2_000_000));
    assert.equal(await blobs.put('left', source, { bytes, contentType: text }), 'wrong-size');
    assert.equal(source.destroyed, false);
    let rest = 0;
    source.on('data', (chunk: Buffer) => {
      rest += chunk.length;
    });
    source.resume();
    await once(source, 'end');
    assert(rest > 1_000_000, `only ${rest} bytes were left`);
  }
}

function broken(bytes: number) {
  return async (blobs: Blobs, place: Place) => {
    const fail = () => Promise.reject(new Error('on purpose'));
    for (const come of [bytes / 2, bytes]) {
      const outcome = await blobs.put('broken', streamOf(content(come), fail), { bytes, contentType: text });
      assert.equal(outcome, 'aborted', `after ${come}`);
    }
    const gone = streamOf(content(bytes));
    gone.destroy();
    assert.equal(await blobs.put('broken', gone, { bytes, contentType: text }), 'aborted', 'destroyed before');
    assert.equal(await blobs.open('broken'), undefined);
    assert.deepEqual(await place.held(), []);
  };
}

async function clientGone(blobs: Blobs, place: Place): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    for (const bytes of [1000, mebibyte]) {
      const headers = { 'content-length': bytes };
      const upload = request({ port: (server.address() as AddressInfo).port, method: 'PUT', headers });
      upload.on('error', () => {});
      const outcome = new Promise<PutOutcome>((resolve, reject) => {
        server.once('request', (incoming: IncomingMessage) => {
          blobs.put('gone', incoming, { bytes, contentType: text }).then(resolve, reject);
          incoming.once('data', () => upload.destroy());
        });
      });
      upload.write(content(bytes / 2));
      assert.equal(await outcome, 'aborted');
    }
  } finally {
    server.close();
  }
  assert.equal(await blobs.open('gone'), undefined);
  assert.deepEqual(await place.held(), []);
}
