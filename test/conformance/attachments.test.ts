import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import {
  DescribeAttachedFilesConfigurationCommand,
  StopContactCommand,
  UpdateAttachedFilesConfigurationCommand,
} from '@aws-sdk/client-connect';
import { type ChatjsItem, openPage } from '../support/chatjs.ts';
import { controlAt } from '../support/control.ts';
import {
  completeUpload,
  download,
  downloadUrl,
  hashOf,
  openUpload,
  put,
  putLarge,
  startUpload,
  upload,
} from '../support/files.ts';
import { openJournal } from '../support/journal.ts';
import { startProcess } from '../support/process.ts';
import { startS3Server } from '../support/s3-server.ts';
import { type Api, apiAt, connection, InstanceId, say, startChat, testServer, transcript } from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** Files by real clients over real sockets. */

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));

async function chatOf(api: Api) {
  const ticket = await startChat(api);
  return { ticket, ana: await connection(api, ticket) };
}

const end = (api: Api, ContactId: string) => api.connect.send(new StopContactCommand({ InstanceId, ContactId }));

/** A data directory that the test looks into. */
function dataDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-data-'));
  return {
    directory,
    /** Paths of all files of chats, whole or not. */
    files: () => filesBelow(directory),
    /** Resolves when there is none: a server clears away what a broken upload left when it hears of the end. */
    async cleared() {
      while (filesBelow(directory).length > 0) await new Promise((resolve) => void setImmediate(resolve));
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(join(directory, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test('[AM1, AM12, AM17, AM20] takes a file from the SDK and fetch, pushes it, and gives the same bytes back', async () => {
  await using server = await testServer();
  const { api } = server;
  const { ticket, ana } = await chatOf(api);
  using ear = await listen(ana.url);
  const id = await upload(api, ana, bytes, 'Ünter "lagen".pdf');
  const { Attachments } = await ear.item('the file', ({ Type }) => Type === 'ATTACHMENT');
  assert.deepEqual(Attachments, [
    { AttachmentId: id, AttachmentName: 'Ünter "lagen".pdf', ContentType: 'application/pdf', Status: 'APPROVED' },
  ]);
  assert.deepEqual((await transcript(api, ana)).at(-1)?.Attachments, Attachments);
  assert((await download(api, ana, id)).equals(bytes));
  const { headers } = await fetch(await downloadUrl(api, ana, id));
  assert.equal(headers.get('content-type'), 'application/pdf');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(
    headers.get('content-disposition'),
    `attachment; filename="_nter _lagen_.pdf"; filename*=UTF-8''%C3%9Cnter%20%22lagen%22.pdf`,
  );
  await end(api, ticket.ContactId);
});

test('[AM12, AM20] carries files both ways between unmodified chatjs customers and agents, with the same bytes', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  const { body } = await controlAt(api.endpoint)(`POST /contacts/${ticket.ContactId}/participants`, {
    ParticipantRole: 'AGENT',
    DisplayName: 'Eva',
  });
  const agentTicket = { ...ticket, ...body, ParticipantToken: body.ParticipantCredentials.ParticipantToken };
  await using customer = openPage(api).customer(ticket);
  await using agent = openPage(api, 'us-west-2').agent(agentTicket);
  await customer.ready();
  await agent.ready();
  for (const [sender, reader, name, type] of [
    [customer, agent, 'hé "llo".png', 'image/png'],
    [agent, customer, 'answer.txt', 'text/plain'],
  ] as const) {
    const file = new File([bytes], name, { type });
    await sender.session.sendAttachment({ attachment: file, metadata: {} });
    const isFile = ({ Attachments }: ChatjsItem) => Attachments?.[0]?.AttachmentName === name;
    const [own, item] = [await sender.message('its own file', isFile), await reader.message('the file', isFile)];
    assert.equal(own.Id, item.Id);
    const [attachment] = item.Attachments ?? [];
    assert.deepEqual([attachment?.Status, attachment?.ContentType], ['APPROVED', type]);
    const blob: Blob = await reader.session.downloadAttachment({ attachmentId: attachment?.AttachmentId });
    assert.equal(blob.type, type);
    assert(Buffer.from(await blob.arrayBuffer()).equals(bytes));
  }
});

test('[AM10] refuses the completion that chatjs sends after an upload that was refused', async () => {
  await using server = await testServer();
  const { api } = server;
  const ticket = await startChat(api);
  await using customer = openPage(api).customer(ticket);
  await customer.ready();
  const platform = globalThis.fetch;
  // What a proxy on the way may do to an upload; chatjs does not look at the status of its answer.
  globalThis.fetch = (input, init) =>
    init?.method === 'PUT' ? platform(input, { ...init, body: 'cut short' }) : platform(input, init);
  try {
    const sent = customer.session.sendAttachment({ attachment: new File([bytes], 'a.png', { type: 'image/png' }) });
    await assert.rejects(sent, { type: 'ValidationException', statusCode: 400 });
  } finally {
    globalThis.fetch = platform;
  }
});

test('[AM6] answers preflights of uploads and downloads, and CORS on what it refuses', async () => {
  await using server = await testServer();
  const { api } = server;
  const { ticket, ana } = await chatOf(api);
  const { url } = await startUpload(api, ana, 10);
  const origin = 'https://shop.example';
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-disposition,content-type,x-amz-acl,x-anything',
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PUT/);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /content-disposition.*x-anything/);
  for (const [method, more] of [
    ['PUT', ''],
    ['PUT', 'x'],
    ['GET', ''],
  ] as const) {
    const response = await fetch(url + more, {
      method,
      headers: { origin },
      ...(method === 'PUT' && { body: 'wrong' }),
    });
    assert([400, 403].includes(response.status));
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.match(response.headers.get('access-control-expose-headers') ?? '', /x-amzn-errortype/);
    const { __type, Message } = (await response.json()) as { __type: string; Message: string };
    assert.equal(__type, response.headers.get('x-amzn-errortype'));
    assert(Message.length > 20);
  }
  await end(api, ticket.ContactId);
});

test('[AM2] takes the bytes by any name that leads here, with and without the prefix of its public URL', async () => {
  await using server = await testServer({ TERTULIA_PUBLIC_URL: 'https://chat.example.com/connect' });
  const { port } = server.server;
  const api = apiAt(`http://127.0.0.1:${port}`);
  const { ana } = await chatOf(api);
  for (const [host, prefix] of [
    ['127.0.0.1', ''],
    ['127.0.0.1', '/connect'],
    ['localhost', '/connect'],
  ]) {
    const started = await startUpload(api, ana, bytes.length);
    assert.match(started.url, /^https:\/\/chat\.example\.com\/connect\/participant\/attachments\//);
    const url = started.url.replace('https://chat.example.com/connect', `http://${host}:${port}${prefix}`);
    assert.equal((await put({ ...started, url }, bytes)).status, 200);
    await completeUpload(api, ana, started.id);
  }
  const { endpoint } = api;
  assert.equal(endpoint, `http://127.0.0.1:${port}`);
  api[Symbol.dispose]();
});

test('[AM5] leaves nothing of uploads that break off, are too short or too long', async () => {
  using data = dataDirectory();
  await using server = await testServer({ TERTULIA_DATA_DIR: data.directory });
  const { api } = server;
  const { ana } = await chatOf(api);
  const started = await startUpload(api, ana, bytes.length);
  assert.equal((await put(started, bytes.subarray(1))).status, 400);
  assert.equal((await put(started, Buffer.concat([bytes, bytes]))).status, 400);
  const broken = openUpload(started, bytes.length);
  await broken.write(bytes.subarray(0, 50_000));
  broken.request.destroy();
  const chunked = await fetch(started.url, {
    method: 'PUT',
    headers: started.headers,
    duplex: 'half',
    body: new Blob([bytes, bytes]).stream(),
  } as RequestInit);
  assert.equal(chunked.status, 400);
  await data.cleared();
  assert.equal((await put(started, bytes)).status, 200);
  assert.equal(data.files().length, 1);
  await completeUpload(api, ana, started.id);
  assert((await download(api, ana, started.id)).equals(bytes));
});

test('[AM5] ends an upload that never ends, and leaves nothing of it', async () => {
  using data = dataDirectory();
  await using server = await testServer({ TERTULIA_DATA_DIR: data.directory, TERTULIA_TRANSFER_SECONDS: '1' });
  const { api } = server;
  const { ana } = await chatOf(api);
  const endless = openUpload(await startUpload(api, ana, bytes.length), bytes.length);
  await endless.write(bytes.subarray(0, 50_000));
  await once(endless.request, 'close').catch(() => {});
  // Closing the server waits for what the upload leaves to be cleared away.
  await server[Symbol.asyncDispose]();
  assert.deepEqual(data.files(), []);
});

test('[AM5, AM20] carries 60 MB both ways in no more memory than a small file takes', {
  skip: process.platform !== 'linux' && 'memory is read from /proc',
}, async () => {
  await using server = await startProcess();
  using api = apiAt(server.endpoint);
  const scope = { InstanceId, AttachmentScope: 'CHAT' } as const;
  await api.connect.send(
    new UpdateAttachedFilesConfigurationCommand({ ...scope, MaximumSizeLimitInBytes: 100 * 2 ** 20 }),
  );
  const { ana } = await chatOf(api);
  const peak = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid()}/status`, 'utf8'))?.[1]) * 1024;
  const carry = async (size: number) => {
    const started = await startUpload(api, ana, size);
    const sent = await putLarge(started, size);
    await completeUpload(api, ana, started.id);
    assert.equal(await hashOf(await downloadUrl(api, ana, started.id)), sent);
  };
  // What the code itself takes, and what Node lets its garbage grow to.
  for (let round = 1; round <= 3; round += 1) await carry(15_000_000);
  const before = peak();
  await carry(60_000_000);
  const growth = peak() - before;
  // Measured: up to 15 MB of garbage, whatever the size.
  assert(growth < 30_000_000, `it grew by ${growth} bytes`);
});

test('[AM2, AM27] keeps what was started and uploaded over kill -9, and its URLs', async () => {
  await using server = await startProcess();
  const api = apiAt(server.endpoint);
  const { ana } = await chatOf(api);
  const restart = async () => {
    await server.kill();
    await server.restart();
  };
  const started = await startUpload(api, ana, bytes.length);
  await restart();
  assert.equal((await put(started, bytes)).status, 200);
  const cut = await startUpload(api, ana, bytes.length);
  const half = openUpload(cut, bytes.length);
  await half.write(bytes.subarray(0, 50_000));
  await restart();
  await completeUpload(api, ana, started.id, 'once');
  await restart();
  await completeUpload(api, ana, started.id, 'once');
  const url = await downloadUrl(api, ana, started.id);
  await restart();
  assert(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes));
  await assert.rejects(completeUpload(api, ana, cut.id), { name: 'ValidationException' });
  assert.equal((await put(cut, bytes)).status, 200, 'what was cut short can be sent again');
  const files = (await transcript(api, ana)).filter(({ Type }) => Type === 'ATTACHMENT');
  assert.equal(files.length, 1);
  api[Symbol.dispose]();
});

test('[AM5] leaves nothing of an upload that a shutdown cuts off', async () => {
  await using server = await startProcess({ TERTULIA_SHUTDOWN_SECONDS: '2' });
  using api = apiAt(server.endpoint);
  const { ana } = await chatOf(api);
  const sent = openUpload(await startUpload(api, ana, bytes.length), bytes.length);
  await sent.write(bytes.subarray(0, 50_000));
  server.signal('SIGTERM');
  const { code, stderr } = await server.end();
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(filesBelow(server.directory), []);
});

test('[AM27] keeps files in a folder that goes with the server when its store is in memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-tmp-'));
  try {
    await using server = await startProcess({ TERTULIA_DATA_DIR: ':memory:', TMPDIR: folder });
    using api = apiAt(server.endpoint);
    const { ana } = await chatOf(api);
    const id = await upload(api, ana, bytes);
    assert((await download(api, ana, id)).equals(bytes));
    assert.equal(readdirSync(folder).length, 1);
    server.signal('SIGTERM');
    assert.equal((await server.end()).code, 0);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('[AM27] keeps files in an S3 bucket, with the same behaviour', async () => {
  await using s3 = await startS3Server();
  const bucket = await s3.bucket();
  const environment = { TERTULIA_BLOBS: `s3://${bucket}/files`, TERTULIA_S3_ENDPOINT: s3.url };
  await using server = await testServer(environment);
  const { api } = server;
  const { ticket, ana } = await chatOf(api);
  const started = await startUpload(api, ana, bytes.length);
  assert.equal((await put(started, bytes.subarray(1))).status, 400);
  const broken = openUpload(started, bytes.length);
  await broken.write(bytes.subarray(0, 50_000));
  broken.request.destroy();
  assert.equal((await put(started, bytes)).status, 200);
  await completeUpload(api, ana, started.id);
  assert((await download(api, ana, started.id)).equals(bytes));
  const keys = await s3.keys(bucket);
  assert.equal(keys.length, 1);
  assert(keys[0]?.startsWith(`files/attachments/${ticket.ContactId}/${started.id}-`));
  await end(api, ticket.ContactId);
  assert.equal((await controlAt(api.endpoint)(`DELETE /contacts/${ticket.ContactId}`)).body.erased.files, 1);
  // The contact record may have been written to the development bucket meanwhile: it is the owner's, see EX1.
  const left = await s3.keys(bucket);
  assert.deepEqual(
    left.filter((key) => !key.startsWith('files/buckets/')),
    [],
  );
});

test('[AM27] starts without its bucket, says so, and goes on with all but files', async () => {
  // Without these the SDK would ask the network for the role of a machine.
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  const lines = openJournal<{ fields: object; message: string }>();
  const error = (fields: object, message: string) => lines.add({ fields, message });
  const environment = { TERTULIA_BLOBS: 's3://bucket', TERTULIA_S3_ENDPOINT: 'http://127.0.0.1:1' };
  await using server = await testServer(environment, { debug() {}, info() {}, warn() {}, error });
  const { api } = server;
  const { ana } = await chatOf(api);
  await lines.until('a line about the bucket', ({ message }) =>
    /bucket of TERTULIA_BLOBS cannot be used/.test(message),
  );
  const started = await startUpload(api, ana, bytes.length);
  const failed = await put(started, bytes);
  assert.deepEqual(
    [failed.status, failed.headers.get('x-amzn-errortype'), failed.headers.get('access-control-allow-origin')],
    [500, 'InternalServerException', '*'],
  );
  await assert.rejects(completeUpload(api, ana, started.id), { name: 'ValidationException' });
  await say(api, ana, 'still here');
});

/** A scanner whose answers the test gives. */
async function openScanner() {
  const asked = openJournal<{ body: Buffer; response: ServerResponse }>();
  const server = createServer(async (request, response) => asked.add({ body: await buffer(request), response }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('[AM14, AM15, AM16] asks a scanner, again after a crash, and tells the chat its answer', async () => {
  await using scanner = await openScanner();
  await using server = await startProcess({ TERTULIA_ATTACHMENT_SCANNER: scanner.url });
  const api = apiAt(server.endpoint);
  const { ana } = await chatOf(api);
  const id = await upload(api, ana, bytes);
  const first = await scanner.asked.until('the first scan', () => true);
  assert(first.body.equals(bytes));
  await assert.rejects(downloadUrl(api, ana, id), { name: 'ValidationException' });
  await server.kill();
  await server.restart();
  const moved = controlAt(api.endpoint)('POST /clock', { advance: '2m' });
  const again = await scanner.asked.until('the scan after the restart', () => true, 1);
  assert(again.body.equals(bytes));
  again.response.end('{"status":"APPROVED"}');
  assert.equal((await moved).status, 200, 'the clock has moved when the scan has ended');
  const statuses = async () =>
    (await transcript(api, ana)).flatMap(({ Attachments = [] }) => Attachments.map(({ Status }) => Status));
  assert.deepEqual(await statuses(), ['APPROVED']);
  assert((await download(api, ana, id)).equals(bytes));

  const virus = await upload(api, ana, Buffer.from('virus'));
  const { response } = await scanner.asked.until('the scan of a virus', ({ body }) => String(body) === 'virus');
  response.end('{"status":"REJECTED"}');
  await controlAt(api.endpoint)('POST /clock', { advance: '1ms' });
  assert.deepEqual(await statuses(), ['APPROVED', 'REJECTED']);
  await assert.rejects(downloadUrl(api, ana, virus), /was rejected by the scanner/);
  assert.equal(filesBelow(server.directory).length, 1, 'the bytes of a rejected file are gone');
  api[Symbol.dispose]();
});

test('[AM15] takes a command as scanner', async () => {
  await using server = await testServer({ TERTULIA_ATTACHMENT_SCANNER: 'grep -q clean' });
  const { api } = server;
  const { ana } = await chatOf(api);
  using ear = await listen(ana.url);
  for (const [content, status] of [
    ['all clean', 'APPROVED'],
    ['dirty', 'REJECTED'],
  ]) {
    const id = await upload(api, ana, Buffer.from(content ?? ''));
    const { Attachments } = await ear.item('the file', ({ Attachments }) => Attachments?.[0]?.AttachmentId === id);
    assert.equal(Attachments?.[0]?.Status, status);
  }
});

test('[AM26] erases the files of a contact and says how many; resetting erases all', async () => {
  using data = dataDirectory();
  await using server = await testServer({ TERTULIA_DATA_DIR: data.directory });
  const { api } = server;
  const [one, other] = [await chatOf(api), await chatOf(api)];
  for (let index = 1; index <= 3; index += 1) await upload(api, one.ana, bytes);
  const id = await upload(api, other.ana, bytes);
  const kept = await downloadUrl(api, other.ana, id);
  await end(api, one.ticket.ContactId);
  // Its transcript and contact record are written by then, and are files of it, too.
  await controlAt(api.endpoint)('POST /clock', { advance: '0s' });
  const erased = await controlAt(api.endpoint)(`DELETE /contacts/${one.ticket.ContactId}`);
  assert.deepEqual([erased.status, erased.body.erased.files], [200, 5]);
  assert.equal(data.files().length, 1);
  assert.equal((await controlAt(api.endpoint)(`GET /contacts/${one.ticket.ContactId}`)).status, 404);
  assert.equal((await fetch(kept)).status, 200);
  const scope = { InstanceId, AttachmentScope: 'CHAT' } as const;
  await api.connect.send(new UpdateAttachedFilesConfigurationCommand({ ...scope, MaximumSizeLimitInBytes: 5 }));
  assert.equal((await controlAt(api.endpoint)('POST /reset', {})).status, 200);
  assert.deepEqual(data.files(), []);
  assert.equal((await fetch(kept)).status, 404);
  const { AttachedFilesConfiguration } = await api.connect.send(new DescribeAttachedFilesConfigurationCommand(scope));
  assert.equal(AttachedFilesConfiguration?.MaximumSizeLimitInBytes, 20_971_520);
});
