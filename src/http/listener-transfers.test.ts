import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { openJournal } from '../../test/support/journal.ts';
import { dialRaw, openTestListener } from '../../test/support/listener.ts';
import type { Log } from '../runtime/log.ts';
import type { Handlers } from './listener.ts';
import type { StreamReply } from './request.ts';

const MiB = 1_048_576;
const ok: StreamReply = { status: 200, headers: {}, body: 'ok' };

/** Takes what goes to /stream as a stream. */
function streaming(answer: (body: Readable) => Promise<StreamReply>): Partial<Handlers> {
  return { stream: ({ path }, body) => (path.startsWith('/stream') ? answer(body) : undefined) };
}

function openLogJournal() {
  const lines = openJournal<{ fields: Record<string, unknown>; message: string }>();
  const add = (fields: object, message: string) => lines.add({ fields: { ...fields }, message });
  return { lines, log: { debug() {}, info: add, warn: add, error: add } satisfies Log };
}

async function put(port: number, path: string, body: Buffer, headers: Record<string, string> = {}) {
  const request = httpRequest({ port, host: '127.0.0.1', method: 'PUT', path, headers, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode as number, headers: response.headers, body: await text(response) };
}

const head = (method: string, path: string, more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('a request that is taken as a stream', () => {
  it('[AM5] gets a body of any size, chunk by chunk, and leaves others their limit', async () => {
    let most = 0;
    const handlers = streaming(async (body) => {
      let bytes = 0;
      for await (const chunk of body) {
        bytes += chunk.length;
        most = Math.max(most, chunk.length);
      }
      return { ...ok, body: `${bytes}` };
    });
    await using listener = await openTestListener(handlers);
    assert.equal((await put(listener.port, '/stream', Buffer.alloc(20 * MiB))).body, `${20 * MiB}`);
    assert(most < MiB, `${most} bytes at once`);
    const chunked = { 'transfer-encoding': 'chunked' };
    assert.equal((await put(listener.port, '/stream', Buffer.alloc(2 * MiB), chunked)).body, `${2 * MiB}`);
    assert.equal((await put(listener.port, '/other', Buffer.alloc(2 * MiB))).status, 413);
  });

  it('[AM3] may be answered before its body is read: a short rest is read on, and the connection stays', async () => {
    await using listener = await openTestListener(streaming(async () => ({ ...ok, status: 400 })));
    using client = await dialRaw(listener.port);
    const length = 4 * MiB;
    client.write(head('PUT', '/stream', `Content-Length: ${length}\r\n`));
    client.write(Buffer.alloc(length));
    await client.until('HTTP/1.1 400');
    client.write(head('GET', '/again'));
    const received = await client.until('HTTP/1.1 200');
    assert.doesNotMatch(received, /connection: close/i);
  });

  it('[AM3] loses its connection when it has more than 8 MiB left', async () => {
    await using listener = await openTestListener(streaming(async () => ({ ...ok, status: 400 })));
    using client = await dialRaw(listener.port);
    client.write(head('PUT', '/stream', `Content-Length: ${100 * MiB}\r\n`));
    for (let sent = 0; sent < 16; sent += 1) client.write(Buffer.alloc(MiB));
    // The answer was sent, and may be lost: whoever still writes may be told of nothing but the end.
    await client.closed();
  });

  it('[AM5] may take longer than other requests', async () => {
    const handlers = streaming(async (body) => ({ ...ok, body: await text(body) }));
    await using listener = await openTestListener(handlers, { requestTimeoutMs: 50 });
    using upload = await dialRaw(listener.port);
    upload.write(`${head('PUT', '/stream', 'Content-Length: 10\r\n')}12345`);
    using other = await dialRaw(listener.port);
    other.write(`${head('PUT', '/other', 'Content-Length: 10\r\n')}12345`);
    assert.match(await other.closed(), /^HTTP\/1\.1 408 /);
    upload.write('67890');
    await upload.until('1234567890');
  });

  it('[AM5] is ended at a bound of its own, and what reads it is told', async () => {
    const read = Promise.withResolvers<unknown>();
    const handlers = streaming(async (body) => {
      await buffer(body).catch(read.resolve);
      return ok;
    });
    await using listener = await openTestListener(handlers, { transferTimeoutMs: 100 });
    using upload = await dialRaw(listener.port);
    upload.write(`${head('PUT', '/stream', 'Content-Length: 10\r\n')}12345`);
    assert.doesNotMatch(await upload.closed(), /200/);
    assert.match(String(await read.promise), /aborted/);
  });

  it('[AM5] tells what reads it when its client goes away', async () => {
    const { lines, log } = openLogJournal();
    const began = Promise.withResolvers<void>();
    const read = Promise.withResolvers<unknown>();
    const handlers = streaming(async (body) => {
      body.once('readable', began.resolve);
      await buffer(body).catch(read.resolve);
      return ok;
    });
    await using listener = await openTestListener(handlers, {}, log);
    using client = await dialRaw(listener.port);
    client.write(`${head('PUT', '/stream', 'Content-Length: 10\r\n')}12345`);
    await began.promise;
    client.socket.resetAndDestroy();
    assert.match(String(await read.promise), /aborted|ECONNRESET/);
    assert.deepEqual(lines.all, []);
  });
});

describe('a reply that is a stream', () => {
  const sized = (body: Readable, bytes: number): StreamReply => ({
    status: 200,
    headers: { 'content-length': String(bytes) },
    body,
  });

  it('[AM20] arrives whole, and the connection goes on', async () => {
    const bytes = 5 * MiB;
    const handlers = streaming(async () => sized(Readable.from([Buffer.alloc(bytes, 'x')]), bytes));
    await using listener = await openTestListener(handlers);
    using client = await dialRaw(listener.port);
    client.write(head('GET', '/stream') + head('GET', '/after'));
    const received = await client.until('{}');
    assert.equal(received.split('x'.repeat(bytes)).length, 2);
  });

  it('[AM20] is broken off, with a line in the log, when it fails on the way', async () => {
    const { lines, log } = openLogJournal();
    async function* failing() {
      yield Buffer.alloc(1000, 'x');
      throw new Error('disk on fire');
    }
    const handlers = streaming(async () => sized(Readable.from(failing(), { objectMode: false }), 2000));
    await using listener = await openTestListener(handlers, {}, log);
    using client = await dialRaw(listener.port);
    client.write(head('GET', '/stream'));
    assert.doesNotMatch(await client.closed(), /x{1001}/);
    const { fields } = await lines.until('a line', () => true);
    assert.match(String(fields.err), /disk on fire/);
  });

  it('[AM20] is let go when its reader goes away, or reads too slowly', async () => {
    const { lines, log } = openLogJournal();
    const bodies: Readable[] = [];
    const handlers = streaming(async () => {
      const body = new Readable({
        read(size) {
          this.push(Buffer.alloc(size));
        },
      });
      bodies.push(body);
      return sized(body, 1000 * MiB);
    });
    await using listener = await openTestListener(handlers, { transferTimeoutMs: 200 }, log);
    using leaver = await dialRaw(listener.port);
    leaver.write(head('GET', '/stream'));
    await leaver.until('HTTP/1.1 200');
    leaver.socket.resetAndDestroy();
    using sleeper = await dialRaw(listener.port);
    sleeper.write(head('GET', '/stream'));
    await sleeper.until('HTTP/1.1 200');
    sleeper.socket.pause();
    assert.equal(bodies.length, 2);
    for (const body of bodies) if (!body.destroyed) await once(body, 'close').catch(() => {});
    assert.deepEqual(lines.all, []);
  });
});

describe('draining', () => {
  it('[LI2] waits for a transfer that is under way', async () => {
    const began = Promise.withResolvers<void>();
    const handlers = streaming(async (body) => {
      began.resolve();
      return { ...ok, body: `${(await buffer(body)).length}` };
    });
    await using listener = await openTestListener(handlers);
    using client = await dialRaw(listener.port);
    client.write(`${head('PUT', '/stream', 'Content-Length: 10\r\n')}12345`);
    await began.promise;
    const drained = listener.drain();
    client.write('67890');
    assert.match(await client.closed(), /connection: close\r\n[\s\S]*\r\n\r\n10$/i);
    await drained;
  });
});
