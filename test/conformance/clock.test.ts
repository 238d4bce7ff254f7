import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConnectClient, DescribeContactCommand } from '@aws-sdk/client-connect';
import { AccessDeniedException } from '@aws-sdk/client-connectparticipant';
import * as contentType from '../../src/domain/content-type.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { openPage } from '../support/chatjs.ts';
import { controlAt } from '../support/control.ts';
import { openChat, refused } from '../support/people.ts';
import { startProcess } from '../support/process.ts';
import {
  addBot,
  apiAt,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** What the time alone does, with a clock that is moved over the real API. */

const minute = 60_000;

describe('what the time alone does', () => {
  test('[TM1, CK2] ends a chat to which no customer came after five minutes, in the call that moves the clock', async () => {
    await using server = await testServer();
    const { api } = server;
    const ask = controlAt(api.endpoint);
    const ticket = await startChat(api);
    const { ContactId } = ticket;
    using socket = await listen((await connection(api, await addBot(api, ContactId))).url);
    const { body: before } = await ask(`GET /contacts/${ContactId}`);
    const { body } = await ask('POST /clock', { set: before.Timers.NextDue });
    assert.equal(body.busy, false);
    const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
    assert.equal(Contact?.DisconnectReason, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED');
    assert.equal(Contact?.DisconnectTimestamp?.getTime(), (Contact?.InitiationTimestamp?.getTime() ?? 0) + 5 * minute);
    const ended = await socket.item('the end', ({ ContentType }) => ContentType === contentType.ended);
    assert.equal(ended.AbsoluteTime, before.Timers.NextDue);
    await refused(connection(api, ticket), AccessDeniedException, /ended at/);
  });

  test('[TM2, CK2] ends a chat at the end of its duration, and chatjs is told in order', async () => {
    await using scene = await openChat({ ChatDurationInMinutes: 60 });
    const { api, ContactId, ticket } = scene;
    await using ana = openPage(api).customer(ticket);
    await ana.ready();
    const bot = await connection(api, await addBot(api, ContactId));
    await say(api, bot, 'An hour passes');
    await scene.wait('59m');
    await say(api, bot, 'Nearly');
    await scene.wait('1m');
    await ana.events.until('the end', ({ kind }) => kind === 'ended');
    assert.deepEqual(inShort(ana.messages()), ['joined Bot', 'An hour passes', 'Nearly', 'chat.ended']);
    const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
    assert.equal(Contact?.DisconnectReason, 'EXPIRED');
    assert.equal(Contact?.DisconnectTimestamp?.getTime(), (Contact?.InitiationTimestamp?.getTime() ?? 0) + 60 * minute);
  });

  test('[TM3] is done by the next server if it became due while none ran', async () => {
    await using server = await startProcess();
    using api = apiAt(server.endpoint);
    const ask = controlAt(server.endpoint);
    const { ContactId } = await startChat(api);
    await server.kill();
    await makeOlder(server.directory, ContactId, 10 * minute);
    await server.restart();
    // What is due at the start is due at once; the call only waits for it.
    assert.equal((await ask('POST /clock', { advance: '0s' })).body.busy, false);
    const { body } = await ask(`GET /contacts/${ContactId}`);
    assert.deepEqual([body.DisconnectReason, body.Items], ['CUSTOMER_CONNECTION_NOT_ESTABLISHED', 1]);
  });
});

/** As if a chat in the store of a server that is down had begun so much earlier. */
async function makeOlder(directory: string, contactId: string, ms: number): Promise<void> {
  await using store = openSqlite(directory, systemSteady, 'tool');
  const chat = await store.chat({ contactId });
  assert(chat);
  const after = { ...chat, createdAt: chat.createdAt - ms };
  await store.commit({ now: chat.createdAt, chat: { expected: chat.revision, after } });
}

describe('the clock and the reset', () => {
  test('[CK1, CK3, CK5] are over HTTP what they are: a reading, a move, a refusal, a warning', async () => {
    await using scene = await openChat();
    const { ask } = scene;
    const before = (await ask('GET /clock')).body;
    assert.equal(before.aheadMs, 0);
    const moved = await ask('POST /clock', { advance: '90s' });
    assert.deepEqual([moved.status, moved.body.warning], [200, undefined]);
    assert(Date.parse(moved.body.now) >= Date.parse(before.now) + 90_000);
    const back = await ask('POST /clock', { set: '2020-01-01T00:00:00Z' });
    assert.deepEqual([back.status, back.body.__type], [400, 'ValidationException']);
    assert.equal((await ask('POST /clock', {})).status, 400);
    assert.match((await ask('POST /clock', { advance: '21d' })).body.warning, /chatjs sessions/);
  });

  test('[CK4] leave signatures and the Date header on the clock of the machine', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-clock-'));
    const TERTULIA_CONFIG = join(directory, 'tertulia.json');
    const [accessKeyId, secretAccessKey] = ['AKIAEXAMPLE000000001', 'the secret of an example'];
    const key = { id: accessKeyId, secret: secretAccessKey, account: '123456789012' };
    writeFileSync(TERTULIA_CONFIG, JSON.stringify({ accessKeys: [key] }));
    await using server = await testServer({ TERTULIA_AUTH: 'sigv4', TERTULIA_CONFIG });
    rmSync(directory, { recursive: true });
    const { endpoint } = server.api;
    const credentials = { accessKeyId, secretAccessKey };
    const connect = new ConnectClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    const api = { ...server.api, connect };
    const first = await startChat(api);
    await controlAt(endpoint)('POST /clock', { advance: '300d' });
    // Signed by the machine's time, as every client does.
    const { Contact } = await connect.send(new DescribeContactCommand({ InstanceId, ContactId: first.ContactId }));
    assert.equal(Contact?.DisconnectReason, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED');
    const second = await startChat(api);
    const { body } = await controlAt(endpoint)(`GET /contacts/${second.ContactId}`);
    assert(Date.parse(body.InitiationTimestamp) - Date.now() > 299 * 24 * 60 * minute);
    const reply = await fetch(`${endpoint}/_tertulia/clock`);
    assert(Math.abs(Date.parse(reply.headers.get('date') ?? '') - Date.now()) < 60 * minute);
    connect.destroy();
  });

  test('[CK7] leave nothing: no chat, no socket, no moved clock, but the seeds', async () => {
    await using scene = await openChat({ ClientToken: 'again' });
    const { api, ask, ContactId, ana, ticket } = scene;
    using socket = await listen(ana.url);
    await scene.wait('30d');
    const reset = await ask('POST /reset');
    assert.deepEqual([reset.status, reset.body], [200, { reset: true }]);
    assert.equal((await socket.closed()).code, 1001);
    assert.equal((await ask('GET /clock')).body.aheadMs, 0);
    assert.equal((await ask(`GET /contacts/${ContactId}`)).status, 404);
    await refused(connection(api, ticket), AccessDeniedException, /belongs to another store|not hold/);
    const fresh = await startChat(api, { ClientToken: 'again' });
    assert.notEqual(fresh.ContactId, ContactId);
    assert.deepEqual(inShort(await transcript(api, await connection(api, fresh))), ['joined Ana']);
  });
});
