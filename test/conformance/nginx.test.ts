import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  ConnectClient,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UpdateAttachedFilesConfigurationCommand,
} from '@aws-sdk/client-connect';
import { testCertificates } from '../support/certificates.ts';
import { openPage } from '../support/chatjs.ts';
import { completeUpload, download, downloadUrl, hashOf, putLarge, startUpload, upload } from '../support/files.ts';
import { linesOf, of } from '../support/metrics.ts';
import { anyNatsServer, natsUrlMissing } from '../support/nats.ts';
import { type Nginx, nginxFile, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { postgresMissing, postgresUrl, temporarySchema } from '../support/postgres.ts';
import { runMain, startProcess, type TestProcess } from '../support/process.ts';
import { missing } from '../support/program-path.ts';
import { type Api, addBot, apiAt, connection, InstanceId, say, startChat, transcript } from '../support/server.ts';
import { listen } from '../support/socket.ts';
import { projectFile } from '../support/source.ts';

/** The configuration of nginx that users copy, before two nodes that are one service and verify signatures. */

const skip = missing('nginx') || postgresMissing || natsUrlMissing;
const instance = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;

describe('two nodes behind nginx', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let ports: readonly [number, number];
  let nodes: readonly TestProcess[] = [];
  let nginx: Nginx;
  let api: Api;
  before(async () => {
    const [port = 0, ...free] = await freePorts(3);
    ports = free as [number, number];
    const schema = stack.use(temporarySchema());
    const nats = stack.use(await anyNatsServer());
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-nodes-'));
    stack.defer(() => rmSync(directory, { recursive: true }));
    const shared = {
      ...{ TERTULIA_STORE: postgresUrl, TERTULIA_STORE_SCHEMA: schema.name },
      ...{ TERTULIA_BUS: nats.url, TERTULIA_BUS_PREFIX: schema.name, TERTULIA_DATA_DIR: directory },
      ...{ TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'), TERTULIA_DRAIN_SECONDS: '0' },
      ...{ TERTULIA_AUTH: 'sigv4', TERTULIA_PUBLIC_URL: `http://127.0.0.1:${port}` },
    };
    nginx = stack.use(await startNginx(ports, { port }));
    nodes = await Promise.all(ports.map((each) => startProcess({ ...shared, TERTULIA_PORT: String(each) })));
    for (const node of nodes) stack.use(node);
    const { stdout } = await runMain('keys', shared, 'create', '--json');
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = JSON.parse(stdout);
    const { endpoint } = nginx;
    const connect = new ConnectClient({
      ...{ endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } },
    });
    api = stack.use({ ...apiAt(endpoint), connect });
  });
  after(() => stack.disposeAsync());

  /** What each node says of itself, asked past nginx. */
  const counted = (name: string) =>
    Promise.all(
      ports.map(async (port) => {
        const reply = await fetch(`http://127.0.0.1:${port}/metrics`);
        return of(linesOf(await reply.text()), name);
      }),
    );

  test('[CL20] gets signed calls of the SDK right, also where a path has escapes in it', async () => {
    // With a slash in it, which has to arrive as %2F: that is what is signed.
    for (const tag of ['one', 'two', 'three', 'four']) {
      await api.connect.send(new TagResourceCommand({ resourceArn: instance, tags: { [tag]: 'ä / +%' } }));
    }
    const { tags } = await api.connect.send(new ListTagsForResourceCommand({ resourceArn: instance }));
    assert.deepEqual(Object.keys(tags ?? {}).sort(), ['four', 'one', 'three', 'two']);
    const forged = new ConnectClient({
      ...{ endpoint: nginx.endpoint, region: 'us-east-1', credentials: { accessKeyId: 'AKIA', secretAccessKey: 'no' } },
    });
    await assert.rejects(startChat({ ...api, connect: forged }), { name: 'UnrecognizedClientException' });
    for (const each of await counted('tertulia_requests_total')) {
      assert.ok(Object.entries(each).some(([labels, count]) => labels.includes('TagResource') && count > 0));
    }
  });

  test('[CL20] loses the signature of a call whose Host is not passed on', async () => {
    const change = (text: string) => text.replace('proxy_set_header Host $http_host;', '');
    await using other = await startNginx(ports, { change });
    const { config } = api.connect;
    const connect = new ConnectClient({
      ...{ endpoint: other.endpoint, region: 'us-east-1', credentials: config.credentials },
    });
    await assert.rejects(startChat({ ...api, connect }), { name: 'InvalidSignatureException' });
  });

  test('[CL20] lets files of every size through, in both directions', async () => {
    const MaximumSizeLimitInBytes = 104_857_600;
    await api.connect.send(
      new UpdateAttachedFilesConfigurationCommand({
        ...{ InstanceId, AttachmentScope: 'CHAT', MaximumSizeLimitInBytes },
      }),
    );
    const ana = await connection(api, await startChat(api));
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 256));
    const id = await upload(api, ana, bytes);
    assert.ok((await download(api, ana, id)).equals(bytes));
    const started = await startUpload(api, ana, MaximumSizeLimitInBytes);
    const sent = await putLarge(started, MaximumSizeLimitInBytes);
    await completeUpload(api, ana, started.id);
    assert.equal(await hashOf(await downloadUrl(api, ana, started.id)), sent);
  });

  test('[CL20] leaves what a node refuses to the node', async () => {
    // Over the limit of a request, and under that of a file.
    const reply = await fetch(`${nginx.endpoint}/participant/message`, {
      ...{ method: 'POST', body: 'x'.repeat(2_000_000) },
    });
    assert.equal(reply.status, 413);
    assert.match(((await reply.json()) as { message: string }).message, /The request body is over 1048576 bytes/);
    for (const path of ['/_tertulia/info', '/metrics']) {
      const { status, headers } = await fetch(`${nginx.endpoint}${path}`);
      assert.deepEqual([status, headers.get('content-type')], [404, 'text/html']);
    }
  });

  test('[CL22] brings a chat whose node is stopped to the other, without a gap', async () => {
    const ticket = await startChat(api);
    await using ana = openPage(api).customer(ticket);
    await ana.ready();
    const bot = await connection(api, await addBot(api, ticket.ContactId));
    await say(api, bot, 'before');
    await ana.message('what the bot says', ({ Content }) => Content === 'before');
    const holder = (await counted('tertulia_sockets_open')).findIndex(({ '': count }) => count === 1);
    assert.ok(holder >= 0);
    const from = ana.events.all.length;
    nodes[holder]?.signal('SIGTERM');
    await ana.events.until('the loss to be noticed', ({ kind }) => kind === 'lost', from);
    await ana.ready(from);
    assert.equal((await nodes[holder]?.end())?.code, 0);
    await say(api, bot, 'after');
    await ana.message('what the bot says now', ({ Content }) => Content === 'after');
    assert.equal(ana.events.all.filter(({ kind }) => kind === 'broken').length, 0);
    // Of all that is asked now, half would have gone to the one that is gone.
    for (let index = 0; index < 6; index += 1) await say(api, bot, `${index}`);
    assert.equal((await transcript(api, bot)).length, 10);
    await nodes[holder]?.restart();
  });

  test('[CL21] keeps a socket that has been idle for longer than a minute, which is a second here', async () => {
    // A sixtieth of every time in the file; Tertulia itself says nothing for 30 s.
    const units = { s: 1, m: 60, h: 3600 } as const;
    const scaled = (text: string) =>
      text.replaceAll(
        /(?<=_timeout )(\d+)([smh])/g,
        (_, count: string, unit: keyof typeof units) => `${Math.ceil((Number(count) * units[unit] * 1000) / 60)}ms`,
      );
    const asUsual = (text: string) => scaled(text).replace(/(?<=websocket \{[^}]*_timeout )\d+ms/, '1s');
    await using patient = await startNginx(ports, { change: scaled });
    await using impatient = await startNginx(ports, { change: asUsual });
    const ana = await connection(api, await startChat(api));
    const through = ({ port }: Nginx) => listen(ana.url.replace(`:${nginx.port}`, `:${port}`));
    using kept = await through(patient);
    using cut = await through(impatient);
    // The second one is the proof that the time is over for the first, which was opened before.
    await cut.closed();
    kept.send({ topic: 'aws/heartbeat' });
    await kept.frames.until('an answer', ({ topic }) => topic === 'aws/heartbeat');
  });

  test('[CL20] writes no token into its logs', () => {
    const logs = nginx.logs();
    for (const place of ['/participant/websocket"', '/participant/attachments/', '/contact/chat"']) {
      assert.ok(logs.includes(place), place);
    }
    assert.doesNotMatch(logs, /token=|\?/);
  });

  test('[CL20] speaks TLS with the lines that the file has for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-pair-'));
    const { ca, cert, key } = testCertificates();
    writeFileSync(join(folder, 'chat.example.com.pem'), cert);
    writeFileSync(join(folder, 'chat.example.com.key'), key);
    const [port = 0] = await freePorts(1);
    const change = (text: string) =>
      text
        .replaceAll(/^( +)# (?=listen 443|ssl_certificate)/gm, '$1')
        .replaceAll(/\/etc\/ssl\/(private\/)?/g, `${folder}/`)
        .replace('listen 443', `listen 127.0.0.1:${port}`);
    await using _ = await startNginx(ports, { change });
    // A path that the node answers: with a chain that nobody knows but this test.
    const [reply] = await once(httpsRequest(`https://127.0.0.1:${port}/contact/none`, { ca }).end(), 'response');
    assert.deepEqual([reply.statusCode, reply.headers['x-amzn-errortype']], [404, 'UnknownOperationException']);
    reply.resume();
    rmSync(folder, { recursive: true });
  });
});

/** What stands for a node and was asked for that: it dies of a request, or answers each with 200. */
async function fakeNode(fate: 'dies' | 'answers') {
  const asked: string[] = [];
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', (chunk) => {
      asked.push(String(chunk).split(' HTTP')[0] ?? '');
      if (fate === 'dies') socket.resetAndDestroy();
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    asked,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')),
  };
}

describe('nginx before nodes that fail', { skip: missing('nginx') }, () => {
  const ask = ({ endpoint }: Nginx, method: string, path: string) =>
    fetch(`${endpoint}${path}`, { method, ...(method !== 'GET' && { body: 'body' }) });

  for (const [method, path, times] of [
    ['GET', '/tags/arn%3Aaws', 2],
    ['PUT', '/contact/participant-role-config/1/2', 2],
    ['PUT', '/contact/chat', 1],
    ['PUT', '/instance/1/approved-origin', 1],
    ['POST', '/participant/message', 1],
  ] as const) {
    test(`[CL22] sends ${method} ${path} to ${times} of them when it dies of that`, async () => {
      await using one = await fakeNode('dies');
      await using two = await fakeNode('dies');
      await using nginx = await startNginx([one.port, two.port]);
      assert.equal((await ask(nginx, method, path)).status, 502);
      assert.deepEqual([...one.asked, ...two.asked], Array(times).fill(`${method} ${path}`));
    });

    test(`[CL22] sends ${method} ${path} to the other when one is not there, now or the next time`, async () => {
      await using alive = await fakeNode('answers');
      const [gone = 0] = await freePorts(1);
      await using nginx = await startNginx([gone, alive.port]);
      // The first is meant for the first of the file.
      const isOnce = method === 'PUT' && times === 1;
      assert.equal((await ask(nginx, method, path)).status, isOnce ? 502 : 200);
      assert.equal((await ask(nginx, method, path)).status, 200);
      assert.deepEqual(alive.asked, Array(isOnce ? 1 : 2).fill(`${method} ${path}`));
    });
  }
});

test('[CL20] has room for the largest file that an instance may allow', () => {
  const [, megabytes] = /client_max_body_size (\d+)m;/.exec(projectFile(nginxFile)) ?? [];
  assert.ok(Number(megabytes) * 1024 * 1024 > 104_857_600);
});
