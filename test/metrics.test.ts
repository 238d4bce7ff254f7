import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { openNatsBus } from '../src/bus/nats.ts';
import { developmentInstance } from '../src/config.ts';
import { silentLog } from '../src/runtime/log.ts';
import { type MetricSource, renderMetrics } from '../src/runtime/metrics.ts';
import { systemSteady } from '../src/runtime/steady.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { message, startChat as startStored } from './contract/store-fixtures.ts';
import { openEndpoint } from './support/endpoint.ts';
import { linesOf, of } from './support/metrics.ts';
import { anyNatsServer, natsMissing, natsUrlMissing, startNatsServer } from './support/nats.ts';
import { postgresMissing, postgresUrl, temporarySchema } from './support/postgres.ts';
import { connection, say, startChat } from './support/server.ts';
import { listen } from './support/socket.ts';
import { startStreaming, stopContact, stream, topicArn } from './support/streaming.ts';

/** docs/metrics.md held against what real servers, stores and buses show. */

const skip = postgresMissing || natsUrlMissing;
/** A row of the table: name, kind, labels, meaning. */
type Row = readonly [name: string, kind: string, labels: string, meaning: string];

function written(): Row[] {
  const text = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^\| `(tertulia_\w+)` +\| (\w+) +\| (.*?) +\| (.*?) +\|$/gm)].map(
    ([, name = '', kind = '', labels = '', meaning = '']) => [name, kind, labels.replaceAll('`', ''), meaning],
  );
}

/** The rows of what was shown. */
function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$/gm)].map(([, name = '', meaning = '', kind = '']) => {
    const lines = text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'gm'));
    const labels = [...lines].flatMap(([, each = '']) => [...each.matchAll(/(\w+)="/g)].map(([, label = '']) => label));
    return [name, kind, [...new Set(labels)].filter((label) => label !== 'le').join(', '), meaning];
  });
}

async function rendered(source: MetricSource): Promise<string> {
  return (await renderMetrics([source], systemSteady)).text;
}

/** Of a server on its own that has something to show everywhere, of a store in PostgreSQL, and of a bus over NATS. */
async function allRows(server: string): Promise<Row[]> {
  await using schema = temporarySchema();
  await using store = await openPostgres({ url: postgresUrl, schema: schema.name, steady: systemSteady });
  await store.append(message((await startStored(store)).key, 'ann'));
  await using nats = await anyNatsServer();
  await using bus = await openNatsBus(
    { servers: [nats.url], prefix: schema.name },
    { steady: systemSteady, log: silentLog },
  );
  const texts = [server, await rendered(store.metrics), await rendered(() => bus.metrics?.() ?? [])];
  return [...new Map(texts.flatMap(rowsOf).map((row) => [row[0], row])).values()];
}

/** What a server shows after a chat with everything in it: a socket, a stream, a refusal, a customer who talks too much. */
async function talkedTo(): Promise<string> {
  await using endpoint = await openEndpoint();
  await using server = await startStreaming(
    {
      instances: [developmentInstance],
      streams: [{ topics: topicArn('up'), kind: 'webhook', url: endpoint.url.href, confirmation: 'none' }],
    },
    { TERTULIA_QUOTAS: 'aws' },
  );
  const { api } = server;
  const ticket = await startChat(api);
  await stream(api, ticket.ContactId, topicArn('up'));
  const ana = await connection(api, ticket);
  using socket = await listen(ana.url);
  for (const text of ['one', 'two']) await say(api, ana, text);
  await socket.item('the second', ({ Content }) => Content === 'two');
  await endpoint.posted.until('the second', ({ body }) => body.includes('two'));
  const send = () => fetch(`${server.endpoint}/contact/chat`, { method: 'PUT', body: '{}' });
  while ((await send()).status !== 429);
  await stopContact(api, ticket.ContactId);
  await endpoint.posted.until('the end', ({ body }) => body.includes('chat.ended'));
  await socket.item('the end', ({ ContentType }) => ContentType?.endsWith('chat.ended') === true);
  const { status, headers, text } = await fetch(`${server.endpoint}/metrics`).then(async (reply) => ({
    ...{ status: reply.status, headers: reply.headers },
    text: await reply.text(),
  }));
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return text;
}

describe('what a server shows', () => {
  let text = '';
  before(async () => {
    text = await talkedTo();
  });

  test('[ME1] has names that begin with tertulia_, and counters that end with _total', () => {
    for (const [name, kind] of rowsOf(text)) {
      assert.match(name, /^tertulia_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), kind === 'counter', name);
    }
    assert.equal(linesOf(text).tertulia_metrics_missing, 0);
  });

  test('[ME1] is each described in docs/metrics.md, and nothing else is', { skip }, async () => {
    const rows = await allRows(text);
    const asWritten = ([name, kind, labels, meaning]: Row) =>
      `| \`${name}\` | ${kind} | ${labels.replaceAll(/\w+/g, '`$&`')} | ${meaning} |`;
    const missing = rows.map(asWritten).filter((row) => !written().map(asWritten).includes(row));
    const extra = written()
      .map(asWritten)
      .filter((row) => !rows.map(asWritten).includes(row));
    assert.equal(missing.length, 0, `docs/metrics.md lacks:\n${missing.join('\n')}\n\nand has:\n${extra.join('\n')}`);
    assert.deepEqual(extra, [], 'docs/metrics.md has rows of what is not there');
  });

  test('[ME2] has no id of a chat, a participant or a request in any label', () => {
    assert.doesNotMatch(text.replaceAll(/destination="[^"]*"/g, ''), /[0-9a-f]{8}-[0-9a-f]{4}/);
    assert.deepEqual([...text.matchAll(/\bparticipant="|\bcontact="|\bpath="/g)], []);
  });

  test('[ME3, ME4, ME6, ME7] tells of the chat that was', () => {
    const lines = linesOf(text);
    const requests = of(lines, 'tertulia_requests_total');
    assert.equal(requests['participant,SendMessage,2xx'], 2);
    assert((of(lines, 'tertulia_throttled_total').StartChatContact ?? 0) > 0);
    assert.equal(of(lines, 'tertulia_commits_total')['append,done'], 2);
    assert((lines.tertulia_requests_in_flight ?? 0) >= 1, 'the look itself');
    assert.deepEqual([lines.tertulia_sockets_open, lines.tertulia_sockets_opened_total], [1, 1]);
    assert.equal(lines.tertulia_sockets_unread_bytes, 0);
    assert.deepEqual([lines.tertulia_rooms, lines.tertulia_sockets_subscribed], [1, 0], 'its chat is over');
    // Two messages, the customer's end and the chat's.
    assert((lines.tertulia_push_lag_seconds_count ?? 0) >= 2);
    assert((lines.tertulia_push_lag_seconds_sum ?? Number.NaN) < 60);
  });

  test('[ME11] tells of the process', () => {
    const lines = linesOf(text);
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(Object.keys(of(lines, 'tertulia_info')), [`${version},${process.versions.node}`]);
    assert((lines.tertulia_process_uptime_seconds ?? 0) > 0);
    const { resident = 0, heap = 0, heap_used: used = 0 } = of(lines, 'tertulia_process_memory_bytes');
    assert(used > 0 && used <= heap && heap < resident);
    assert((of(lines, 'tertulia_process_cpu_seconds_total').user ?? 0) > 0);
    assert((of(lines, 'tertulia_event_loop_seconds_total').active ?? 0) > 0);
    assert((lines.tertulia_event_loop_lag_seconds ?? -1) >= 0);
  });
});

describe('the bus of several nodes', { skip: natsMissing }, () => {
  test('[ME9] tells whether it is connected, and what became of the news', async () => {
    await using nats = await startNatsServer();
    const parts = { steady: systemSteady, log: silentLog };
    await using one = await openNatsBus({ servers: [nats.url], prefix: 'x' }, parts);
    await using other = await openNatsBus({ servers: [nats.url], prefix: 'x' }, parts);
    const heard = Promise.withResolvers<void>();
    await other.subscribe(7, () => heard.resolve());
    const news = { kind: 'items', chat: 7, from: 1, to: 1, revision: 1 } as const;
    one.publish(news);
    await heard.promise;
    const seen = async (bus: typeof one) => linesOf(await rendered(() => bus.metrics?.() ?? []));
    const [sender, listener] = [await seen(one), await seen(other)];
    assert.equal(sender.tertulia_bus_connected, 1);
    assert.deepEqual(of(sender, 'tertulia_bus_published_total'), { sent: 1, dropped: 0 });
    assert.deepEqual(of(listener, 'tertulia_bus_received_total'), { heard: 1, unknown: 0, malformed: 0 });
    const back = new Promise<void>((resolve) => one.onReconnected(resolve));
    await nats.kill();
    // News that come while the loss is not yet known are taken for sent.
    while (one.isConnected()) await new Promise((resolve) => setImmediate(resolve));
    one.publish(news);
    const lost = await seen(one);
    assert.equal(lost.tertulia_bus_connected, 0);
    assert.equal(of(lost, 'tertulia_bus_published_total').dropped, 1);
    await nats.restart();
    await back;
    assert.equal((await seen(one)).tertulia_bus_reconnects_total, 1);
  });
});
