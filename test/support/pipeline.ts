import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type BucketRule, openBuckets } from '../../src/blobs/buckets.ts';
import type { Bus, News } from '../../src/bus/bus.ts';
import { developmentInstance } from '../../src/config.ts';
import { objectPrefix } from '../../src/domain/attachments.ts';
import type { Chat } from '../../src/domain/chat.ts';
import type { ContentLimits } from '../../src/domain/limits.ts';
import { type QuotaProfile, unlimited } from '../../src/domain/quota.ts';
import type { AccessKey } from '../../src/http/access-keys.ts';
import { openGate } from '../../src/http/gate.ts';
import { openPipeline } from '../../src/http/pipeline.ts';
import type { Reply } from '../../src/http/request.ts';
import { openThrottle } from '../../src/http/throttle.ts';
import { attachmentsPath, openTransfers } from '../../src/http/transfers.ts';
import { openAttachmentJobs } from '../../src/jobs/attachments.ts';
import type { Scanner } from '../../src/jobs/scanner.ts';
import { openWorker } from '../../src/jobs/worker.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { registry } from '../../src/operations/registry.ts';
import { openWriter } from '../../src/operations/writer.ts';
import { removeArchived } from '../../src/outbox/archive.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { type Log, silentLog } from '../../src/runtime/log.ts';
import { type Steady, systemSteady } from '../../src/runtime/steady.ts';
import { seed } from '../../src/seeds.ts';
import type { InstanceConfig } from '../../src/settings.ts';
import { check } from '../../src/shape/check.ts';
import { decode } from '../../src/shape/decode.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { openTokens } from '../../src/tokens/tokens.ts';
import { sharedBlobs } from './blob-folder.ts';

/** What an operation answered, as a client sees it. */
export interface Answer {
  readonly status: number;
  /** The error's type, undefined on success. */
  readonly type: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are JSON, and tests look into them
  readonly body: any;
  readonly reply: Reply;
}

export const InstanceId = developmentInstance.id;
export const ContactFlowId = developmentInstance.flows[0]?.id ?? '';
/** Another account's, for tests of isolation. */
export const otherInstance: InstanceConfig = {
  account: '210987654321',
  region: 'us-east-1',
  id: '10000000-0000-4000-8000-000000000002',
  alias: 'other',
  flows: [{ id: '20000000-0000-4000-8000-000000000002', name: 'Other' }],
};

export type TestPipeline = Awaited<ReturnType<typeof testPipeline>>;

/** The pipeline with a real store in memory, a clock that stands still until moved, and a bus that remembers. */
export async function testPipeline({
  log = silentLog,
  wrap = (store: Store) => store,
  quotas = unlimited,
  maxContentBytes = {},
  keys = [],
  scanner,
  bucketRules: rules,
}: {
  log?: Log;
  wrap?: (store: Store) => Store;
  quotas?: QuotaProfile;
  maxContentBytes?: ContentLimits;
  keys?: readonly AccessKey[];
  scanner?: Scanner;
  /** What stands for buckets; without it, as in development, any is a folder among the blobs. */
  bucketRules?: readonly BucketRule[];
} = {}) {
  const time = { now: Date.parse('2026-01-31T12:00:00.000Z') };
  const clock = { now: () => time.now };
  const ids = systemIds();
  const store = wrap(openSqlite(':memory:', systemSteady));
  await seed(store, [developmentInstance, otherInstance], time.now);
  const tokens = openTokens([{ id: 'k1', secret: ids.secret(32), from: 0 }]);
  const news: News[] = [];
  const bus: Bus = {
    publish: (each) => void news.push(each),
    subscribe: async () => ({ end() {} }),
    async [Symbol.asyncDispose]() {},
  };
  const gate = openGate(
    { verifies: keys.length > 0, isDevelopment: true, pathPrefix: '' },
    async (id) => keys.find((each) => each.id === id),
    store,
  );
  const writer = openWriter(store, bus, ids, log);
  const blobs = await sharedBlobs();
  const buckets = openBuckets({
    rules: rules ?? [],
    blobs: rules ? undefined : blobs,
    s3: { region: 'us-east-1', endpoint: undefined },
    ids,
  });
  const parts = { store, writer, blobs, tokens, clock, steady: noTimers, ids, log };
  const attachments = openAttachmentJobs({ ...parts, scanner });
  const transfers = openTransfers(parts);
  const removeFiles = async (chat: Chat) =>
    (await attachments.removeBelow(objectPrefix(chat.id))) + (await removeArchived({ ...parts, buckets }, chat));
  const worker = openWorker({ ...parts, attachments, removeFiles });
  const pipeline = openPipeline({
    operations: registry,
    clock,
    steady: noTimers,
    ids,
    store,
    tokens,
    gate,
    throttle: openThrottle(quotas, { rate: 3, burst: 1_000_000 }),
    writer,
    settings: {
      concurrentChats: quotas.concurrentChats,
      maxContentBytes,
      attachmentUrl: (id, token) => `http://127.0.0.1:1${attachmentsPath}/${id}?token=${token}`,
      hasScanner: scanner !== undefined,
      isStreamTopic: (topic) => topic.includes(':tertulia-'),
      hasBucket: buckets.has,
      webSocketUrl: (token) => `ws://127.0.0.1:1/participant/websocket?token=${token}`,
    },
    log,
    version: '0.0.0-test',
  });

  async function raw(
    method: string,
    target: string,
    body: string | Buffer = '',
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const [path = '', query = ''] = target.split('?');
    const request = {
      method,
      path,
      rawPath: path,
      query,
      headers: Object.entries(headers),
      body: Buffer.from(body),
      id: ids.uuid(),
    };
    const reply = await pipeline.handle(request);
    // Others are told of a message once its sender has the answer.
    await new Promise((resolve) => process.nextTick(resolve));
    return {
      status: reply.status,
      type: reply.headers['x-amzn-errortype'],
      body: reply.body === '' ? undefined : JSON.parse(reply.body),
      reply,
    };
  }

  /** Calls an operation by its wire name; `bearer` is its token. */
  async function call(name: string, input: Record<string, unknown>, bearer?: string): Promise<Answer> {
    const operation = registry.find((each) => each.name === name);
    if (!operation) throw new Error(`no operation ${name}`);
    const { __proto__: _, ...body } = input;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, label: string) =>
      encodeURIComponent(String(input[label])),
    );
    const headers: Record<string, string> = bearer === undefined ? {} : { 'x-amz-bearer': bearer };
    const target = `${path}?${queryOf(operation, input)}`;
    const answer = await raw(operation.method, target, JSON.stringify(body), headers);
    if (answer.type === undefined) checkOutput(operation, answer.body);
    return answer;
  }

  /** Uses a URL that an operation answered, as a client does without a token. */
  async function transfer(
    method: string,
    url: string,
    given: Buffer | Readable = Buffer.alloc(0),
    headers: Record<string, string> = {},
  ) {
    const body = Buffer.isBuffer(given) ? Readable.from([given], { objectMode: false }) : given;
    const { pathname: path, search } = new URL(url);
    const head = { method, path, query: search.slice(1), headers: Object.entries(headers), id: ids.uuid() };
    const reply = await transfers.answer(head, body);
    assert(reply, `${method} ${path} is no transfer`);
    const bytes = typeof reply.body === 'string' ? Buffer.from(reply.body) : await buffer(reply.body);
    const type = reply.headers['x-amzn-errortype'];
    return {
      status: reply.status,
      type,
      headers: reply.headers,
      bytes,
      message: type && JSON.parse(String(bytes)).message,
    };
  }

  /** Moves the clock and does what is due by then. */
  async function wait(milliseconds: number): Promise<void> {
    time.now += milliseconds;
    await worker.settleDue();
  }

  return {
    time,
    wait,
    /** The same without moving the clock, nor waiting for a scanner. */
    runDue: worker.runDue,
    steady: noTimers,
    log,
    transfer,
    transfers,
    blobs,
    buckets,
    attachments,
    removeFiles,
    store,
    writer,
    clock,
    tokens,
    news,
    raw,
    call,
    ids,
    handle: pipeline.handle,
    metrics: pipeline.metrics,
  };
}

/** Timers are run by `wait` alone. */
const noTimers: Steady = {
  now: () => 0,
  after: () => () => {},
  every: () => () => {},
  soon: (run) => setImmediate(run),
};

/** The members that travel in the query, a list as one parameter for each of its elements. */
function queryOf({ input: { members = {} } }: Operation, input: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, { place, wireName = name }] of Object.entries(members)) {
    if (place !== 'query' || input[name] === undefined) continue;
    for (const each of [input[name]].flat()) query.append(wireName, String(each));
  }
  return query.toString();
}

/** What an operation answers is what its output shape says: of the right types, within the limits. */
function checkOutput({ name, output }: Operation, body: unknown): void {
  const parts = { body, labels: {}, query: new URLSearchParams(), header: () => undefined };
  assert.equal(check(output, decode(output, parts)), undefined, `the output of ${name}`);
}

/** A chat whose customer holds a connection token; connected unless `connect` is false. */
export async function startChat(
  { call }: Pick<TestPipeline, 'call'>,
  more: Record<string, unknown> = {},
  connect = true,
) {
  const started = await call('StartChatContact', {
    InstanceId,
    ContactFlowId,
    ParticipantDetails: { DisplayName: 'Ana' },
    ...more,
  });
  const { ContactId, ParticipantId, ParticipantToken } = started.body;
  const connection = await call(
    'CreateParticipantConnection',
    { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: connect },
    ParticipantToken,
  );
  const token: string = connection.body.ConnectionCredentials?.ConnectionToken;
  return { ContactId, ParticipantId, ParticipantToken, token } as Record<
    'ContactId' | 'ParticipantId' | 'ParticipantToken' | 'token',
    string
  >;
}

/** A bot in that chat, connected. */
export async function addBot({ call }: Pick<TestPipeline, 'call'>, ContactId: string, DisplayName = 'Bot') {
  const created = await call('CreateParticipant', {
    InstanceId,
    ContactId,
    ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName },
  });
  const ParticipantToken: string = created.body.ParticipantCredentials?.ParticipantToken;
  const connection = await call(
    'CreateParticipantConnection',
    { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true },
    ParticipantToken,
  );
  return {
    ParticipantId: created.body.ParticipantId as string,
    ParticipantToken,
    token: connection.body.ConnectionCredentials?.ConnectionToken as string,
  };
}

/** The transcript as ContentType or Content of each item, oldest first. */
export async function transcript({ call }: Pick<TestPipeline, 'call'>, token: string): Promise<string[]> {
  const { body } = await call('GetTranscript', { MaxResults: 100, SortOrder: 'ASCENDING' }, token);
  return body.Transcript.map(
    (item: { Content?: string; ContentType: string; DisplayName?: string }) =>
      item.Content ??
      `${item.ContentType.replace('application/vnd.amazonaws.connect.event.', '')} ${item.DisplayName ?? ''}`.trim(),
  );
}
