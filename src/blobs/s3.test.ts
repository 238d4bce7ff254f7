import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { blobsContract } from '../../test/contract/blobs.contract.ts';
import { content, has, opened, put, streamOf, text } from '../../test/contract/blobs-fixtures.ts';
import { s3Place } from '../../test/support/blob-places.ts';
import { region, startS3Server } from '../../test/support/s3-server.ts';
import type { Blobs } from './blobs.ts';
import { openS3 } from './s3.ts';

const server = await startS3Server();
after(() => server[Symbol.asyncDispose]());

blobsContract('S3', () => s3Place(server));

test('[BL17] keeps its objects below its prefix, apart from all else in the bucket', async () => {
  const { settings, held } = await s3Place(server);
  await using one = await openS3({ ...settings, prefix: 'one/' });
  await using two = await openS3({ ...settings, prefix: 'one/Two=' });
  await using all = await openS3({ ...settings, prefix: '' });
  await put(one, 'a/b', content(10, 'one'));
  await put(two, 'a/b', content(10, 'two'));
  assert.deepEqual(await held(), ['one/Two=a/b', 'one/a/b']);
  await has(one, 'a/b', content(10, 'one'));
  await has(two, 'a/b', content(10, 'two'));
  assert.deepEqual(
    [await one.list('', 1), await two.list('', 9), await all.list('one', 9)],
    [['a/b'], ['a/b'], ['one/a/b']],
  );
  await one.remove('a/b');
  assert.equal(await one.open('a/b'), undefined);
  await has(two, 'a/b', content(10, 'two'));
});

test('[BL15] rejects when there is no such bucket, and says so', async () => {
  const { settings } = await s3Place(server);
  await using blobs = await openS3({ ...settings, bucket: 'absent' });
  const missing = { name: 'NoSuchBucket' };
  for (const bytes of [100, 300_000]) {
    await assert.rejects(put(blobs, 'a', content(bytes)), missing);
  }
  await assert.rejects(blobs.open('a'), missing);
  await assert.rejects(blobs.list('', 10), missing);
  await assert.rejects(blobs.remove('a'), missing);
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Against a server that answers as the test says, which no server of that kind would. */
async function against(answer: Answer, run: (blobs: Blobs) => Promise<void>): Promise<void> {
  const odd = createServer(answer).listen(0, '127.0.0.1');
  await once(odd, 'listening');
  const endpoint = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
  try {
    await using blobs = await openS3({ bucket: 'odd', prefix: '', region, endpoint, forcePathStyle: true });
    await run(blobs);
  } finally {
    odd.closeAllConnections();
    odd.close();
  }
}

test('[BL18] sends an object as a plain body of its exact length, which every store takes', async () => {
  const seen: unknown[] = [];
  await against(
    (request, response) => {
      void buffer(request).then((body) => {
        const {
          'content-length': length,
          'content-type': type,
          'content-encoding': encoding,
          expect,
        } = request.headers;
        seen.push([request.method, request.url, length, type, encoding, expect, body.length]);
        response.end();
      });
    },
    async (blobs) => {
      for (const bytes of [0, 100, 5_000_000]) assert.equal(await put(blobs, 'a/b', content(bytes)), 'stored');
    },
  );
  assert.deepEqual(
    seen,
    [0, 100, 5_000_000].map((bytes) => [
      'PUT',
      '/odd/a/b?x-id=PutObject',
      `${bytes}`,
      text,
      undefined,
      undefined,
      bytes,
    ]),
  );
});

test('[BL19] tries three times with an object up to 64 KiB, once with what streams, and then rejects', async () => {
  let requests = 0;
  let failures = 0;
  const busy: Answer = (request, response) => {
    request.resume();
    request.once('end', () => {
      requests += 1;
      response.statusCode = requests <= failures ? 503 : 200;
      response.end();
    });
  };
  await against(busy, async (blobs) => {
    const attempts = async (failing: number, bytes: number) => {
      requests = 0;
      failures = failing;
      const outcome = await put(blobs, 'a', content(bytes)).catch(() => 'rejected');
      return [outcome, requests];
    };
    assert.deepEqual(await attempts(2, 65_536), ['stored', 3]);
    assert.deepEqual(await attempts(3, 65_536), ['rejected', 3]);
    assert.deepEqual(await attempts(1, 65_537), ['rejected', 1]);
  });
});

test('[BL15] rejects at once when it is refused while the source has more to come', async () => {
  const refuse: Answer = (request, response) => {
    request.once('data', () => {
      response.statusCode = 403;
      response.end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
    });
  };
  await against(refuse, async (blobs) => {
    let go = () => {};
    const source = streamOf(content(500_000), () => new Promise<void>((resolve) => (go = resolve)));
    await assert.rejects(blobs.put('a', source, { bytes: 1_000_000, contentType: text }), { name: 'AccessDenied' });
    assert.equal(source.destroyed, false);
    source.resume();
    go();
    await once(source, 'end');
  });
});

test('[BL3] fails a reader rather than give it less than the whole', async () => {
  const breakOff: Answer = (_, response) => {
    response.writeHead(200, { 'content-length': 100_000, 'content-type': 'text/plain' });
    response.write(content(50_000), () => response.destroy());
  };
  await against(breakOff, async (blobs) => {
    const { bytes, stream } = await opened(blobs, 'a');
    assert.equal(bytes, 100_000);
    await assert.rejects(buffer(stream), { code: 'ECONNRESET' });
  });
});

test('[BL8] takes 404 for an answer to the removal of what is absent', async () => {
  const absent: Answer = (_, response) => {
    response.statusCode = 404;
    response.end('<Error><Code>NoSuchKey</Code><Message>no</Message></Error>');
  };
  await against(absent, (blobs) => blobs.remove('a'));
});
