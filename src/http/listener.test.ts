import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { openJournal } from '../../test/support/journal.ts';
import { dialRaw, openTestListener } from '../../test/support/listener.ts';
import { startChat, testPipeline } from '../../test/support/pipeline.ts';
import type { Log } from '../runtime/log.ts';
import type { Reply, Request } from './request.ts';

const MiB = 1_048_576;
const ok: Reply = { status: 200, headers: {}, body: '{}' };
/** Answers with the request's path. */
const echo = async ({ path }: Request): Promise<Reply> => ({ ...ok, body: path });
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request by Node's client, on a connection of its own. */
async function ask(
  port: number,
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** A log that keeps what it is given, of every level but debug. */
function openLogJournal() {
  const lines = openJournal<{ fields: Record<string, unknown>; message: string }>();
  const add = (fields: object, message: string) => lines.add({ fields: { ...fields }, message });
  const log: Log = { debug() {}, info: add, warn: add, error: add };
  return { lines, log };
}

describe('bodies', () => {
  it('[HT2] of exactly the limit are taken', async () => {
    const sizes: number[] = [];
    const answer = async ({ body }: Request) => {
      sizes.push(body.length);
      return ok;
    };
    await using listener = await openTestListener({ answer });
    assert.equal((await ask(listener.port, 'POST', '/', Buffer.alloc(MiB))).status, 200);
    assert.equal(
      (await ask(listener.port, 'POST', '/', Buffer.alloc(MiB), { 'transfer-encoding': 'chunked' })).status,
      200,
    );
    assert.deepEqual(sizes, [MiB, MiB]);
  });

  for (const [what, size, headers] of [
    ['a byte over the limit', MiB + 1, {}],
    ['of 8 MiB', 8 * MiB, {}],
    ['over the limit in chunks, whose number nobody said', 2 * MiB, { 'transfer-encoding': 'chunked' }],
    ['over the limit that were asked for by 100-continue', 2 * MiB, { expect: '100-continue' }],
  ] as const) {
    it(`[HT2, HT5] ${what} are 413 with CORS, and the connection closes`, async () => {
      await using listener = await openTestListener({ answer: async () => assert.fail('it was passed on') });
      const { status, headers: got, body } = await ask(listener.port, 'POST', '/', Buffer.alloc(size), headers);
      assert.equal(status, 413);
      assert.equal(got['x-amzn-errortype'], 'RequestEntityTooLargeException');
      assert.equal(JSON.parse(body).message, 'The request body is over 1048576 bytes.');
      assert.equal(got['access-control-allow-origin'], '*');
      assert.match(String(got['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
      assert.equal(got.connection, 'close');
    });
  }

  it('[HT2] beyond 8 MiB end the connection, whatever their sender still has', async () => {
    await using listener = await openTestListener({ answer: async () => assert.fail('it was passed on') });
    using client = await dialRaw(listener.port);
    client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${64 * MiB}\r\n\r\n`);
    for (let sent = 0; sent < 16; sent += 1) client.write(Buffer.alloc(MiB));
    await client.closed();
  });

  it('[HT2, SM3] may be the longest SendMessage: 16,384 letters of content, every character escaped', async () => {
    const pipeline = await testPipeline();
    await using listener = await openTestListener({ answer: pipeline.handle });
    const { token } = await startChat(pipeline);
    const escaped = (plain: string) =>
      Array.from({ length: plain.length }, (_, at) => `\\u${plain.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
        '',
      );
    const members = { ContentType: 'text/plain', ClientToken: '😀'.repeat(500), Content: 'a'.repeat(16_384) };
    const body = `{${Object.entries(members).map(([name, value]) => `"${escaped(name)}":"${escaped(value)}"`)}}`;
    assert.ok(body.length > 104_000);
    const sent = await ask(listener.port, 'POST', '/participant/message', body, { 'x-amz-bearer': token });
    assert.equal(sent.status, 200);
    const read = await pipeline.call('GetTranscript', { MaxResults: 1 }, token);
    assert.equal(read.body.Transcript[0].Content, members.Content);
  });
});

describe('slow clients', () => {
  for (const [what, sent] of [
    ['sends nothing', ''],
    ['sends half a line', 'POST /partici'],
    ['sends headers without an end', 'GET / HTTP/1.1\r\nHost: localhost\r\n'],
    ['sends half of its body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345'],
    ['sends no chunk', 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['begins a second request', `${get('/')}GET /`],
  ] as const) {
    it(`[HT10] are ended at a bound: one that ${what}`, async () => {
      await using listener = await openTestListener({}, { requestTimeoutMs: 100 });
      using client = await dialRaw(listener.port);
      if (sent) client.write(sent);
      const received = await client.closed();
      assert.match(received, /HTTP\/1\.1 408 Request Timeout\r\nConnection: close/);
      assert.equal((await ask(listener.port, 'GET', '/')).status, 200);
    });
  }

  it('[HT10] do not end a request that arrived whole, however long its answer takes', async () => {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    await using listener = await openTestListener(
      { answer: ({ path }) => (path === '/slow' ? promise : echo({ path } as Request)) },
      { requestTimeoutMs: 100 },
    );
    using patient = await dialRaw(listener.port);
    patient.write(get('/slow'));
    using slow = await dialRaw(listener.port);
    slow.write('GET /');
    await slow.closed();
    resolve({ ...ok, body: 'at last' });
    assert.match(await patient.until('at last'), /^HTTP\/1\.1 200 /);
  });
});

describe('floods', () => {
  it('[HT10] of connections end at the limit, which closes the one too many', async () => {
    await using listener = await openTestListener({}, { maxConnections: 2 });
    using one = await dialRaw(listener.port);
    using other = await dialRaw(listener.port);
    using third = await dialRaw(listener.port);
    assert.equal(await third.closed(), '');
    for (const client of [one, other]) {
      client.write(get('/'));
      await client.until('HTTP/1.1 200 OK');
    }
  });

  for (const [what, headers] of [
    ['a header of 20,000 characters', `x-amz-bearer: ${'A'.repeat(20_000)}\r\n`],
    ['5,000 headers', Array.from({ length: 5000 }, (_, index) => `x-${index}: 1\r\n`).join('')],
  ] as const) {
    it(`[HT10] of ${what} are 431, and the next client is served`, async () => {
      await using listener = await openTestListener({ answer: echo });
      using client = await dialRaw(listener.port);
      client.write(get('/flood', headers));
      assert.match(await client.closed(), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\nConnection: close/);
      assert.equal((await ask(listener.port, 'GET', '/next')).body, '/next');
    });
  }

  for (const [what, headers] of [
    ['a bearer of 15,000 characters', { 'x-amz-bearer': 'A'.repeat(15_000) }],
    ['500 headers', Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, '1']))],
  ] as const) {
    it(`[HT10] leave room for ${what}`, async () => {
      const answer = async ({ headers }: Request) => ({ ...ok, body: JSON.stringify(headers) });
      await using listener = await openTestListener({ answer });
      const { body } = await ask(listener.port, 'GET', '/', '', headers);
      const seen = new Map<string, string>(JSON.parse(body));
      for (const [name, value] of Object.entries(headers)) assert.equal(seen.get(name), value);
    });
  }
});

describe('connections', () => {
  it('[HT7] are kept for 75 s, and say so', async () => {
    await using listener = await openTestListener({ answer: echo });
    using client = await dialRaw(listener.port);
    for (const path of ['/one', '/two', '/three']) {
      client.write(get(path));
      assert.match(await client.until(path), /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n/);
    }
  });

  it('[HT7] are kept for a client of HTTP/1.0 that asks for it, and for a HEAD', async () => {
    await using listener = await openTestListener({ answer: echo });
    using client = await dialRaw(listener.port);
    client.write('GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    assert.match(await client.until('/old'), /\r\ncontent-length: 4\r\n[\s\S]*Connection: keep-alive\r\n/);
    client.write('HEAD /head HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until('content-length: 5');
    client.write(get('/new'));
    assert.doesNotMatch(await client.until('/new'), /\/head/);
  });

  it('[HT7] are closed when they were idle for that time', async () => {
    await using listener = await openTestListener({}, { keepAliveMs: 1 });
    using client = await dialRaw(listener.port);
    client.write(get('/'));
    assert.match(await client.closed(), /^HTTP\/1\.1 200 OK/);
  });

  it('[HT7] may carry requests one behind the other; the answers come in their order', async () => {
    const third = Promise.withResolvers<void>();
    const answer = async (request: Request) => {
      if (request.path === '/third') third.resolve();
      if (request.path === '/first') await third.promise;
      return echo(request);
    };
    await using listener = await openTestListener({ answer });
    using client = await dialRaw(listener.port);
    const post = 'POST /second HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345';
    client.write(get('/first') + post + get('/third', 'Connection: close\r\n'));
    const received = await client.closed();
    assert.deepEqual(received.match(/\/(first|second|third)/g), ['/first', '/second', '/third']);
    assert.equal(received.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
  });

  it('[HT1] answer what is not HTTP by 400 and close', async () => {
    await using listener = await openTestListener();
    for (const sent of [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/9.9\r\nHost: a\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
    ]) {
      using client = await dialRaw(listener.port);
      client.write(sent);
      assert.match(await client.closed(), /^HTTP\/1\.1 400 Bad Request\r\n/, JSON.stringify(sent));
    }
    assert.equal((await ask(listener.port, 'GET', '/')).status, 200);
  });

  it('[HT11] answer a client that offers HTTP/2 as if it had not', async () => {
    await using listener = await openTestListener({ answer: echo });
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
    using client = await dialRaw(listener.port);
    client.write(get('/one', offer));
    assert.match(await client.until('/one'), /^HTTP\/1\.1 200 OK/);
    client.write(`POST /two HTTP/1.1\r\nHost: localhost\r\n${offer}Content-Length: 2\r\n\r\n{}`);
    await client.until('/two');
  });

  it('[HT10] may break off at any point of a request or its answer, and nobody else notices', async () => {
    const { lines, log } = openLogJournal();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Reply>();
    const handlers = {
      answer: (request: Request) => {
        if (request.path !== '/slow') return echo(request);
        asked.resolve();
        return answer.promise;
      },
    };
    await using listener = await openTestListener(handlers, {}, log);
    for (const sent of ['', 'GET ', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123', get('/slow')]) {
      using client = await dialRaw(listener.port);
      if (sent) client.write(sent);
      if (sent.includes('/slow')) await asked.promise;
      client.socket.resetAndDestroy();
    }
    using watcher = await dialRaw(listener.port);
    answer.resolve({ ...ok, body: 'a'.repeat(MiB) });
    watcher.write(get('/after'));
    await watcher.until('/after');
    assert.deepEqual(lines.all, []);
  });

  it('[HT4] are closed when a handler fails against its promise, which is logged with the request id', async () => {
    const { lines, log } = openLogJournal();
    await using listener = await openTestListener({ answer: async () => Promise.reject(new Error('a bug')) }, {}, log);
    using client = await dialRaw(listener.port);
    client.write(get('/'));
    assert.equal(await client.closed(), '');
    const { fields } = await lines.until('the log line', () => true);
    assert.equal(String(fields.err), 'Error: a bug');
    assert.match(String(fields.requestId), /^[0-9a-f-]{36}$/);
  });
});

describe('draining', () => {
  it('[LI2] answers what is in flight, closes what is idle and takes nothing new', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Reply>();
    const handlers = {
      answer: (request: Request) => {
        if (request.path !== '/slow') return echo(request);
        asked.resolve();
        return answer.promise;
      },
    };
    await using listener = await openTestListener(handlers);
    using idle = await dialRaw(listener.port);
    idle.write(get('/idle'));
    await idle.until('/idle');
    using busy = await dialRaw(listener.port);
    busy.write(get('/slow'));
    await asked.promise;
    let isDrained = false;
    const drained = listener.drain().then(() => {
      isDrained = true;
    });
    await idle.closed();
    await assert.rejects(dialRaw(listener.port), { code: 'ECONNREFUSED' });
    assert.equal(isDrained, false);
    answer.resolve({ ...ok, body: 'the last' });
    assert.match(await busy.closed(), /\r\nconnection: close\r\n[\s\S]*the last/i);
    await drained;
  });

  it('[LI2] is over at once when nothing is in flight', async () => {
    await using listener = await openTestListener();
    await listener.drain();
  });
});

const noIPv6 = await new Promise<string | false>((resolve) => {
  const probe = createServer();
  probe.on('error', () => resolve('this machine has no ::1'));
  probe.listen(0, '::1', () => probe.close(() => resolve(false)));
});

describe('the port', () => {
  it('[CF10] in use rejects with its number', async () => {
    await using listener = await openTestListener();
    const { port } = listener;
    await assert.rejects(openTestListener({}, { port }), { code: 'EADDRINUSE', port });
  });

  it('[CF11] is the same on ::1', { skip: noIPv6 }, async () => {
    await using listener = await openTestListener({ answer: echo }, { alsoLoopback6: true });
    for (const host of ['127.0.0.1', '::1']) {
      using client = await dialRaw(listener.port, host);
      client.write(get('/here'));
      await client.until('/here');
    }
    await listener.drain();
    for (const host of ['127.0.0.1', '::1'])
      await assert.rejects(dialRaw(listener.port, host), { code: 'ECONNREFUSED' });
  });

  it('[CF10, CF11] in use on ::1 alone rejects, too, and lets the other address go', { skip: noIPv6 }, async () => {
    const other = createServer();
    await once(other.listen(0, '::1'), 'listening');
    const { port } = other.address() as { port: number };
    await assert.rejects(openTestListener({}, { port, alsoLoopback6: true }), { code: 'EADDRINUSE' });
    await using listener = await openTestListener({}, { port });
    assert.equal(listener.port, port);
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('the prefix of the public URL', () => {
  /** A target, and what the handler sees of it below the prefix `/connect`: path, query and what was taken off. */
  for (const [target, path, query, prefix] of [
    ['/connect/contact/chat', '/contact/chat', '', '/connect'],
    ['/contact/chat', '/contact/chat', '', undefined],
    ['/connect', '/', '', '/connect'],
    ['/connect/', '/', '', '/connect'],
    ['/connect?a=/b', '/', 'a=/b', '/connect'],
    ['/connect/connect/x', '/connect/x', '', '/connect'],
    ['/connected/x', '/connected/x', '', undefined],
    ['/Connect/x', '/Connect/x', '', undefined],
    ['/x/connect/y?q?r', '/x/connect/y', 'q?r', undefined],
    ['/connect/a%2Fb', '/a%2Fb', '', '/connect'],
  ] as const) {
    it(`[CF7] leaves ${path} of ${target}`, async () => {
      const seen: Request[] = [];
      const answer = async (request: Request) => {
        seen.push(request);
        return ok;
      };
      await using listener = await openTestListener({ answer }, { pathPrefix: '/connect' });
      await ask(listener.port, 'GET', target);
      assert.deepEqual([seen[0]?.path, seen[0]?.query, seen[0]?.prefix], [path, query, prefix]);
    });
  }

  it('[CF7] is taken off upgrades, too; anything but a WebSocket is no upgrade', async () => {
    const seen = openJournal<string>();
    const upgrade = (_: unknown, path: string, query: string, socket: { destroy(): void }) => {
      seen.add(`${path} ${query}`);
      socket.destroy();
    };
    await using listener = await openTestListener({ upgrade, answer: echo }, { pathPrefix: '/connect' });
    for (const [target, expected] of [
      ['/connect/socket?token=a', '/socket token=a'],
      ['/socket', '/socket '],
    ] as const) {
      using client = await dialRaw(listener.port);
      client.write(get(target, 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n'));
      await seen.until(expected, (each) => each === expected);
    }
  });
});
