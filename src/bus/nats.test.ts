import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { connect, createInbox, type NatsConnection } from '@nats-io/transport-node';
import { busContract } from '../../test/contract/bus.contract.ts';
import { type Journal, openJournal, within } from '../../test/support/journal.ts';
import { type NatsServer, natsMissing as skip, startNatsServer, withCertificate } from '../../test/support/nats.ts';
import { openProxy } from '../../test/support/proxy.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { type Steady, systemSteady } from '../runtime/steady.ts';
import type { Bus, News } from './bus.ts';
import { type NatsBus, type NatsBusParts, openNatsBus } from './nats.ts';

let prefixes = 0;
function newPrefix(): string {
  prefixes += 1;
  return `test-${prefixes}`;
}
const items = (chat: number, number: number): News => ({ kind: 'items', chat, from: number, to: number, revision: 1 });
/** Lets what was called get as far as it can without the network. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(url: string, prefix: string, parts: Partial<NatsBusParts> = {}): Promise<NatsBus> {
  return openNatsBus({ servers: [url], prefix }, { steady: systemSteady, log: silentLog, ...parts });
}

/** Resolves once the server has all that this node sent. */
async function settled(bus: Bus): Promise<void> {
  (await bus.subscribe(999_999, () => {})).end();
}

async function listen(bus: Bus, chat: number): Promise<Journal<News>> {
  const heard = openJournal<News>();
  await bus.subscribe(chat, heard.add);
  return heard;
}

const number = (wanted: number) => (news: News) => news.kind === 'items' && news.from === wanted;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

function openLines(): { lines: Journal<Line>; log: Log } {
  const lines = openJournal<Line>();
  const at = (level: string) => (fields: object, message: string) => lines.add({ level, message, fields });
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

const lost = ({ message }: Line) => message.includes('has lost its NATS server');

/** Resolves at the next connection. */
function reconnection(bus: NatsBus): Promise<void> {
  return within('the next connection', new Promise((resolve) => bus.onReconnected(() => resolve())));
}

describe('a bus over NATS', { skip }, () => {
  let server: NatsServer;
  let client: NatsConnection;
  before(async () => {
    server = await startNatsServer();
    client = await connect({ servers: `127.0.0.1:${server.port}` });
  });
  after(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  busContract('nats', () => open(server.url, newPrefix()));

  busContract('nats, published by another node', async () => {
    const prefix = newPrefix();
    const [near, far] = await Promise.all([open(server.url, prefix), open(server.url, prefix)]);
    return {
      publish: near.publish,
      async subscribe(chat, heard) {
        // Now that it is with the server, what was published before is so for the other node too.
        await settled(near);
        return far.subscribe(chat, heard);
      },
      async [Symbol.asyncDispose]() {
        await Promise.all([near[Symbol.asyncDispose](), far[Symbol.asyncDispose]()]);
      },
    };
  });

  /** Whether the server knows of a subscription. */
  async function isHeard(subject: string): Promise<boolean> {
    const inbox = createInbox();
    let isUnheard = false;
    const callback = () => {
      isUnheard = true;
    };
    const subscription = client.subscribe(inbox, { callback });
    client.publish(subject, '', { reply: inbox });
    await client.flush();
    subscription.unsubscribe();
    return !isUnheard;
  }

  test('[BU4] is subscribed to chats that have subscribers, and to no others', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    const subject = `tertulia.${prefix}.chat.5`;
    assert.equal(await isHeard(subject), false);
    const [one, two] = [await bus.subscribe(5, () => {}), await bus.subscribe(5, () => {})];
    assert.equal(await isHeard(subject), true);
    one.end();
    one.end();
    await settled(bus);
    assert.equal(await isHeard(subject), true);
    two.end();
    await settled(bus);
    assert.equal(await isHeard(subject), false);
    await bus.subscribe(5, () => {});
    assert.equal(await isHeard(subject), true);
  });

  test('[BU4] gives own news to own subscribers at once, and once', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    await using other = await open(server.url, prefix);
    const heard = await listen(bus, 1);
    bus.publish(items(1, 1));
    assert.deepEqual(heard.all, [items(1, 1)]);
    await settled(bus);
    other.publish(items(1, 2));
    await heard.until('the news of the other node', number(2));
    assert.deepEqual(heard.all, [items(1, 1), items(1, 2)]);
    assert.deepEqual([bus.counts().published, bus.counts().received, other.counts().received], [1, 1, 0]);
  });

  test('[BU7] hears nothing of installations with another prefix', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    await using same = await open(server.url, prefix);
    await using other = await open(server.url, `${prefix}-b`);
    const heard = await listen(bus, 1);
    other.publish(items(1, 1));
    await settled(other);
    same.publish(items(1, 2));
    await heard.until('the news of the same installation', number(2));
    assert.deepEqual(heard.all, [items(1, 2)]);
  });

  test('[BU7] refuses a prefix that is no part of a subject', async () => {
    for (const prefix of ['', 'a.b', '*', '>', 'a b', 'ż', 'a'.repeat(65)]) {
      await assert.rejects(open(server.url, prefix), /cannot be part of a NATS subject: give up to 64 letters/);
    }
  });

  test('[BU8] passes over what is no news, or those of another version, and counts them', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    await using other = await open(server.url, prefix);
    const heard = await listen(bus, 1);
    const newer = JSON.stringify({ v: 2, kind: 'items', what: 'nobody knows yet' });
    for (const each of ['', '{', 'null', newer, '{"v":1}']) client.publish(`tertulia.${prefix}.chat.1`, each);
    await client.flush();
    other.publish(items(1, 1));
    await heard.until('news', number(1));
    assert.deepEqual(heard.all, [items(1, 1)]);
    const { received, malformed, unknown } = bus.counts();
    assert.deepEqual({ received, malformed, unknown }, { received: 6, malformed: 4, unknown: 1 });
  });

  test('[BU9] sends news above 128 KiB without their items', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    await using other = await open(server.url, prefix);
    const heard = await listen(bus, 1);
    const item = (content: string) => ({ id: 'a', number: 1, time: 1, type: 'MESSAGE', content }) as const;
    const [long, longer] = ['€'.repeat(32 * 1024), '€'.repeat(44 * 1024)];
    other.publish({ ...items(1, 1), items: [item(long)] } as News);
    other.publish({ ...items(1, 2), items: [item(longer)] } as News);
    await heard.until('both', number(2));
    assert.deepEqual(heard.all, [{ ...items(1, 1), items: [item(long)] }, items(1, 2)]);
  });

  test('[BU13] has given its last news to the server when it is closed', async () => {
    const prefix = newPrefix();
    await using bus = await open(server.url, prefix);
    const heard = await listen(bus, 1);
    const other = await open(server.url, prefix);
    for (let count = 1; count <= 1000; count += 1) other.publish(items(1, count));
    await other[Symbol.asyncDispose]();
    await heard.until('the last of them', number(1000));
    assert.equal(heard.all.length, 1000);
    assert.equal(other.isConnected(), false);
    await assert.rejects(
      other.subscribe(1, () => {}),
      /was closed/,
    );
  });
});

describe('a NATS server that the bus cannot reach', { skip }, () => {
  test('[BU5, BU6] holds up nothing at the start, and is found when it comes', async () => {
    await using server = await startNatsServer();
    await server.kill();
    const prefix = newPrefix();
    const { lines, log } = openLines();
    await using bus = await open(server.url, prefix, { log });
    assert.equal(bus.isConnected(), false);
    const heard = await listen(bus, 1);
    bus.publish(items(1, 1));
    assert.deepEqual(heard.all, [items(1, 1)], 'own subscribers need no server');
    const found = reconnection(bus);
    await server.restart();
    await found;
    assert.equal(bus.isConnected(), true);
    await using other = await open(server.url, prefix);
    other.publish(items(1, 2));
    await heard.until('news of the other node', number(2));
    assert.deepEqual(bus.counts(), { published: 0, dropped: 1, received: 1, malformed: 0, unknown: 0, reconnects: 1 });
    assert.deepEqual([other.counts().reconnects, other.counts().published], [0, 1]);
    assert.deepEqual(
      lines.all.map(({ level, message }) => [level, message]),
      [
        ['warn', 'the bus has no NATS server and looks for one'],
        ['info', 'the bus is connected again'],
      ],
      'one line, however many attempts',
    );
  });

  test('[BU5] that says nothing is waited for 2 s, and left at once at the end', async () => {
    const connected = Promise.withResolvers<Socket>();
    const silent = createServer((socket) => connected.resolve(socket.on('error', () => {}).resume()));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const steady = manualSteady();
    const opening = open(`nats://127.0.0.1:${(silent.address() as AddressInfo).port}`, 'x', { steady });
    const left = once(await connected.promise, 'close');
    steady.advance(2_000);
    const bus = await opening;
    assert.equal(bus.isConnected(), false);
    await bus.subscribe(1, () => {});
    await bus[Symbol.asyncDispose]();
    await left;
    silent.close();
  });

  test('[BU6] is tried again after waits that grow to 5 s, in part by chance', async () => {
    const waits = openJournal<number>();
    const steady: Steady = {
      ...systemSteady,
      after(ms, run) {
        if (ms % 1000 === 0) return systemSteady.after(ms, run);
        waits.add(ms);
        return systemSteady.after(0, run);
      },
    };
    const nobody = createServer();
    await once(nobody.listen(0, '127.0.0.1'), 'listening');
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const ids = { secret: () => Buffer.from([0x80, 0]) };
    await using bus = await open(`nats://127.0.0.1:${port}`, 'x', { steady, ids });
    await waits.until('8 attempts', () => waits.all.length >= 8);
    assert.deepEqual(waits.all.slice(0, 8), [75, 150, 300, 600, 1200, 2400, 3750, 3750]);
    assert.equal(bus.isConnected(), false);
  });

  test('[BU6] is connected to again after kill -9 in the middle of traffic, with all subscriptions', async () => {
    await using server = await startNatsServer();
    const prefix = newPrefix();
    const { lines, log } = openLines();
    await using near = await open(server.url, prefix, { log });
    await using far = await open(server.url, prefix, { log });
    const chats = [1, 2, 3, 4, 5];
    const ears = await Promise.all(chats.map((chat) => listen(far, chat)));
    const gone = await far.subscribe(6, () => {});
    let count = 0;
    const say = () => {
      count += 1;
      for (const chat of chats) near.publish(items(chat, count));
    };
    for (let round = 1; round <= 2; round += 1) {
      const from = lines.all.length;
      for (let each = 0; each < 200; each += 1) say();
      const killed = server.kill();
      for (let each = 0; each < 200; each += 1) say();
      await killed;
      const first = await lines.until('the first to notice', lost, from);
      await lines.until('the other to notice', lost, lines.all.indexOf(first) + 1);
      assert.deepEqual([near.isConnected(), far.isConnected()], [false, false]);
      const { dropped } = near.counts();
      say();
      assert.equal(near.counts().dropped, dropped + chats.length);
      gone.end();
      const back = Promise.all([near, far].map(reconnection));
      await server.restart();
      await back;
      say();
      for (const ear of ears) {
        await ear.until('what follows', number(count));
        const seen = ear.all.map((news) => (news.kind === 'items' ? news.from : 0));
        assert.deepEqual(
          seen,
          [...new Set(seen)].toSorted((one, other) => one - other),
          'nothing twice, nothing crossed',
        );
      }
      assert.deepEqual([near.counts().reconnects, far.counts().reconnects], [round, round]);
    }
    const { published, dropped } = near.counts();
    assert.equal(published + dropped, count * chats.length);
  });

  test('[BU6] does no harm to others if what follows a reconnection fails', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    const { lines, log } = openLines();
    await using bus = await open(`nats://127.0.0.1:${proxy.port}`, newPrefix(), { log });
    bus.onReconnected(() => Promise.reject(new Error('on purpose')));
    proxy.reset();
    await lines.until('the failure', ({ level, message }) => level === 'error' && message.includes('reconnection'));
    assert.equal(bus.isConnected(), true);
  });
});

describe('a NATS server that hangs', { skip }, () => {
  test('[BU10] is left after 15 s without an answer, and connected to anew', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    const prefix = newPrefix();
    const steady = manualSteady();
    const { lines, log } = openLines();
    await using bus = await open(`nats://127.0.0.1:${proxy.port}`, prefix, { steady, log });
    const heard = await listen(bus, 1);
    proxy.hold();
    for (const [seconds, isConnected] of [
      [5, true],
      [10, false],
      [15, false],
    ] as const) {
      steady.advance(5_000);
      await turn();
      assert.equal(bus.isConnected(), isConnected, `after ${seconds} s`);
    }
    assert.deepEqual(lines.all, []);
    steady.advance(5_000);
    await lines.until('the connection to be given up', lost);
    proxy.release();
    const back = reconnection(bus);
    await turn();
    steady.advance(5_000);
    await back;
    await using other = await open(server.url, prefix);
    other.publish(items(1, 1));
    await heard.until('news', number(1));
  });

  test('[BU10] holds up a subscription by 2 s and the end by 2 s', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    const steady = manualSteady();
    const bus = await open(`nats://127.0.0.1:${proxy.port}`, newPrefix(), { steady });
    proxy.hold();
    const subscribing = bus.subscribe(1, () => {});
    await turn();
    steady.advance(2_000);
    await subscribing;
    bus.publish(items(1, 1));
    const end = bus[Symbol.asyncDispose]();
    await turn();
    steady.advance(2_000);
    await end;
  });

  test('[BU10] gets no more than 16 MiB that it does not answer', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    await using bus = await open(`nats://127.0.0.1:${proxy.port}`, newPrefix(), { steady: manualSteady() });
    proxy.hold();
    const content = 'x'.repeat(100 * 1024);
    const long: News = { kind: 'event', chat: 1, after: 1, id: 'a', time: 1, contentType: 'a', content };
    for (let count = 0; count < 200; count += 1) bus.publish(long);
    const { published, dropped } = bus.counts();
    assert.deepEqual([published, dropped], [163, 37]);
    proxy.release();
    while (bus.counts().published === published) {
      await settled(bus);
      bus.publish(items(1, 1));
    }
  });
});

describe('what a NATS server asks of the bus', { skip }, () => {
  const users = `authorization { users: [
    { user: "node", password: "pa:ss", permissions: { publish: ["tertulia.>"], subscribe: ["tertulia.>"] } },
    { user: "deaf", password: "pa:ss", permissions: { publish: ["tertulia.>"], subscribe: ["other.>"] } },
    { user: "mute", password: "pa:ss", permissions: { publish: ["other.>"], subscribe: ["tertulia.>"] } }
  ] }
  max_payload: 1000`;
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer(users);
  });
  after(() => server[Symbol.asyncDispose]());
  const as = (user: string, password = 'pa:ss') =>
    `nats://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;

  test('[BU9] is kept to in the length of news', async () => {
    const prefix = newPrefix();
    await using bus = await open(as('node'), prefix);
    await using other = await open(as('node'), prefix);
    const heard = await listen(bus, 1);
    const content = 'x'.repeat(1000);
    other.publish({ kind: 'event', chat: 1, after: 1, id: 'a', time: 1, contentType: 'a', content });
    other.publish({ ...items(1, 1), items: [{ id: 'a', number: 1, time: 1, type: 'MESSAGE', content }] } as News);
    await heard.until('the news', number(1));
    assert.deepEqual(heard.all, [items(1, 1)]);
    assert.deepEqual([other.counts().published, other.counts().dropped], [1, 1]);
    assert.deepEqual([bus.isConnected(), other.isConnected()], [true, true]);
  });

  for (const [user, what] of [
    ['deaf', 'subscription'],
    ['mute', 'publish'],
  ] as const) {
    test(`[BU11] is said once if it forbids each ${what}`, async () => {
      const { lines, log } = openLines();
      const prefix = newPrefix();
      await using bus = await open(as(user), prefix, { log });
      assert.equal(bus.isConnected(), true);
      for (const chat of [1, 2, 3]) {
        await bus.subscribe(chat, () => {});
        bus.publish(items(chat, 1));
      }
      await lines.until('the complaint', ({ level }) => level === 'error');
      await settled(bus);
      assert.equal(bus.isConnected(), false);
      assert.deepEqual(lines.all, [
        {
          level: 'error',
          message: 'the NATS server does not allow this; give the user both on tertulia.>',
          fields: { operation: what, subject: `tertulia.${prefix}.chat.1` },
        },
      ]);
    });
  }

  test('[BU11] is not told to the log if it is a password', async () => {
    const { lines, log } = openLines();
    await using bus = await open(as('node', 'Wr0ngPassw0rd'), newPrefix(), { log });
    const line = await lines.until('the refusal', ({ level }) => level === 'warn');
    assert.match(inspect(line, { depth: 20 }), /Authorization Violation/);
    assert.equal(inspect(lines.all, { depth: 20, showHidden: true }).includes('Wr0ngPassw0rd'), false);
    assert.equal(bus.isConnected(), false);
  });

  test('[BU11] may be TLS', async () => {
    await withCertificate(async ({ settings, trust }) => {
      await using guarded = await startNatsServer(settings);
      const url = `tls://localhost:${guarded.port}`;
      const { lines, log } = openLines();
      const prefix = newPrefix();
      await using bus = await open(url, prefix, { log });
      assert.equal(bus.isConnected(), false);
      assert.match(inspect(lines.all, { depth: 20 }), /self-signed certificate/);
      const back = reconnection(bus);
      trust();
      await back;
      await using other = await open(url, prefix);
      const heard = await listen(bus, 1);
      other.publish(items(1, 1));
      await heard.until('news', number(1));
    });
  });

  test('[BU11] is refused at the start if it cannot be right', async () => {
    for (const [url, why] of [
      ['http://host', /server 1 of NATS is not a URL/],
      ['nats://user:secret%zz@host', /escape signs/],
    ] as const) {
      await assert.rejects(open(url, 'x'), why);
    }
  });
});
