import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

/** A page in a real browser, served from an origin of its own, with unmodified chatjs in it. */

/** A browser that asks nobody for anything but the page. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * What the page does: `chat.start` makes a session, whose events it keeps by name and shows; `chat.known` is what its app
 * knows, by Id and in order of time: what it was pushed, and what GetTranscript adds whenever the socket is back.
 */
const html = `<!doctype html>
<meta charset="utf-8">
<title>A chat</title>
<link rel="icon" href="data:,">
<style>body { font: 16px sans-serif; margin: 2em } li { margin: 4px } .event { color: gray }</style>
<h1>A chat</h1>
<ol id="items"></ol>
<script src="/chat.js"></script>
<script>
const chat = {
  events: [],
  items: new Map(),
  count: (kind) => chat.events.filter((each) => each.kind === kind).length,
  texts: () => chat.known().map((item) => item.Content ?? item.ContentType?.replace(/.*event[.](participant[.])?/, '')),
  known: () => [...chat.items.values()].sort((one, other) => (one.AbsoluteTime < other.AbsoluteTime ? -1 : 1)),
  see(items) {
    for (const item of items) if (item.Id) chat.items.set(item.Id, item);
    document.querySelector('#items').replaceChildren(...chat.known().map((item) => {
      const line = document.createElement('li');
      line.className = item.Type.toLowerCase();
      line.textContent = (item.DisplayName ?? '') + ' ' + (item.Content ?? item.Attachments?.[0].AttachmentName ?? item.ContentType);
      return line;
    }));
  },
  async read() {
    const { data } = await chat.session.getTranscript({ maxResults: 100, sortOrder: 'ASCENDING' });
    chat.see(data.Transcript);
    chat.events.push({ kind: 'transcript' });
  },
  async start(endpoint, ticket) {
    connect.ChatSession.setGlobalConfig({ endpoint, region: 'us-east-1', loggerConfig: { useDefaultLogger: false } });
    const { ContactId: contactId, ParticipantId: participantId, ParticipantToken: participantToken } = ticket;
    const chatDetails = { contactId, participantId, participantToken };
    const session = connect.ChatSession.create({ chatDetails, type: 'CUSTOMER', options: { region: 'us-east-1' }, disableCSM: true });
    chat.session = session;
    const on = (kind) => (event) => chat.events.push({ kind, item: event?.data });
    session.onMessage((event) => { on('message')(event); chat.see([event.data]); });
    session.onTyping(on('typing'));
    session.onReadReceipt(on('read'));
    session.onConnectionLost(on('lost'));
    session.onConnectionBroken(on('broken'));
    session.onConnectionEstablished(() => { on('established')(); chat.read(); });
    session.onDeepHeartbeatSuccess(on('alive'));
    session.onEnded(on('ended'));
    try {
      await session.connect();
      return 'connected';
    } catch (failure) {
      const { type, statusCode, message } = failure._debug?._debug ?? { message: String(failure) };
      return { type, statusCode, message };
    }
  },
  bytes: (size) => Uint8Array.from({ length: size }, (_, index) => (index * 7) % 251),
  attach: (name, type, size) => chat.session.sendAttachment({ attachment: new File([chat.bytes(size)], name, { type }) }).then(() => 'sent'),
  async isDownloaded(attachmentId, size) {
    const blob = await chat.session.downloadAttachment({ attachmentId });
    const [got, expected] = [new Uint8Array(await blob.arrayBuffer()), chat.bytes(size)];
    return got.length === expected.length && got.every((byte, index) => byte === expected[index]);
  },
  send: async (message) => (await chat.session.sendMessage({ contentType: 'text/plain', message })).data.Id,
};
</script>
`;

export interface BrowserPage extends AsyncDisposable {
  readonly page: Page;
  readonly origin: string;
  /** What the browser complained about, on its console and to the page. */
  readonly complaints: string[];
  /** Evaluates an expression in the page. */
  run<T>(expression: string): Promise<T>;
  /** Resolves when the expression holds. */
  until(expression: string): Promise<void>;
}

export async function openBrowserPage(executablePath: string): Promise<BrowserPage> {
  const stack = new AsyncDisposableStack();
  const script = readFileSync(createRequire(import.meta.url).resolve('amazon-connect-chatjs'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/chat.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : html);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-browser-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const context = await chromium.launchPersistentContext(folder, { executablePath, headless: true, args: switches });
  stack.defer(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (failure) => complaints.push(String(failure)));
  await page.goto(origin);
  return {
    page,
    origin,
    complaints,
    run: (expression) => page.evaluate(expression),
    until: async (expression) => {
      await page.waitForFunction(expression);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
