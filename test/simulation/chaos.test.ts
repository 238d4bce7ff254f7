import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConnectParticipantClient,
  GetTranscriptCommand,
  type Item,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import { WebSocket } from 'ws';
import { dice } from '../contract/store-fixtures.ts';
import { type ChatjsItem, type ChatjsSession, openPage } from '../support/chatjs.ts';
import { openJournal } from '../support/journal.ts';
import { property } from '../support/property.ts';
import { openProxy, type Proxy as Relay } from '../support/proxy.ts';
import {
  type Api,
  addBot,
  apiAt,
  connection,
  startChat,
  type Ticket,
  testServer,
  transcript,
} from '../support/server.ts';

/**
 * Two clients that chat while their connections are cut, delayed and half closed: a customer in unmodified chatjs, whose
 * app reads the transcript again when its socket is back, and a bot that has no socket at all, sends until it is answered
 * and reads on in the transcript. A third reads along by hand, on a socket that nobody waits for when it breaks.
 *
 * The seed says what is sent, by whom, and what breaks before: the order of steps is the same at every run.
 */

/** Messages that are sent. */
const total = 2000;
const { seed } = property(1);

type Line = 'page' | 'wire' | 'bot';

/** What is done to a line during a burst of messages, and after it. */
const faults: Readonly<
  Record<string, { readonly begin: (proxy: Relay) => void; readonly end?: (proxy: Relay) => void }>
> = {
  reset: { begin: (proxy) => proxy.reset() },
  'pulled out': { begin: (proxy) => proxy.cut(), end: (proxy) => proxy.heal() },
  'half closed by the server': { begin: (proxy) => proxy.halfClose('clients') },
  'half closed by the client': { begin: (proxy) => proxy.halfClose('server') },
  delayed: { begin: (proxy) => proxy.hold(), end: (proxy) => proxy.release() },
  'cut in the middle of what was delayed': {
    begin: (proxy) => proxy.hold(),
    end(proxy) {
      proxy.release();
      proxy.reset();
    },
  },
  'lost without a word, then cut': { begin: (proxy) => proxy.strand(), end: (proxy) => proxy.reset() },
};
/** For a client whose every request waits for its answer, so that nothing may keep that away for good. */
const botFaults: typeof faults = {
  reset: { begin: (proxy) => proxy.reset() },
  'losing an answer': { begin: (proxy) => proxy.loseAnswer() },
};
/** Those that chatjs does not notice. */
const unnoticed = ['delayed'];

/** What somebody who reads along knows, by Id, and what it was pushed, as it came. */
interface View {
  readonly known: Map<string, string>;
  readonly pushed: string[];
}

interface Read {
  readonly Id?: string | undefined;
  readonly AbsoluteTime?: string | undefined;
}

const at = ({ Id = '', AbsoluteTime = '' }: Read) => `${AbsoluteTime} ${Id}`;

function see({ known }: View, items: readonly Read[]): void {
  for (const item of items) known.set(item.Id ?? '', at(item));
}

/**
 * Reads back, page by page, to what was known for sure; run again and again, one at a time. The newest item of a reading
 * is known for sure, with all before it; what was pushed later may have come after a loss.
 */
function reader(view: View, page: (next: string | undefined) => Promise<{ items: readonly Read[]; next?: string }>) {
  let anchor: string | undefined;
  let last: Promise<unknown> = Promise.resolve();
  async function read(): Promise<string> {
    let newest: Read | undefined;
    let next: string | undefined;
    do {
      const { items, next: following } = await page(next);
      see(view, items);
      newest ??= items.at(-1);
      next = items.some(({ Id }) => Id === anchor) ? undefined : following;
    } while (next !== undefined);
    anchor = newest?.Id;
    return at(newest ?? {});
  }
  return {
    /** Resolves to the newest item that was read. */
    again: (): Promise<string> => {
      const reading = last.then(read);
      last = reading;
      return reading;
    },
    settled: () => last,
  };
}

/** The customer: chatjs in a page that keeps what it is pushed, and reads the transcript whenever its socket is back. */
async function openCustomer(ana: ChatjsSession) {
  const view: View = { known: new Map(), pushed: [] };
  const reading = reader(view, async (nextToken) => {
    const { data } = await ana.session.getTranscript({ maxResults: 100, sortOrder: 'ASCENDING', nextToken });
    return { items: data.Transcript, next: data.NextToken };
  });
  ana.session.onMessage(({ data }: { data: ChatjsItem }) => {
    view.pushed.push(at(data));
    see(view, [data]);
  });
  ana.session.onConnectionEstablished(() => void reading.again());
  await ana.ready();
  return { ana, view, reading };
}

/** Reads along on a socket by hand; whenever that closes, it opens the next at once. */
function openTap(api: Api, ticket: Ticket, port: number) {
  const view: View = { known: new Map(), pushed: [] };
  const seen = openJournal<string>();
  /** Of each socket the newest item that was read while it was open and not subscribed, and what it was pushed. */
  const sockets: { readTo: string; readonly pushed: string[] }[] = [];
  let ws: WebSocket | undefined;
  let isOver = false;
  let token = '';
  const reading = reader(view, async (NextToken) => {
    const page = await api.participant.send(
      new GetTranscriptCommand({ ConnectionToken: token, MaxResults: 100, SortOrder: 'ASCENDING', NextToken }),
    );
    return { items: page.Transcript ?? [], next: page.NextToken };
  });
  const attached = (url: string) =>
    new Promise<void>((resolve) => {
      const socket = new WebSocket(url);
      ws = socket;
      const own: (typeof sockets)[number] = { readTo: '', pushed: [] };
      sockets.push(own);
      // Reads before it subscribes: what is said in between is delivered all the same, from the upgrade on.
      ws.on('open', async () => {
        own.readTo = await reading.again();
        socket.send('{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}');
      });
      ws.on('message', (data) => {
        const { topic, content } = JSON.parse(String(data));
        if (topic === 'aws/subscribe') return;
        const item: ChatjsItem = JSON.parse(content);
        view.pushed.push(at(item));
        own.pushed.push(at(item));
        see(view, [item]);
        seen.add(item.Id);
      });
      ws.on('error', () => {});
      ws.on('close', () => resolve());
    });
  const run = async () => {
    while (!isOver) {
      const { url, token: given } = await connection(api, ticket);
      token = given;
      const own = new URL(url);
      own.port = String(port);
      await attached(String(own));
    }
  };
  const running = run();
  return {
    view,
    reading,
    sockets,
    seen,
    async [Symbol.asyncDispose]() {
      isOver = true;
      ws?.terminate();
      await running;
    },
  };
}

/** A bot without a socket: repeats whatever was not answered, with the same ClientToken, and reads on from where it was. */
function openBot(endpoint: string, token: string) {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const client = new ConnectParticipantClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const read: string[] = [];
  let last: string | undefined;
  let repeats = 0;

  async function insist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (failure) {
        if ((failure as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode) throw failure;
        repeats += 1;
      }
    }
  }

  async function readOn(): Promise<void> {
    let NextToken: string | undefined;
    let start = last;
    do {
      const position = start === undefined ? {} : { StartPosition: { Id: start } };
      const input = {
        ConnectionToken: token,
        MaxResults: 50,
        SortOrder: 'ASCENDING',
        ScanDirection: 'FORWARD',
      } as const;
      const page = await insist(() => client.send(new GetTranscriptCommand({ ...input, ...position, NextToken })));
      const items: readonly Item[] = page.Transcript ?? [];
      if (start !== undefined && NextToken === undefined) assert.equal(items[0]?.Id, start);
      const isFirst = start !== undefined && NextToken === undefined;
      read.push(...(isFirst ? items.slice(1) : items).map(at));
      last = items.at(-1)?.Id ?? last;
      NextToken = page.NextToken;
      start = NextToken === undefined ? undefined : start;
    } while (NextToken !== undefined);
  }

  return {
    read,
    readOn,
    repeats: () => repeats,
    say: (Content: string) => {
      const message = { ConnectionToken: token, ContentType: 'text/plain', Content, ClientToken: crypto.randomUUID() };
      return insist(() => client.send(new SendMessageCommand(message)));
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

test(`[WS16] brings every item once and in one order, whatever breaks (seed ${seed})`, async (context) => {
  await using stack = new AsyncDisposableStack();
  const lines: Record<Line, Relay> = {
    page: stack.use(await openProxy()),
    wire: stack.use(await openProxy()),
    bot: stack.use(await openProxy()),
  };
  const { server } = stack.use(
    await testServer({
      TERTULIA_PUBLIC_URL: `http://127.0.0.1:${lines.page.port}`,
      TERTULIA_CONNECTIONS_PER_TOKEN: '10000',
    }),
  );
  for (const line of Object.values(lines)) line.target = server.port;
  const direct = stack.use(apiAt(`http://127.0.0.1:${server.port}`));
  const ticket = await startChat(direct);
  const { ana, view, reading } = await openCustomer(stack.use(openPage(direct).customer(ticket)));
  const botTicket = await addBot(direct, ticket.ContactId);
  const { token } = await connection(direct, botTicket);
  const bot = stack.use(openBot(`http://127.0.0.1:${lines.bot.port}`, token));
  const tap = stack.use(openTap(direct, botTicket, lines.wire.port));

  const roll = dice(seed);
  const pick = <T>(from: readonly T[]): T => from[roll(from.length)] as T;
  const counts: Record<string, number> = {};
  let sent = 0;
  for (let step = 0; sent < total; step += 1) {
    const line = roll(4) === 0 ? pick<Line>(['page', 'wire', 'bot']) : undefined;
    const table = line === 'bot' ? botFaults : faults;
    const what = line && pick(Object.keys(table));
    const events = ana.events.all.length;
    if (line && what) {
      counts[`${line} ${what}`] = (counts[`${line} ${what}`] ?? 0) + 1;
      table[what]?.begin(lines[line]);
    }
    const burst = Array.from({ length: 1 + roll(10) }, (_, index) => ({
      text: `${step} ${index}`,
      isBot: roll(2) === 0,
    }));
    sent += burst.length;
    await Promise.all(
      burst.map(({ text, isBot }) =>
        isBot ? bot.say(text) : ana.session.sendMessage({ contentType: 'text/plain', message: text }),
      ),
    );
    if (line && what) table[what]?.end?.(lines[line]);
    if (roll(3) === 0) await bot.readOn();
    // Broken twice before it is back, chatjs waits for seconds; the others are left to find their way.
    if (line === 'page' && what && !unnoticed.includes(what)) await ana.ready(events);
  }
  for (const line of Object.values(lines)) line.heal();
  const { Id = '' } = await bot.say('the last one');
  await ana.message('the last message', (item) => item.Id === Id);
  await tap.seen.until('the last message', (id) => id === Id);
  for (const each of [reading, tap.reading]) await each.settled();
  await bot.readOn();

  const truth = await transcript(direct, { token });
  const order = truth.map(at);
  const contents = truth.filter(({ Type }) => Type === 'MESSAGE').map(({ Content = '' }) => Content);
  assert.equal(new Set(contents).size, contents.length, 'no message is there twice');
  assert.equal(contents.length, sent + 1);
  const steps = contents.slice(0, -1).map((text) => Number.parseInt(text, 10));
  assert.deepEqual(
    steps,
    steps.toSorted((one, other) => one - other),
    'what was sent later comes later',
  );
  assert.deepEqual(bot.read, order, 'what the bot read on, in the order in which it did');
  for (const { known, pushed } of [view, tap.view]) {
    assert.deepEqual([...known.values()].sort(), order, 'what a reader knows: all of it');
    assert.deepEqual(pushed, [...new Set(pushed)].sort(), 'what was pushed: once, and in order');
  }
  for (const { readTo, pushed } of tap.sockets.filter((each) => each.pushed.length > 0)) {
    const from = order.indexOf(pushed[0] ?? '');
    assert.deepEqual(pushed, order.slice(from, from + pushed.length), 'one socket leaves nothing out');
    assert.ok(from <= order.indexOf(readTo) + 1, 'nor does it begin later than what was read before it subscribed');
  }
  assert.equal(ana.events.all.filter(({ kind }) => kind === 'broken').length, 0);
  context.diagnostic(`${sent} messages, ${bot.repeats()} requests repeated, ${JSON.stringify(counts)}`);
  context.diagnostic(
    `pushed: ${view.pushed.length} to chatjs, ${tap.view.pushed.length} to the tap, of ${order.length}`,
  );
});
