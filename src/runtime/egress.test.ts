import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import {
  type ClientRequestArgs,
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
} from 'node:http';
import { type AddressInfo, BlockList, type LookupFunction } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { testCertificates } from '../../test/support/certificates.ts';
import { startChild } from '../../test/support/child.ts';
import { openJournal, within } from '../../test/support/journal.ts';
import { openTestListener } from '../../test/support/listener.ts';
import { openEgress } from './egress.ts';

/** Names of a network that is only here. */
function namesOf(table: Readonly<Record<string, readonly string[]>>, asked: string[] = []): LookupFunction {
  return (name, options, done) => {
    asked.push(name);
    const found: LookupAddress[] = (table[name] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    assert.equal(options.all, true, 'all addresses are asked for');
    process.nextTick(() => done(null, found));
  };
}

const never = new AbortController().signal;
const get = { accept: 'text/plain' };

/** Runs with a count of the connections that were begun meanwhile. */
async function dialled(run: () => Promise<void>): Promise<number> {
  let count = 0;
  const counter = () => {
    count += 1;
  };
  subscribe('net.client.socket', counter);
  try {
    await run();
  } finally {
    unsubscribe('net.client.socket', counter);
  }
  return count;
}

async function listening(answer: RequestListener): Promise<Server & { readonly url: URL } & AsyncDisposable> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/here?a=b`);
  return Object.assign(server, {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

const refusedAddresses = [
  '169.254.169.254',
  '169.254.0.0',
  '169.254.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fe80::1',
  'febf:ffff::1',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:1',
  '::ffff:100.100.100.200',
  '::ffff:0:169.254.169.254',
  '::169.254.169.254',
  '64:ff9b::169.254.169.254',
  '64:ff9b::6464:64c8',
  '64:ff9b:1::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '2002:6464:64c8::',
];

test('[EG2, OB2] a name is asked for once at a time, however many connections wait for it', async () => {
  await using server = await listening((_, response) => response.end('here'));
  const questions: Parameters<LookupFunction>[2][] = [];
  const both = Promise.withResolvers<void>();
  const lookup: LookupFunction = (_name, _options, done) => void questions.push(done);
  await using egress = openEgress({ allowsLinkLocal: false, lookup });
  const url = new URL(server.url);
  url.hostname = 'slow.example';
  const posts = Array.from({ length: 5 }, () => egress.post(url, get, '', never));
  setImmediate(both.resolve);
  await both.promise;
  assert.equal(questions.length, 1);
  questions.shift()?.(null, [{ address: '127.0.0.1', family: 4 }]);
  for (const { text } of await Promise.all(posts)) assert.equal(text, 'here');
  assert.equal(questions.length, 0);
});

describe('outgoing requests', () => {
  for (const address of refusedAddresses) {
    const host = address.includes(':') ? `[${address}]` : address;

    test(`[EG1, EG2, EG3] do not go to ${address}, by address or by name`, async () => {
      await using egress = openEgress({ allowsLinkLocal: false, lookup: namesOf({ 'inner.example': [address] }) });
      for (const scheme of ['http', 'https']) {
        const literal = `${scheme}://${host}/latest/meta-data`;
        const begun = await dialled(async () => {
          await assert.rejects(egress.post(new URL(literal), {}, '', never), {
            message: `${new URL(literal).hostname.replace(/^\[|\]$/g, '')} is a link-local or metadata address, where no request may go; TERTULIA_ALLOW_LINK_LOCAL=true allows it`,
          });
        });
        assert.equal(begun, 0, 'nothing was dialled');
        await assert.rejects(egress.post(new URL(`${scheme}://inner.example/`), {}, '', never), {
          message: `${address}, the address of inner.example, is a link-local or metadata address, where no request may go; TERTULIA_ALLOW_LINK_LOCAL=true allows it`,
        });
      }
    });
  }

  for (const written of ['2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169。254。169。254']) {
    test(`[EG2] know the address that is written ${written}`, async () => {
      await using egress = openEgress({ allowsLinkLocal: false, lookup: namesOf({}) });
      await assert.rejects(
        egress.post(new URL(`http://${written}/`), {}, '', never),
        /^Error: 169\.254\.169\.254 is a link-local .* TERTULIA_ALLOW_LINK_LOCAL=true/,
      );
    });
  }

  test('[EG2] do not go to a link-local address with a zone that a name has', async () => {
    await using egress = openEgress({ allowsLinkLocal: false, lookup: namesOf({ 'near.example': ['fe80::1%lo'] }) });
    await assert.rejects(
      egress.post(new URL('http://near.example/'), {}, '', never),
      /^Error: fe80::1%lo, the address/,
    );
  });

  test('[EG1] go to a link-local address where that is allowed, by address and by name', async () => {
    await using egress = openEgress({ allowsLinkLocal: true, lookup: namesOf({ 'near.example': ['169.254.1.2'] }) });
    // Node's own block list ends them just before they are dialled: nobody knows who is there.
    const blockList = new BlockList();
    blockList.addSubnet('169.254.0.0', 16, 'ipv4');
    blockList.addSubnet('fe80::', 10, 'ipv6');
    const { httpAgent } = egress.agents();
    const begun = await dialled(async () => {
      for (const host of ['fe80::1', '169.254.169.254', 'near.example']) {
        const socket = httpAgent.createConnection({ host, port: 80, blockList } as ClientRequestArgs);
        assert.ok(socket);
        const [failure] = await within(
          'the end',
          once(socket, 'close').catch((error: unknown) => [error]),
        );
        assert.equal((failure as NodeJS.ErrnoException).code, 'ERR_IP_BLOCKED');
      }
    });
    assert.equal(begun, 3, 'that is how connections are counted');
  });

  test('[EG2] look at a name again for each connection, and at all of its addresses', async () => {
    await using server = await listening((request, response) => {
      response.setHeader('connection', 'close');
      response.end(request.headers.host);
    });
    const table: Record<string, string[]> = { 'turning.example': ['169.254.1.1', '127.0.0.1', 'fe80::1'] };
    const asked: string[] = [];
    await using egress = openEgress({ allowsLinkLocal: false, lookup: namesOf(table, asked) });
    const url = new URL(`http://turning.example:${server.url.port}/`);
    assert.deepEqual(await egress.post(url, {}, '', never), { status: 200, text: url.host });
    table['turning.example'] = ['169.254.169.254'];
    await assert.rejects(egress.post(url, {}, '', never), /TERTULIA_ALLOW_LINK_LOCAL/);
    table['turning.example'] = [];
    await assert.rejects(egress.post(url, {}, '', never), { message: 'turning.example has no address' });
    assert.deepEqual(asked, Array(3).fill('turning.example'));
  });

  test('[EG4] of an AWS SDK end at the same addresses, and go everywhere else', async () => {
    const bodies: string[] = [];
    await using server = await listening(async (request, response) => {
      bodies.push(await text(request));
      response.setHeader('content-type', 'text/xml');
      response.end('<PublishResponse><PublishResult><MessageId>one</MessageId></PublishResult></PublishResponse>');
    });
    const lookup = namesOf({ 'outer.example': ['127.0.0.1'], 'inner.example': ['169.254.169.254'] });
    await using egress = openEgress({ allowsLinkLocal: false, lookup });
    const publish = async (endpoint: string) => {
      const client = new SNSClient({
        region: 'us-east-1',
        endpoint,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        requestHandler: egress.agents(),
      });
      try {
        const topic = 'arn:aws:sns:us-east-1:123456789012:topic';
        return await client.send(new PublishCommand({ TopicArn: topic, Message: 'hello' }));
      } finally {
        client.destroy();
      }
    };
    const begun = await dialled(async () => {
      for (const endpoint of ['http://169.254.169.254', 'https://169.254.169.254', 'http://[fd00:ec2::254]'])
        await assert.rejects(publish(endpoint), /is a link-local or metadata address.*TERTULIA_ALLOW_LINK_LOCAL/);
    });
    assert.equal(begun, 0, 'nothing was dialled');
    await assert.rejects(publish('http://inner.example'), /169\.254\.169\.254, the address of inner\.example/);
    assert.equal((await publish(`http://outer.example:${server.url.port}`)).MessageId, 'one');
    assert.match(bodies.join(), /Message=hello/);
  });

  test('[EG4] of one client go on when another is destroyed', async () => {
    const held = openJournal<Parameters<RequestListener>[1]>();
    await using server = await listening((_, response) => held.add(response));
    await using egress = openEgress({ allowsLinkLocal: false });
    const [one, other] = [egress.agents(), egress.agents()];
    const answered = once(request(server.url, { agent: one.httpAgent }).end(), 'response') as Promise<
      [IncomingMessage]
    >;
    const response = await held.until('the request', () => true);
    other.httpAgent.destroy();
    other.httpsAgent.destroy();
    response.end('whole');
    const [answer] = await within('an answer', answered);
    assert.equal(await text(answer), 'whole');
  });

  test('[EG5] are sent as they are told, and any status is their answer', async () => {
    const seen: unknown[] = [];
    await using server = await listening(async (request, response) => {
      seen.push([request.method, request.url, request.headers['x-a'], request.headers['content-length']]);
      response.statusCode = Number(await text(request));
      response.setHeader('location', 'http://127.0.0.1:1/');
      response.end('grüße');
    });
    await using egress = openEgress({ allowsLinkLocal: false });
    for (const status of [200, 302, 307, 404, 429, 503]) {
      assert.deepEqual(await egress.post(server.url, { 'x-a': 'b' }, String(status), never), { status, text: 'grüße' });
    }
    assert.deepEqual(seen, Array(6).fill(['POST', '/here?a=b', 'b', '3']));
  });

  for (const url of ['ftp://example.com/', 'file:///etc/passwd', 'ws://example.com/', 'data:,x']) {
    test(`[EG5] do not go by ${url}`, async () => {
      await using egress = openEgress({ allowsLinkLocal: false, lookup: namesOf({}) });
      await assert.rejects(egress.post(new URL(url), {}, '', never), {
        message: `${new URL(url).protocol} cannot be requested; allowed: http and https`,
      });
    });
  }

  test('[EG5] go by TLS to whom this machine trusts', async () => {
    const { ca, caFile, ...tls } = testCertificates();
    await using listener = await openTestListener(
      { answer: async ({ body }) => ({ status: 201, headers: {}, body: `got ${body}` }) },
      { tls },
    );
    const url = `https://127.0.0.1:${listener.port}/`;
    await using trusting = startChild('egress-child.ts', [url, 'hello'], ['env', `NODE_EXTRA_CA_CERTS=${caFile}`]);
    assert.equal(await trusting.line(), '201 got hello');
    await using egress = openEgress({ allowsLinkLocal: false });
    await assert.rejects(egress.post(new URL(url), {}, '', never), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    assert.match(ca, /BEGIN CERTIFICATE/);
  });

  test('[EG6] read 64 KiB of an answer that never ends', async () => {
    const closed = openJournal<string>();
    await using server = await listening((_, response) => {
      response.on('close', () => closed.add('closed'));
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    await using egress = openEgress({ allowsLinkLocal: false });
    assert.deepEqual(await egress.post(server.url, {}, '', never), { status: 200, text: 'x'.repeat(65_536) });
    await closed.until('the connection to be cut', () => true);
  });

  test('[EG6] read an answer of just 64 KiB and keep its connection', async () => {
    const sockets = new Set<unknown>();
    await using server = await listening(({ socket }, response) => {
      sockets.add(socket);
      response.end('x'.repeat(65_536));
    });
    await using egress = openEgress({ allowsLinkLocal: false });
    for (let time = 0; time < 3; time += 1) {
      assert.equal((await egress.post(server.url, {}, '', never)).text.length, 65_536);
    }
    assert.equal(sockets.size, 1);
  });

  for (const [when, begin] of [
    ['before an answer', () => {}],
    [
      'within an answer',
      (response) => {
        response.write('some');
      },
    ],
  ] as readonly (readonly [string, (response: Parameters<RequestListener>[1]) => void])[]) {
    test(`[EG7] end ${when} when they are called off`, async () => {
      const requests = openJournal<IncomingMessage>();
      await using server = await listening((request, response) => {
        begin(response);
        requests.add(request);
      });
      await using egress = openEgress({ allowsLinkLocal: false });
      const end = new AbortController();
      const why = new Error('time is up');
      const [outcome] = await within(
        'the end',
        Promise.all([
          egress.post(server.url, {}, '', end.signal).catch((failure: unknown) => failure),
          requests.until('a request', () => true).then(() => end.abort(why)),
        ]),
      );
      assert.equal(outcome, why);
      await assert.rejects(egress.post(server.url, {}, '', end.signal), why);
      assert.equal(requests.all.length, 1, 'what was called off before is not sent');
    });
  }

  test('[EG8] use at most 128 connections to one origin, again and again', async () => {
    const held: Parameters<RequestListener>[1][] = [];
    const arrived = openJournal<number>();
    let sockets = 0;
    await using server = await listening((_, response) => {
      held.push(response);
      arrived.add(held.length);
    });
    server.on('connection', () => {
      sockets += 1;
    });
    await using egress = openEgress({ allowsLinkLocal: false });
    const answers = Array.from({ length: 140 }, () => egress.post(server.url, get, '', never));
    await arrived.until('128 requests', (count) => count === 128);
    for (const response of held.splice(0)) response.end('one');
    await arrived.until('the last 12 requests', (count) => count === 12, 128);
    for (const response of held) response.end('two');
    const texts = (await Promise.all(answers)).map((each) => each.text);
    assert.deepEqual([sockets, texts.filter((each) => each === 'two').length], [128, 12]);
  });

  test('[EG8] replace a connection that was closed meanwhile', async () => {
    let requests = 0;
    await using server = await listening((request, response) => {
      requests += 1;
      // The second request on a connection finds it closing, as one does that crosses the end of a server's patience.
      if (requests === 2) request.socket.destroy();
      else response.end(String(requests));
    });
    await using egress = openEgress({ allowsLinkLocal: false });
    assert.equal((await egress.post(server.url, {}, '', never)).text, '1');
    assert.equal((await egress.post(server.url, {}, '', never)).text, '3');
  });

  test('[EG8] fail when a new connection is closed without an answer', async () => {
    await using server = await listening((request) => request.socket.destroy());
    await using egress = openEgress({ allowsLinkLocal: false });
    await assert.rejects(egress.post(server.url, {}, '', never), { code: 'ECONNRESET' });
  });
});
