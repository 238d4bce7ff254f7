import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { connect, type Msg } from '@nats-io/transport-node';
import { type NatsServer, natsMissing as skip, startNatsServer, withCertificate } from '../../test/support/nats.ts';
import { openProxy } from '../../test/support/proxy.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { systemSteady } from '../runtime/steady.ts';
import { type Parcel, Rejected } from './destination.ts';
import { openNats } from './nats.ts';

const parts = { steady: systemSteady };
const never = new AbortController().signal;
const instanceId = '8f7c2a34-0d1e-4b6f-9a55-1c2d3e4f5a6b';

function event(id: string, eventType = 'INITIATED', more = {}): Parcel {
  const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${instanceId}`;
  const body = JSON.stringify({ id, detail: { eventType, instanceArn, ...more } });
  return { id, topic: '', body, time: 0, attributes: {} };
}

/** Lets what was called get as far as it can without the network. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Somebody who listens to everything. `seen` gives what had come in by the time of asking. */
async function listener({ port }: NatsServer) {
  const client = await connect({ servers: `127.0.0.1:${port}` });
  const messages: Msg[] = [];
  client.subscribe('>', { callback: (_, message) => void messages.push(message) });
  await client.flush();
  return {
    client,
    async seen() {
      await client.flush();
      return messages.splice(0);
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A server that takes connections and does with them what it is told. */
async function withServer(take: (socket: Socket) => unknown, run: (url: string, server: Server) => Promise<void>) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
    take(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run(`nats://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
  } finally {
    for (const each of sockets) each.destroy();
    server.close();
  }
}

describe('publishing to NATS', { skip }, () => {
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer();
  });
  after(() => server[Symbol.asyncDispose]());

  it('[CE12] fills in the subject, and gives body and id', async () => {
    await using ear = await listener(server);
    await using nats = await openNats(
      { servers: [server.url], subject: 'contacts.{instanceId}.{eventType}.{eventType}' },
      parts,
    );
    const parcel = event('one', 'COMPLETED', { text: 'żółw 🐢' });
    await nats.deliver(parcel, never);
    const [message, ...more] = await ear.seen();
    assert.deepEqual(more, []);
    assert.equal(message?.subject, `contacts.${instanceId}.COMPLETED.COMPLETED`);
    assert.equal(message.string(), parcel.body);
    assert.deepEqual([...(message.headers ?? [])], [['Nats-Msg-Id', ['one']]]);
  });

  it('[CE12] keeps a plain subject, whatever the body', async () => {
    await using ear = await listener(server);
    await using nats = await openNats({ servers: [server.url], subject: 'contact-events' }, parts);
    await Promise.all(['1', '2', '3'].map((id) => nats.deliver({ ...event(id), body: id }, never)));
    const all = await ear.seen();
    assert.deepEqual(
      all.map((each) => [each.subject, each.string()]),
      ['1', '2', '3'].map((id) => ['contact-events', id]),
    );
  });

  it('[CE12, CE13] lets JetStream drop a repeat, and keep what nobody listened to', async () => {
    await using nats = await openNats({ servers: [server.url], subject: 'kept.{eventType}' }, parts);
    await using client = await connect({ servers: `127.0.0.1:${server.port}` });
    const stream = { name: 'KEPT', subjects: ['kept.*'], storage: 'memory' };
    const made = await client.request('$JS.API.STREAM.CREATE.KEPT', JSON.stringify(stream));
    assert.equal(made.json<{ error?: unknown }>().error, undefined);
    await nats.deliver(event('one'), never);
    await nats.deliver(event('one'), never);
    await nats.deliver(event('two'), never);
    const last = await client.request('kept.last', 'the third of the stream, if the repeat is not in it');
    assert.equal(last.json<{ seq: number }>().seq, 3);
  });

  it('[CE13] takes an event that nobody listens to', async () => {
    await using nats = await openNats({ servers: [server.url], subject: 'nobody' }, parts);
    await nats.deliver(event('one'), never);
  });

  it('[CE14] connects to whichever of the servers is there', async () => {
    await using ear = await listener(server);
    await withServer(
      (socket) => socket.destroy(),
      async (url) => {
        await using nats = await openNats({ servers: [url, server.url, url], subject: 'any' }, parts);
        await nats.deliver(event('one'), never);
      },
    );
    assert.equal((await ear.seen()).length, 1);
  });

  it('[CE14] says nothing more once it is closed', async () => {
    const nats = await openNats({ servers: [server.url], subject: 'closed' }, parts);
    await nats.deliver(event('one'), never);
    await nats[Symbol.asyncDispose]();
    await assert.rejects(nats.deliver(event('two'), never), /was closed/);
    const unused = await openNats({ servers: [server.url], subject: 'closed' }, parts);
    await unused[Symbol.asyncDispose]();
  });

  it('[CE14] does not begin what was called off', async () => {
    await using ear = await listener(server);
    await using nats = await openNats({ servers: [server.url], subject: 'off' }, parts);
    await assert.rejects(nats.deliver(event('one'), AbortSignal.abort(new Error('too late'))), /too late/);
    await nats.deliver(event('two'), never);
    assert.deepEqual(
      (await ear.seen()).map((each) => each.headers?.get('Nats-Msg-Id')),
      ['two'],
    );
  });
});

describe('a NATS server that goes away', { skip }, () => {
  it('[CE14] makes attempts fail at once, keeps none of them, and gets what follows its return', async () => {
    await using server = await startNatsServer();
    await using nats = await openNats({ servers: [server.url], subject: 'down' }, parts);
    await nats.deliver(event('before'), never);
    await server.kill();
    for (const id of ['one', 'two', 'three']) await assert.rejects(nats.deliver(event(id), never), /NATS server/);
    await server.restart();
    await using ear = await listener(server);
    await nats.deliver(event('after'), never);
    const seen = await ear.seen();
    assert.deepEqual(
      seen.map((each) => each.headers?.get('Nats-Msg-Id')),
      ['after'],
    );
  });

  it('[CE14] fails all that it has not answered', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    await using nats = await openNats({ servers: [`nats://127.0.0.1:${proxy.port}`], subject: 'cut' }, parts);
    await nats.deliver(event('before'), never);
    proxy.hold();
    const cut = Promise.allSettled(['one', 'two'].map((id) => nats.deliver(event(id), never)));
    await turn();
    proxy.reset();
    for (const each of await cut) {
      assert.equal(each.status, 'rejected');
      assert.match(each.reason.message, /lost before it answered/);
      assert(!(each.reason instanceof Rejected));
    }
  });

  it('[CE14] is left by an attempt whose time is up, and connected to anew', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    await using nats = await openNats({ servers: [`nats://127.0.0.1:${proxy.port}`], subject: 'hung' }, parts);
    await nats.deliver(event('before'), never);
    const connections = proxy.passedOn;
    proxy.hold();
    const time = new AbortController();
    const late = assert.rejects(nats.deliver(event('late'), time.signal), /10 s are over/);
    await turn();
    time.abort(new Error('10 s are over'));
    await late;
    proxy.release();
    await nats.deliver(event('after'), never);
    assert(proxy.passedOn > connections);
  });

  it('[CE14] holds up the end by 2 s and no longer', async () => {
    await using server = await startNatsServer();
    await using proxy = await openProxy(server.port);
    const steady = manualSteady();
    const nats = await openNats({ servers: [`nats://127.0.0.1:${proxy.port}`], subject: 'end' }, { steady });
    await nats.deliver(event('before'), never);
    proxy.hold();
    const cut = assert.rejects(nats.deliver(event('one'), never), /lost before it answered/);
    await turn();
    const end = nats[Symbol.asyncDispose]();
    await turn();
    steady.advance(2_000);
    await end;
    await cut;
  });
});

describe('what is no NATS server', () => {
  it('[CE14] is given 5 s to say a word, and is left', async () => {
    const connected = Promise.withResolvers<Socket>();
    await withServer(connected.resolve, async (url) => {
      const steady = manualSteady();
      await using nats = await openNats({ servers: [url], subject: 'silent' }, { steady });
      const first = assert.rejects(nats.deliver(event('one'), never), /127\.0\.0\.1:\d+ said nothing within 5 s/);
      const second = assert.rejects(nats.deliver(event('two'), never), /said nothing within 5 s/);
      const left = once(await connected.promise, 'close');
      await turn();
      steady.advance(5_000);
      await Promise.all([first, second]);
      await left;
    });
  });

  it('[CE14] does not hold an attempt whose time is up, nor the end', async () => {
    const connected = Promise.withResolvers<Socket>();
    await withServer(connected.resolve, async (url) => {
      const steady = manualSteady();
      const nats = await openNats({ servers: [url], subject: 'silent' }, { steady });
      const time = new AbortController();
      const late = assert.rejects(nats.deliver(event('one'), time.signal), /up/);
      const left = once(await connected.promise, 'close');
      time.abort(new Error('the time is up'));
      await late;
      const end = nats[Symbol.asyncDispose]();
      await turn();
      steady.advance(5_000);
      await end;
      await left;
    });
  });

  it('[CE14] fails the attempt at once when it hangs up, speaks otherwise, or is not there', async () => {
    let at = '';
    await withServer(
      (socket) => socket.end(),
      async (url) => {
        at = url;
        await using nats = await openNats({ servers: [url], subject: 'x' }, parts);
        await assert.rejects(nats.deliver(event('one'), never), /closed the connection without a word/);
      },
    );
    await using gone = await openNats({ servers: [at], subject: 'x' }, parts);
    await assert.rejects(gone.deliver(event('one'), never), /ECONNREFUSED/);
    await withServer(
      (socket) => socket.write('220 mail.example ESMTP\r\n'),
      async (url) => {
        await using nats = await openNats({ servers: [url], subject: 'x' }, parts);
        await assert.rejects(nats.deliver(event('one'), never), /no NATS server could be connected to/);
      },
    );
  });
});

describe('what a NATS server refuses', { skip }, () => {
  // Digits after a colon, and signs that a URL must escape.
  const password = '1234:p@ss/%';
  const users = `authorization { users: [
    { user: "chat", password: ${JSON.stringify(password)}, permissions: { publish: ["ok.>"] } }
  ] }
  max_payload: 1000`;
  let server: NatsServer;
  let url: string;
  before(async () => {
    server = await startNatsServer(users);
    url = `nats://chat:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
  });
  after(() => server[Symbol.asyncDispose]());

  it('[CE15] is rejected where the user may not publish, and nothing else with it', async () => {
    await using nats = await openNats({ servers: [url], subject: '{eventType}.x' }, parts);
    const both = [event('one', 'ok'), event('two', 'secret'), event('three', 'ok'), event('four', 'secret')];
    const outcomes = await Promise.allSettled(both.map((each) => nats.deliver(each, never)));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
    const [, refused] = outcomes as [unknown, PromiseRejectedResult];
    assert(refused.reason instanceof Rejected);
    assert.match(refused.reason.message, /does not allow publishing to secret\.x/);
  });

  it('[CE15] is rejected where it is too long, and the next one is taken', async () => {
    await using nats = await openNats({ servers: [url], subject: 'ok.x' }, parts);
    const long = event('one', 'ok', { text: 'x'.repeat(1000) });
    await assert.rejects(nats.deliver(long, never), (failure) => {
      assert(failure instanceof Rejected);
      assert.match(failure.message, /takes up to 1000 bytes, headers included, not \d{4}$/);
      return true;
    });
    await nats.deliver(event('two', 'ok'), never);
  });

  it('[CE16] does not get to see a wrong password in an error', async () => {
    const wrong = 'Wr0ngPassw0rd';
    await using nats = await openNats(
      { servers: [`nats://chat:${wrong}@127.0.0.1:${server.port}`], subject: 'ok.x' },
      parts,
    );
    await assert.rejects(nats.deliver(event('one'), never), (failure: Error) => {
      assert(!(failure instanceof Rejected), 'the password can be put right');
      assert.match(failure.message, /Authorization Violation/);
      assert.equal(inspect(failure, { depth: 20, showHidden: true }).includes(wrong), false);
      return true;
    });
  });

  it('[CE16] takes a token for a user without a password', async () => {
    await using guarded = await startNatsServer('authorization { token: "t0ken" }');
    await using nats = await openNats({ servers: [`nats://t0ken@127.0.0.1:${guarded.port}`], subject: 'x' }, parts);
    await nats.deliver(event('one'), never);
  });
});

describe('a NATS server with a certificate', { skip }, () => {
  it('[CE16] is spoken to in TLS alone, and only if the certificate is to be trusted', async () => {
    await withCertificate(async ({ settings, trust }) => {
      await using server = await startNatsServer(settings);
      await using plain = await startNatsServer();
      const at = (port: number) => ({ servers: [`tls://localhost:${port}`], subject: 'x' });
      await using nats = await openNats(at(server.port), parts);
      await assert.rejects(nats.deliver(event('one'), never), /self-signed certificate/);
      trust();
      await nats.deliver(event('two'), never);
      await using without = await openNats(at(plain.port), parts);
      await assert.rejects(without.deliver(event('three'), never), /server does not support 'tls'/);
    });
  });
});

describe('settings of NATS', () => {
  const wrong: [what: string, servers: string[], subject: string, why: RegExp][] = [
    ['no server', [], 'x', /name at least one/],
    ['a name without a scheme', ['nats://a', 'secret@host:4222'], 'x', /server 2 of NATS is not a URL/],
    ['another scheme', ['http://user:secret@host'], 'x', /server 1 of NATS is not a URL/],
    ['a password that is not escaped', ['nats://user:secret%zz@host'], 'x', /server 1 of NATS .* escape signs/],
    ['no host', ['nats://'], 'x', /server 1 of NATS/],
    ['two passwords', ['nats://a:secret@host', 'nats://a:secret2@other'], 'x', /the same scheme, user and password/],
    ['no subject', ['nats://host'], '', /"" is no NATS subject/],
    ['a wildcard', ['nats://host'], 'a.*', /no NATS subject/],
    ['a blank', ['nats://host'], 'a b', /no NATS subject/],
    ['an empty part', ['nats://host'], 'a..b', /no NATS subject/],
    ['a part of NATS itself', ['nats://host'], '$SYS.a', /no NATS subject/],
    ['an unknown placeholder', ['nats://host'], 'a.{contactId}', /no NATS subject/],
    ['a long subject', ['nats://host'], 'a'.repeat(256), /up to 255 characters/],
  ];
  for (const [what, servers, subject, why] of wrong) {
    it(`[CE16] are refused with ${what}`, async () => {
      await assert.rejects(openNats({ servers, subject }, parts), (failure: Error) => {
        assert.match(failure.message, why);
        assert.equal(failure.message.includes('secret'), false);
        return true;
      });
    });
  }
});
