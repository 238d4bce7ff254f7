import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { developmentInstance } from '../../src/config.ts';
import { type Endpoint, openEndpoint } from '../support/endpoint.ts';
import { type Api, type Connection, connection, say, startChat } from '../support/server.ts';
import type { Notification } from '../support/sns-bot.ts';
import {
  allItems,
  checkTold,
  inBrief,
  ofChat,
  type StreamingServer,
  startStreaming,
  stopContact,
  stream,
  topicArn,
} from '../support/streaming.ts';

/** Destinations that are down, that refuse, and that come back, as the outbox sees them. The clock is the test's. */

const [down, up] = [topicArn('down'), topicArn('up')];

function webhooks(...endpoints: readonly (readonly [topic: string, endpoint: Endpoint])[]) {
  return endpoints.map(([topics, { url }]) => {
    return { topics, kind: 'webhook', url: url.href, confirmation: 'none' };
  });
}

function notifications({ posted }: Endpoint, from = 0): Notification[] {
  return posted.all.slice(from).map(({ body }) => JSON.parse(body));
}

/** The first that tells of a message with that content. */
async function message({ posted }: Endpoint, Content: string): Promise<Notification> {
  const found = await posted.until(`a notification of ${Content}`, ({ body }) =>
    JSON.parse(body).Message.includes(JSON.stringify(Content)),
  );
  return JSON.parse(found.body);
}

/** A chat whose streams are open before its customer connects. */
async function openStreamed(api: Api, ...topics: readonly string[]): Promise<Connection & { ContactId: string }> {
  const ticket = await startChat(api, { ChatDurationInMinutes: 7 * 24 * 60 });
  for (const each of topics) await stream(api, ticket.ContactId, each);
  return { ...(await connection(api, ticket)), ContactId: ticket.ContactId };
}

/** The row of a destination in the listing of the outbox. */
async function standing({ ask }: Pick<StreamingServer, 'ask'>, destination: string) {
  const { status, body } = await ask('GET /outbox');
  assert.equal(status, 200);
  return body.Destinations.find((each: { Destination: string }) => each.Destination === destination);
}

async function metrics(endpoint: string, destination: string, token?: string): Promise<Record<string, number>> {
  const reply = await fetch(`${endpoint}/metrics`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  const lines = (await reply.text()).matchAll(/^tertulia_outbox_(\w+)\{destination="([^"]*)"\} (\S+)$/gm);
  return Object.fromEntries(
    [...lines].flatMap(([, name, of, value]) => (of === destination ? [[name, Number(value)]] : [])),
  );
}

describe('a destination that is down for an hour', () => {
  for (const [how, closes] of [
    ['answers 503', false],
    ['is not there', true],
  ] as const) {
    test(`[OB2, OB3, OB12] gets everything in order when it is back, while others get theirs at once (it ${how})`, async (t) => {
      let isDown = false;
      const answer: Parameters<typeof openEndpoint>[0] = (_, response) => response.writeHead(isDown ? 503 : 200).end();
      await using well = await openEndpoint();
      let endpoint = await openEndpoint(answer);
      try {
        await using server = await startStreaming({ streams: webhooks([down, endpoint], [up, well]) });
        const { api } = server;
        const chats = [];
        for (let count = 0; count < 4; count += 1) chats.push(await openStreamed(api, down, up));
        for (const chat of chats) {
          await say(api, chat, `before ${chat.ContactId}`);
          await message(endpoint, `before ${chat.ContactId}`);
        }
        const before = endpoint.posted.all.length;
        isDown = true;
        const port = Number(endpoint.url.port);
        if (closes) await endpoint[Symbol.asyncDispose]();
        for (let minutes = 0; minutes < 60; minutes += 10) {
          for (const chat of chats) {
            const text = `after ${minutes} minutes ${chat.ContactId}`;
            await say(api, chat, text);
            await message(well, text);
          }
          await server.wait('10m');
        }
        const waiting = await standing(server, down);
        assert.deepEqual([waiting.Waiting, waiting.Parked, waiting.DeadLetters], [4, 0, 0]);
        assert.match(waiting.Error, closes ? /ECONNREFUSED/ : / answered 503$/);
        assert.equal(await standing(server, up), undefined);
        const measured = await metrics(server.endpoint, down);
        assert.ok((measured.oldest_seconds ?? 0) >= 3600, JSON.stringify(measured));
        const refused = endpoint.posted.all.length - before;

        isDown = false;
        if (closes) endpoint = await openEndpoint(answer, port);
        const from = closes ? 0 : before + refused;
        // The longest pause between two tries: when the clock has moved, each was made.
        await server.wait('90s');
        for (const chat of chats) {
          await stopContact(api, chat.ContactId);
          const isEnd = ({ body }: { body: string }) => body.includes(chat.ContactId) && body.includes('chat.ended');
          await Promise.all([endpoint.posted.until('the end', isEnd, from), well.posted.until('the end', isEnd)]);
          const items = await allItems(server, chat.ContactId);
          checkTold(ofChat(notifications(well), chat.ContactId), items);
          // Joined and one message came before.
          checkTold(ofChat(notifications(endpoint, from), chat.ContactId), items, 3);
        }
        t.diagnostic(`${refused} attempts in the hour, by 503`);
      } finally {
        await endpoint[Symbol.asyncDispose]();
      }
    });
  }
});

describe('a destination that hangs', () => {
  test('[OB2] holds up no other and no chat, though more chats than it has places wait for it', async () => {
    const held: ServerResponse[] = [];
    let isHanging = true;
    await using endpoint = await openEndpoint((_, response) => (isHanging ? held.push(response) : response.end()));
    await using well = await openEndpoint();
    await using server = await startStreaming({ streams: webhooks([down, endpoint], [up, well]) });
    const { api, ask } = server;
    const chats = [];
    for (let count = 0; count < 20; count += 1) chats.push(await openStreamed(api, down, up));
    await endpoint.posted.until('all its places to be taken', () => held.length === 16);
    for (const chat of chats) await say(api, chat, `from ${chat.ContactId}`);
    for (const chat of chats) await message(well, `from ${chat.ContactId}`);
    assert.equal(held.length, 16);
    // Some are DEGRADED by now on a machine that is slow enough: what counts is that nothing was taken.
    const waiting = await Promise.all(
      chats.map(async ({ ContactId }) => (await ask(`GET /contacts/${ContactId}`)).body.Streams[0].Waiting),
    );
    assert.deepEqual(waiting, Array(20).fill(2));
    isHanging = false;
    for (const each of held) each.end();
    for (const chat of chats) {
      await message(endpoint, `from ${chat.ContactId}`);
      checkTold(ofChat(notifications(endpoint), chat.ContactId), await allItems(server, chat.ContactId));
    }
  });
});

describe('what is refused', () => {
  test('[OB4, OB7, OB9, OB10] becomes a dead letter after 8 tries while its lane goes on, and is delivered when it is re-driven', async () => {
    let isMended = false;
    const isPoison = (body: string) => JSON.parse(body).Message.includes('poison');
    await using endpoint = await openEndpoint(({ body }, response) =>
      response.writeHead(!isMended && isPoison(body) ? 400 : 200).end(),
    );
    await using server = await startStreaming({ streams: webhooks([down, endpoint]) });
    const { api, ask } = server;
    const chats = [await openStreamed(api, down), await openStreamed(api, down)];
    for (const chat of chats) {
      for (const text of ['one', 'poison 1', 'two', 'poison 2', 'three']) await say(api, chat, text);
    }
    await endpoint.posted.until('the first refusal', ({ body }) => isPoison(body));
    await server.wait('10m');
    const taken = (from = 0) =>
      chats.map(({ ContactId }) =>
        ofChat(notifications(endpoint, from), ContactId).filter(({ Message }) => !Message.includes('poison')),
      );
    for (const each of taken()) assert.deepEqual(inBrief(each), ['participant.joined', 'one', 'two', 'three']);
    const tries = notifications(endpoint).filter(({ Message }) => Message.includes('poison'));
    assert.equal(tries.length, 4 * 8);
    assert.equal(new Set(tries.map((each) => JSON.stringify(each))).size, 4, 'every try is the same');

    const listed = await standing(server, down);
    assert.deepEqual([listed.Waiting, listed.Parked, listed.DeadLetters], [0, 0, 4]);
    const measured = await metrics(server.endpoint, down);
    assert.deepEqual(
      [measured.delivered_total, measured.failed_total, measured.dead_total, measured.dead_letters],
      [8, 32, 4, 4],
    );
    const letters = [];
    let next = '';
    do {
      const { body } = await ask(
        `GET /outbox/dead-letters?destination=${encodeURIComponent(down)}&maxResults=3${next}`,
      );
      letters.push(...body.DeadLetters);
      next = body.next === undefined ? '' : `&after=${body.next}`;
    } while (next);
    assert.deepEqual(
      letters.map(({ Destination, Attempts, Error: error }) => [Destination, Attempts, error]),
      Array(4).fill([down, 8, `${endpoint.url.host} answered 400`]),
    );
    assert.deepEqual(
      letters.map(({ Parcel }) => Parcel.id).sort(),
      [...new Set(tries.map(({ MessageId }) => MessageId))].sort(),
    );

    // They outlive the process, and come where their lanes are.
    await server.crash();
    isMended = true;
    const from = endpoint.posted.all.length;
    assert.deepEqual((await ask('POST /outbox/redrive', { Destination: down })).body, { Lanes: 0, DeadLetters: 4 });
    for (const chat of chats) {
      await say(api, chat, 'four');
      await endpoint.posted.until('four', ({ body }) => body.includes(chat.ContactId) && body.includes('four'), from);
      const told = ofChat(notifications(endpoint, from), chat.ContactId);
      assert.deepEqual(inBrief(told), ['poison 1', 'poison 2', 'four']);
      assert.ok(told.slice(0, 2).every(({ MessageId }) => tries.some((each) => each.MessageId === MessageId)));
    }
    assert.deepEqual((await ask('GET /outbox/dead-letters')).body.DeadLetters, []);
    assert.deepEqual((await ask('POST /outbox/redrive', { Destination: down })).body, { Lanes: 0, DeadLetters: 0 });
  });
});

describe('what is refused after an outage', () => {
  test('[OB4] is tried as often as any other: tries that told nothing do not count', async () => {
    let status = 503;
    await using endpoint = await openEndpoint((_, response) => response.writeHead(status).end());
    await using server = await startStreaming({ streams: webhooks([down, endpoint]) });
    const { api } = server;
    const chat = await openStreamed(api, down);
    await endpoint.posted.until('an attempt', () => true);
    await server.wait('1h');
    // As of a balancer that has nobody behind it for a moment.
    status = 404;
    const from = endpoint.posted.all.length;
    await server.wait('90s');
    assert.ok(endpoint.posted.all.length > from);
    assert.equal((await standing(server, down)).DeadLetters, 0);
    status = 200;
    await server.wait('90s');
    await stopContact(api, chat.ContactId);
    await endpoint.posted.until('the end', ({ body }) => body.includes('chat.ended'));
    checkTold(notifications(endpoint), await allItems(server, chat.ContactId));
    assert.equal(await standing(server, down), undefined);
  });
});

describe('what waits for a day', () => {
  test('[OB3, OB7, OB9, OB10] is parked, and delivered in order when it is re-driven', async () => {
    let isDown = true;
    await using endpoint = await openEndpoint((_, response) => response.writeHead(isDown ? 503 : 200).end());
    await using well = await openEndpoint();
    await using server = await startStreaming({ streams: webhooks([down, endpoint], [up, well]) });
    const { api, ask } = server;
    const chat = await openStreamed(api, down, up);
    for (const text of ['one', 'two']) await say(api, chat, text);
    await message(well, 'two');
    await endpoint.posted.until('an attempt', () => true);
    const streams = async () => (await ask(`GET /contacts/${chat.ContactId}`)).body.Streams;
    await server.wait('1m');
    const [failing, healthy] = await streams();
    assert.deepEqual([failing.State, failing.Waiting, failing.IsParked], ['DEGRADED', 3, false]);
    assert.ok(failing.FailedAttempts > 1 && failing.NextAttempt > failing.StartedAt, JSON.stringify(failing));
    assert.deepEqual(
      [healthy.State, healthy.Waiting, healthy.IsParked, healthy.Error],
      ['ACTIVE', 0, false, undefined],
    );
    // In parts: one move of the clock has a bounded time for the 1,500 attempts.
    for (const part of ['6h', '6h', '6h', '6h', '1h']) await server.wait(part);
    const [parked] = await streams();
    assert.deepEqual(
      [parked.State, parked.IsParked, parked.Error],
      ['DEGRADED', true, `${endpoint.url.host} answered 503`],
    );
    const listed = await standing(server, down);
    assert.deepEqual([listed.Waiting, listed.Parked, listed.DeadLetters], [0, 1, 0]);
    const measured = await metrics(server.endpoint, down);
    assert.deepEqual([measured.parked, measured.parked_total, measured.waiting], [1, 1, 0]);
    assert.ok((measured.oldest_seconds ?? 0) > 24 * 3600);

    // It is left alone, by a restart too, and keeps what is said meanwhile.
    const tried = endpoint.posted.all.length;
    await server.crash();
    await say(api, chat, 'three');
    await message(well, 'three');
    await server.wait('10m');
    assert.equal(endpoint.posted.all.length, tried);
    isDown = false;
    assert.deepEqual((await ask('POST /outbox/redrive', { Destination: down })).body, { Lanes: 1, DeadLetters: 0 });
    await endpoint.posted.until('three', ({ body }) => body.includes('three'), tried);
    await stopContact(api, chat.ContactId);
    const isEnd = ({ body }: { body: string }) => body.includes('chat.ended');
    await Promise.all([endpoint.posted.until('the end', isEnd, tried), well.posted.until('the end', isEnd)]);
    checkTold(notifications(endpoint, tried), await allItems(server, chat.ContactId));
    checkTold(ofChat(notifications(well), chat.ContactId), await allItems(server, chat.ContactId));
  });
});

test('[OB10, AU11] has metrics in production for whoever has the control token', async () => {
  const token = 'the-token-of-the-control-api';
  await using endpoint = await openEndpoint();
  await using server = await startStreaming(
    { instances: [developmentInstance], streams: webhooks([down, endpoint]) },
    {
      ...{ TERTULIA_MODE: 'production', TERTULIA_QUOTAS: 'unlimited', TERTULIA_CONTROL_TOKEN: token },
      TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'),
    },
    token,
  );
  for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
    assert.equal((await fetch(`${server.endpoint}/metrics`, { headers })).status, 403);
  }
  const reply = await fetch(`${server.endpoint}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(reply.status, 200);
  assert.match(reply.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await reply.text(), /^# TYPE tertulia_outbox_delivered_total counter$/m);
  assert.deepEqual((await server.ask('GET /outbox')).body, { Destinations: [] });
  assert.equal((await server.ask('GET /streams')).status, 404, 'there is no topic of development');
});

test('[CK7] is delivered to at once after a reset, though it was down by a clock that was ahead', async () => {
  let isDown = true;
  await using endpoint = await openEndpoint((_, response) => response.writeHead(isDown ? 503 : 200).end());
  await using server = await startStreaming({ streams: webhooks([down, endpoint]) });
  const { api, ask } = server;
  for (let count = 0; count < 5; count += 1) await openStreamed(api, down);
  await server.wait('1h');
  isDown = false;
  const from = endpoint.posted.all.length;
  assert.equal((await ask('POST /reset')).status, 200);
  const chat = await openStreamed(api, down);
  await say(api, chat, 'hello');
  await endpoint.posted.until('hello', ({ body }) => body.includes('hello'), from);
  assert.deepEqual(inBrief(notifications(endpoint, from)), ['participant.joined', 'hello']);
});
