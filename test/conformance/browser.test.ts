import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssociateApprovedOriginCommand, DisassociateApprovedOriginCommand } from '@aws-sdk/client-connect';
import { GetAttachmentCommand, SendEventCommand } from '@aws-sdk/client-connectparticipant';
import { read, typing } from '../../src/domain/content-type.ts';
import { openBrowserPage } from '../support/browser.ts';
import { missing, programPath } from '../support/program-path.ts';
import { openProxy } from '../support/proxy.ts';
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

/**
 * Unmodified chatjs in a page of a real browser, from another origin than Tertulia's. Everything else tests chatjs in
 * Node, which knows no origins, no preflights and no headers that a page may not read.
 */

const executable = programPath('chromium');
const skip = missing('chromium');
/** A server whose WebSockets go through a proxy, and a page. */
async function openStage() {
  assert.ok(executable, 'chromium is not installed: .ci/run installs it');
  await using stack = new AsyncDisposableStack();
  const proxy = stack.use(await openProxy());
  const { server } = stack.use(await testServer({ TERTULIA_PUBLIC_URL: `http://127.0.0.1:${proxy.port}` }));
  proxy.target = server.port;
  const endpoint = `http://127.0.0.1:${server.port}`;
  const api = stack.use(apiAt(endpoint));
  const page = stack.use(await openBrowserPage(executable));
  const owned = stack.move();
  return {
    proxy,
    api,
    page,
    endpoint,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test('[HT5, WS4, WS5] chats with a bot from a page of another origin, comes back after its socket was cut, and ends', {
  skip,
}, async () => {
  await using stage = await openStage();
  const { proxy, api, page, endpoint } = stage;
  const ticket = await startChat(api);
  assert.equal(await page.run(`chat.start(${JSON.stringify(endpoint)}, ${JSON.stringify(ticket)})`), 'connected');
  await page.until(`chat.count('alive') > 0`);
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  using ear = await listen(bot.url);

  await page.run(`chat.send('Hello?')`);
  const heard = await ear.item('the message of the page', ({ Content }) => Content === 'Hello?');
  await say(api, bot, 'You said: Hello?');
  const event = (ContentType: string, Content?: string) =>
    api.participant.send(new SendEventCommand({ ConnectionToken: bot.token, ContentType, Content }));
  await event(typing);
  await event(read, JSON.stringify({ messageId: heard.Id }));
  await page.until(
    `chat.texts().includes('You said: Hello?') && chat.count('typing') === 1 && chat.count('read') === 1`,
  );

  const before = await page.run<{ alive: number; transcripts: number }>(
    `({ alive: chat.count('alive'), transcripts: chat.count('transcript') })`,
  );
  proxy.cut();
  await page.until(`chat.count('lost') === 1`);
  await say(api, bot, 'Are you there?');
  proxy.heal();
  await page.until(`chat.count('alive') > ${before.alive} && chat.count('transcript') > ${before.transcripts}`);
  await say(api, bot, 'There you are.');
  await page.until(`chat.texts().includes('There you are.')`);
  const all = ['joined', 'joined', 'Hello?', 'You said: Hello?', 'Are you there?', 'There you are.'];
  assert.deepEqual(await page.run('chat.texts()'), all);
  assert.deepEqual(
    inShort(await transcript(api, bot)).map((each) => each.replace(/^joined .*/, 'joined')),
    all,
  );
  if (process.env.TERTULIA_TEST_SCREENSHOT) await page.page.screenshot({ path: process.env.TERTULIA_TEST_SCREENSHOT });

  await page.run('chat.session.disconnectParticipant().then(() => undefined)');
  await page.until(`chat.count('ended') === 1`);
  assert.deepEqual((await page.run<string[]>('chat.texts()')).slice(-2), ['left', 'chat.ended']);
  assert.equal(await page.run(`chat.count('broken')`), 0);
  assert.deepEqual(page.complaints, []);
});

test('[OR8] lets a page read why it may not connect, and in once its origin is approved', { skip }, async () => {
  await using stage = await openStage();
  const { api, page, endpoint } = stage;
  const approve = (Origin: string) => api.connect.send(new AssociateApprovedOriginCommand({ InstanceId, Origin }));
  await approve('https://other.example');
  const start = `chat.start(${JSON.stringify(endpoint)}, ${JSON.stringify(await startChat(api))})`;
  const refusal = await page.run<{ type: string; statusCode: number; message: string }>(start);
  assert.deepEqual([refusal.type, refusal.statusCode], ['AccessDeniedException', 403]);
  assert.match(refusal.message, new RegExp(`^Pages of the origin ${page.origin} may not connect`));
  await approve(page.origin);
  assert.equal(await page.run(start), 'connected');
  await page.until(`chat.count('alive') > 0`);
  await api.connect.send(new DisassociateApprovedOriginCommand({ InstanceId, Origin: page.origin }));
  await page.run(`chat.send('still here')`);
  await page.until(`chat.texts().includes('still here')`);
  // The browser tells of every answer that is not a success; of CORS there is nothing.
  assert.deepEqual(page.complaints, ['Failed to load resource: the server responded with a status of 403 (Forbidden)']);
});

test('[HT5] sends and fetches a file from a page of another origin, with the same bytes', { skip }, async () => {
  await using stage = await openStage();
  const { api, page, endpoint } = stage;
  const ticket = await startChat(api);
  assert.equal(await page.run(`chat.start(${JSON.stringify(endpoint)}, ${JSON.stringify(ticket)})`), 'connected');
  await page.until(`chat.count('alive') > 0`);
  // Of a type and with a name that make the browser ask first, and larger than one chunk.
  const [name, size] = ['Größe – 大きさ.pdf', 300_000];
  assert.equal(await page.run(`chat.attach(${JSON.stringify(name)}, 'application/pdf', ${size})`), 'sent');
  const found = `chat.known().find((item) => item.Type === 'ATTACHMENT')?.Attachments[0]`;
  await page.until(`${found}?.Status === 'APPROVED'`);
  const { AttachmentId, AttachmentName } = await page.run<{ AttachmentId: string; AttachmentName: string }>(found);
  assert.equal(AttachmentName, name);
  assert.equal(await page.run(`chat.isDownloaded(${JSON.stringify(AttachmentId)}, ${size})`), true);
  const { token } = await connection(api, ticket);
  const { Url = '' } = await api.participant.send(new GetAttachmentCommand({ ConnectionToken: token, AttachmentId }));
  const bytes = Buffer.from(await (await fetch(Url)).arrayBuffer());
  assert.ok(bytes.equals(Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 7) % 251))));
  assert.deepEqual(page.complaints, []);
});
