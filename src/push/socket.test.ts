import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { openProxy } from '../../test/support/proxy.ts';
import { gate, openStage, openTalk, type Stage, subscribe, type Talk } from '../../test/support/push.ts';
import type { Log } from '../runtime/log.ts';
import { defaultPushSettings, type PushSettings } from './settings.ts';
import { openSocketServer, type SocketServer } from './socket.ts';

/** A stage with real sockets: an HTTP server that lets in whoever names himself in the query. */
interface House extends AsyncDisposable {
  readonly stage: Stage;
  readonly talk: Talk;
  readonly sockets: SocketServer;
  readonly port: number;
  /** Reasons of the closes that were logged. */
  readonly closes: string[];
  /** A client whose socket is open. */
  client(who: string, options?: ClientOptions): Promise<Client>;
}

async function openHouse(settings: Partial<PushSettings> = {}): Promise<House> {
  const stage = openStage(settings);
  const talk = await openTalk(stage);
  const closes: string[] = [];
  const noted = (fields: object, text: string) => void closes.push('reason' in fields ? String(fields.reason) : text);
  const log: Log = { debug() {}, info: noted, warn: noted, error: noted };
  const { hub, steady } = stage;
  const sockets = openSocketServer({ hub, steady, log, settings: { ...defaultPushSettings, ...settings } });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => {
    const participantId = new URL(request.url ?? '', 'http://host').searchParams.get('who') ?? '';
    sockets.accept(request, socket, head, { chatKey: talk.key, participantId });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Client[] = [];
  return {
    stage,
    talk,
    sockets,
    port,
    closes,
    async client(who, options) {
      const client = openClient(new WebSocket(`ws://127.0.0.1:${port}/?who=${who}`, options));
      clients.push(client);
      await once(client.ws, 'open');
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const { ws } of clients) ws.terminate();
      await sockets[Symbol.asyncDispose]();
      server.close();
      await once(server, 'close');
      await stage[Symbol.asyncDispose]();
    },
  };
}

/** What a client got, in order, and the way to wait for more of it. */
interface Client {
  readonly ws: WebSocket;
  readonly frames: string[];
  /** Resolves once so many frames are there. */
  arrived(count: number): Promise<void>;
  /** The first frames, as many as that, once they are there. */
  first(count: number): Promise<Frame[]>;
  readonly closed: Promise<{ code: number; reason: string }>;
  subscribed(): Promise<void>;
}

interface Frame {
  readonly topic: string;
  readonly content?: unknown;
}

function openClient(ws: WebSocket): Client {
  const frames: string[] = [];
  let look = () => {};
  ws.on('message', (data, isBinary) => {
    frames.push(isBinary ? 'binary' : String(data));
    look();
  });
  ws.on('error', () => {});
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  async function arrived(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      look = () => {
        if (frames.length >= count) resolve();
      };
      look();
    });
  }
  async function first(count: number): Promise<Frame[]> {
    await arrived(count);
    return frames.slice(0, count).map((frame) => JSON.parse(frame));
  }
  return {
    ws,
    frames,
    arrived,
    first,
    closed,
    async subscribed() {
      ws.send(subscribe);
      await first(1);
    },
  };
}

function lines(frames: readonly Frame[]): string[] {
  return frames
    .filter((frame) => frame.topic === 'aws/chat')
    .map((frame) => JSON.parse(frame.content as string))
    .map((item) => item.Content ?? item.ContentType.slice(item.ContentType.lastIndexOf('.') + 1));
}

function housed(run: (house: House) => Promise<void>, settings: Partial<PushSettings> = {}) {
  return async () => {
    await using house = await openHouse(settings);
    await run(house);
  };
}

const heartbeat = '{"topic":"aws/heartbeat"}';

describe('socket: frames', () => {
  test(
    '[WS3] brings a text of any length as one frame, in its place among what the socket itself says',
    housed(async (house) => {
      const { ws, frames, arrived, subscribed } = await house.client('ann');
      await subscribed();
      const pongs: number[] = [];
      ws.on('pong', () => pongs.push(frames.length));
      const lengths = [0, 1, 65_000, 65_300, 65_536, 70_000];
      for (const [index, length] of lengths.entries()) {
        ws.ping();
        ws.send(heartbeat);
        await arrived(2 * index + 2);
        await house.talk.say('bob', 'é'.repeat(length));
        await arrived(2 * index + 3);
      }
      assert.equal(pongs.length, lengths.length);
      const contents = frames.slice(1).map((frame) => JSON.parse(frame));
      assert.deepEqual(
        contents.map(({ topic }) => topic),
        lengths.flatMap(() => ['aws/heartbeat', 'aws/chat']),
      );
      assert.deepEqual(
        contents.flatMap(({ content }) => (content ? JSON.parse(content).Content.length : [])),
        lengths,
      );
    }),
  );

  test(
    '[WS1][WS2] answers what chatjs sends the moment its socket opens',
    housed(async (house) => {
      const { ws, first } = await house.client('ann', { perMessageDeflate: true });
      for (const frame of [subscribe, '{"topic":"aws/ping"}', heartbeat]) ws.send(frame);
      assert.deepEqual(await first(3), [
        { topic: 'aws/subscribe', content: { status: 'success', topics: ['aws/chat'] } },
        { topic: 'aws/ping', statusCode: 200, statusContent: 'OK' },
        { topic: 'aws/heartbeat' },
      ]);
      assert.equal(ws.extensions, '', 'compression is not taken up');
    }),
  );

  test(
    '[WS1] loses no frame that comes with the handshake',
    housed(async (house) => {
      const socket = connect(house.port, '127.0.0.1');
      socket.write(Buffer.concat([handshake('ann'), masked(subscribe)]));
      const answer = await until(socket, /success/);
      assert.match(answer, /^HTTP\/1.1 101 /);
      socket.destroy();
    }),
  );

  test(
    '[WS8] survives frames that mean nothing, binary ones among them',
    housed(async (house) => {
      const { ws, first, frames } = await house.client('ann');
      for (const frame of ['', 'no JSON', '[]', '{"topic":"aws/none"}']) ws.send(frame);
      ws.send(Buffer.from(heartbeat));
      ws.send(heartbeat);
      await first(1);
      assert.deepEqual(frames, [heartbeat]);
    }),
  );

  test(
    '[WS7] closes for a frame over the limit with 1009 and the limit',
    housed(
      async (house) => {
        const { ws, closed, first } = await house.client('ann');
        ws.send(heartbeat.padEnd(1000, ' '));
        await first(1);
        ws.send(heartbeat.padEnd(1001, ' '));
        assert.deepEqual(await closed, { code: 1009, reason: 'the frame is over 1000 bytes' });
      },
      { maxFrameBytes: 1000 },
    ),
  );

  test(
    '[WS7] closes for too many frames with 1008 and the rate, answering none past it',
    housed(
      async (house) => {
        const { ws, closed, frames } = await house.client('ann');
        for (let count = 0; count < 20; count += 1) ws.send(heartbeat);
        assert.deepEqual(await closed, { code: 1008, reason: 'too many frames: more than 10 in 5 s' });
        assert.equal(frames.length, 10);
      },
      { framesPerWindow: 10 },
    ),
  );

  test(
    '[WS8] closes for text that is not UTF-8 with 1007, and the process survives it',
    housed(async (house) => {
      const { ws, closed } = await house.client('ann');
      ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
      assert.deepEqual(await closed, { code: 1007, reason: 'the text of the frame is not UTF-8' });
      await house.client('ann');
    }),
  );
});

describe('socket: items', () => {
  test(
    '[WS4] brings items to all sockets in order and once, the own ones too, as text',
    housed(async (house) => {
      const clients = [await house.client('ann'), await house.client('ann'), await house.client('bob')];
      for (const client of clients) await client.subscribed();
      const said = Array.from({ length: 100 }, (_, index) => `message ${index} \u{1f30d}`);
      for (const [index, text] of said.entries()) await house.talk.say(index % 2 ? 'ann' : 'bob', text);
      for (const { first, frames } of clients) {
        assert.deepEqual(lines(await first(101)), said);
        assert.equal(frames.includes('binary'), false);
      }
    }),
  );

  test(
    '[WS5] delivers what is committed as soon as the client sees its socket open, however slow the store is',
    housed(async (house) => {
      const { stage, talk } = house;
      const { closed, open } = gate();
      const asked = holdReads(stage, closed);
      const opening = house.client('ann');
      await asked;
      await talk.say('bob', 'before');
      open();
      const client = await opening;
      await talk.say('bob', 'after');
      await client.subscribed();
      assert.deepEqual(lines(await client.first(2)), ['after']);
    }),
  );

  test(
    '[WS6] heals a lost doorbell',
    housed(async (house) => {
      const { stage, talk } = house;
      const client = await house.client('ann');
      await client.subscribed();
      stage.wire.carry = () => {};
      await talk.say('bob', 'lost');
      await stage.hub.resync();
      assert.deepEqual(lines(await client.first(2)), ['lost']);
    }),
  );

  test(
    '[WS9] chat.ended comes last, and the client closes',
    housed(
      async (house) => {
        const { stage, talk } = house;
        const [ann, bob] = [await house.client('ann'), await house.client('bob')];
        for (const client of [ann, bob]) await client.subscribed();
        await talk.leave('ann');
        for (const client of [ann, bob]) assert.deepEqual(lines(await client.first(3)), ['left', 'ended']);
        ann.ws.send(heartbeat);
        await ann.first(4);
        ann.ws.close(1000, 'done');
        assert.equal((await ann.closed).code, 1000);
        stage.steady.advance(60_000);
        assert.deepEqual(await bob.closed, { code: 1000, reason: 'the chat is over for this participant' });
      },
      { pingMs: 3_600_000 },
    ),
  );
});

describe('socket: readers that do not read', () => {
  test(
    '[WS7] closes a slow reader at the bound with 1013 and what it left unread, and nobody else',
    housed(
      async (house) => {
        const { talk, closes } = house;
        const [slow, quick] = [await house.client('ann'), await house.client('bob')];
        for (const client of [slow, quick]) await client.subscribed();
        slow.ws.pause();
        let said = 0;
        while (closes.length === 0) {
          await talk.say('bob', 'x'.repeat(16_000));
          said += 1;
          await quick.arrived(said + 1);
        }
        slow.ws.resume();
        const { code, reason } = await slow.closed;
        assert.equal(code, 1013);
        assert.match(reason, /^slow reader: \d+ bytes unread$/);
        const unread = Number(reason.match(/\d+/)?.[0]);
        assert(unread > 200_000 && unread < 220_000, `${unread} is the bound and at most one frame`);
        assert.deepEqual(closes, [reason]);
        await talk.say('bob', 'on it goes');
        assert.deepEqual(lines(await quick.first(said + 2)).at(-1), 'on it goes');
      },
      { maxBufferedBytes: 200_000 },
    ),
  );

  test(
    '[WS7] cuts off the socket that holds most when all together leave too much unread',
    housed(
      async (house) => {
        const { talk, closes } = house;
        const [less, most] = [await house.client('bob'), await house.client('ann')];
        for (const client of [less, most]) await client.subscribed();
        most.ws.pause();
        let said = 0;
        while (closes.length === 0) {
          await talk.say('bob', 'x'.repeat(16_000));
          said += 1;
          await less.arrived(said + 1);
        }
        assert.deepEqual(closes, ['clients left too much unread; the socket that held most is cut off']);
        await talk.say('bob', 'still here');
        assert.equal(lines(await less.first(said + 2)).at(-1), 'still here');
        most.ws.resume();
        assert.equal((await most.closed).code, 1006);
      },
      { maxBufferedBytesInAll: 2_000_000, maxBufferedBytes: 100_000_000 },
    ),
  );

  test(
    '[WS11] ends a socket that answers no ping, and keeps one that does',
    housed(async (house) => {
      const { steady } = house.stage;
      const dead = await house.client('ann', { autoPong: false });
      const alive = await house.client('bob');
      for (let pings = 0; pings < 3; pings += 1) {
        const pinged = [once(alive.ws, 'ping'), pings === 0 ? once(dead.ws, 'ping') : dead.closed];
        steady.advance(30_000);
        await Promise.all(pinged);
        // Its answer has arrived when that of a frame sent after it has.
        alive.ws.send(heartbeat);
        await alive.first(pings + 1);
      }
      assert.equal((await dead.closed).code, 1006);
      assert.equal(alive.ws.readyState, WebSocket.OPEN);
    }),
  );
});

describe('socket: clients that are gone, or silent', () => {
  /** A client whose network is gone: nothing it does arrives any more, not even that it ends. */
  async function stranded(house: House, who: string): Promise<AsyncDisposable> {
    const proxy = await openProxy(house.port);
    const ws = new WebSocket(`ws://127.0.0.1:${proxy.port}/?who=${who}`);
    ws.on('error', () => {});
    await once(ws, 'open');
    ws.send(subscribe);
    await once(ws, 'message');
    proxy.strand();
    return proxy;
  }

  test(
    '[WS11] finds half-open sockets by its pings, and ends them',
    housed(async (house) => {
      const { stage, talk } = house;
      await using _ = await stranded(house, 'bob');
      assert.deepEqual(stage.wire.subscribed, [talk.key]);
      stage.steady.advance(30_000);
      assert.deepEqual(stage.wire.subscribed, [talk.key], 'it has until the next ping to answer');
      stage.steady.advance(30_000);
      await waitFor(() => stage.wire.subscribed.length === 0);
    }),
  );

  test(
    '[WS14] finds them at once where they hold the places of one who comes back',
    housed(
      async (house) => {
        const { stage, talk } = house;
        const first = await house.client('ann');
        await first.subscribed();
        await using _ = await stranded(house, 'ann');
        const client = await house.client('ann');
        const ponged = once(first.ws, 'ping');
        client.ws.send(subscribe);
        const [refused] = await client.first(1);
        assert.deepEqual(refused?.content, { status: 'failure', topics: ['aws/chat'] });
        await ponged;
        // The first one's answer has arrived when that to a frame after it has.
        first.ws.send(heartbeat);
        await first.first(2);
        stage.steady.advance(1_000);
        await waitFor(() => house.closes.includes('a socket is ended: its client is gone'));
        // Its end is noticed a moment later; chatjs asks again every half second.
        let answers = 1;
        for (let isIn = false; !isIn; answers += 1) {
          client.ws.send(subscribe);
          isIn = JSON.stringify(await client.first(answers + 1)).includes('success');
        }
        await talk.say('bob', 'welcome back');
        assert.deepEqual(lines(await client.first(answers + 1)), ['welcome back']);
        assert.equal(lines(await first.first(3)).at(-1), 'welcome back');
        assert.equal(house.closes.length, 1, 'the one that answered stayed');
      },
      { socketsPerParticipant: 2 },
    ),
  );

  test(
    '[WS15] keeps a client that never sends a heartbeat, as long as it answers pings',
    housed(async (house) => {
      const { stage, talk } = house;
      const silent = await house.client('ann');
      await silent.subscribed();
      const other = await house.client('bob');
      for (let pings = 0; pings < 20; pings += 1) {
        const pinged = once(silent.ws, 'ping');
        stage.steady.advance(30_000);
        await pinged;
        // Answers of both sockets come in turn: that of the other follows the pong.
        other.ws.send(heartbeat);
        await other.first(pings + 1);
      }
      await talk.say('bob', 'after ten minutes');
      assert.deepEqual(lines(await silent.first(2)), ['after ten minutes']);
    }),
  );
});

describe('socket: opening and stopping', () => {
  test(
    '[WS10] refuses with 403 a participant that has gone, and with 503 what cannot be read',
    housed(async (house) => {
      const { stage, talk, closes } = house;
      await talk.leave('bob');
      assert.equal(await refusal(house, 'bob'), 403);
      stage.reads.before = () => Promise.reject(new Error('the store is away'));
      assert.equal(await refusal(house, 'ann'), 503);
      assert.deepEqual(closes, ['a socket could not be opened']);
    }),
  );

  test(
    '[WS10] gives up an upgrade that the store leaves waiting, and keeps nothing of it',
    housed(async (house) => {
      const { stage } = house;
      const { closed, open } = gate();
      const asked = holdReads(stage, closed);
      const refused = refusal(house, 'ann');
      await asked;
      stage.steady.advance(10_000);
      assert.equal(await refused, 503);
      open();
      await waitFor(() => stage.wire.subscribed.length === 0);
    }),
  );

  test(
    '[WS10] keeps nothing of an upgrade that is no WebSocket handshake, or whose client has gone',
    housed(async (house) => {
      const { stage } = house;
      const socket = connect(house.port, '127.0.0.1');
      socket.write('GET /?who=ann HTTP/1.1\r\nHost: host\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      assert.match(await until(socket, /Sec-WebSocket-Key/), /^HTTP\/1.1 400 /);
      const { closed, open } = gate();
      const asked = holdReads(stage, closed);
      const gone = openClient(new WebSocket(`ws://127.0.0.1:${house.port}/?who=ann`));
      await asked;
      gone.ws.terminate();
      await gone.closed;
      open();
      const client = await house.client('bob');
      client.ws.close();
      await client.closed;
      await waitFor(() => stage.wire.subscribed.length === 0);
    }),
  );

  test(
    '[WS10] survives a client that breaks off before it is refused',
    housed(async (house) => {
      const { stage } = house;
      const { closed, open } = gate();
      const asked = holdReads(stage, closed);
      const socket = connect(house.port, '127.0.0.1');
      socket.write(handshake('ann'));
      await asked;
      socket.resetAndDestroy();
      await once(socket, 'close');
      stage.steady.advance(10_000);
      open();
      await house.client('bob');
    }),
  );

  test('[LI2] stopping closes every socket with 1001 and ends', async () => {
    const house = await openHouse();
    const clients = [await house.client('ann'), await house.client('bob')];
    await house.sockets[Symbol.asyncDispose]();
    for (const { closed } of clients) assert.deepEqual(await closed, { code: 1001, reason: 'going away' });
    assert.equal(await refusal(house, 'ann'), 503);
    await house[Symbol.asyncDispose]();
  });

  test('[LI2] a stopping hub closes them just the same', async () => {
    const house = await openHouse();
    const client = await house.client('ann');
    await house.stage.hub[Symbol.asyncDispose]();
    assert.deepEqual(await client.closed, { code: 1001, reason: 'going away' });
    await house[Symbol.asyncDispose]();
  });
});

/** The status of a refused upgrade. */
async function refusal(house: House, who: string): Promise<number | undefined> {
  const ws = new WebSocket(`ws://127.0.0.1:${house.port}/?who=${who}`);
  ws.on('error', () => {});
  const [, response] = await once(ws, 'unexpected-response');
  return response.statusCode;
}

/** What a bare connection gets, up to some text. */
function until(socket: Socket, text: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    socket.on('data', (data) => {
      got += data.toString('latin1');
      if (text.test(got)) resolve(got);
    });
    socket.on('close', () => reject(new Error(`closed after: ${got}`)));
  });
}

function handshake(who: string): Buffer {
  const key = Buffer.alloc(16).toString('base64');
  const lines = ['Host: host', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${key}`];
  return Buffer.from([`GET /?who=${who} HTTP/1.1`, ...lines, 'Sec-WebSocket-Version: 13', '', ''].join('\r\n'));
}

/** Makes the hub's reads of a chat wait; resolves when one does. */
function holdReads(stage: Stage, closed: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    stage.reads.before = (what) => {
      if (what !== 'chat') return undefined;
      resolve();
      return closed;
    };
  });
}

/** A text frame as a client sends it, masked with zeros. */
function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** Lets the event loop turn until something that no event tells is so. */
async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => void setImmediate(resolve));
}
