import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartContactStreamingCommand, StopContactCommand } from '@aws-sdk/client-connect';
import { ConnectParticipantClient, SendMessageCommand } from '@aws-sdk/client-connectparticipant';
import { controlAt } from './control.ts';
import { startProcess, type TestProcess } from './process.ts';
import { type Api, apiAt, type Connection, InstanceId } from './server.ts';
import { attribute, type Notification, type ToldItem, toldItem } from './sns-bot.ts';

/** A server process that is told by a configuration file where things go, and can be killed in the middle of them. */
export interface StreamingServer extends TestProcess {
  readonly api: Api;
  readonly ask: ReturnType<typeof controlAt>;
  /** Folder of the configuration file. */
  readonly folder: string;
  /** kill -9, and a start. Calls that come while it is done are the same one. */
  crash(): Promise<void>;
  /** Resolves when no crash is going on. */
  up(): Promise<void>;
  /** Moves the test clock; what fell due on the way was tried when it resolves. */
  wait(advance: string): Promise<void>;
}

export async function startStreaming(
  config: object,
  environment: Record<string, string> = {},
  controlToken?: string,
): Promise<StreamingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-streaming-'));
  const TERTULIA_CONFIG = join(folder, 'tertulia.json');
  writeFileSync(TERTULIA_CONFIG, JSON.stringify(config));
  const server = await startProcess({ TERTULIA_CONFIG, ...environment });
  const api = apiAt(server.endpoint);
  const ask = controlAt(server.endpoint, controlToken);
  let crashing: Promise<void> | undefined;
  return {
    ...server,
    ...{ api, ask, folder },
    crash() {
      crashing ??= server
        .kill()
        .then(() => server.restart())
        .finally(() => {
          crashing = undefined;
        });
      return crashing;
    },
    up: async () => crashing,
    async wait(advance) {
      const { body: before } = await ask('GET /clock');
      const set = new Date(Date.parse(before.now) + lengthOf(advance)).toISOString();
      let { status, body } = await ask('POST /clock', { advance });
      // A slow machine has more to do on the way than one call may take.
      for (let calls = 1; body.busy && calls < 10; calls += 1) ({ status, body } = await ask('POST /clock', { set }));
      assert.deepEqual([status, body.busy], [200, false], body.message);
    },
    async [Symbol.asyncDispose]() {
      await crashing;
      api[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

function lengthOf(advance: string): number {
  const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number.parseInt(advance, 10) * (units[advance.at(-1) ?? ''] ?? Number.NaN);
}

export const topicArn = (name: string) => `arn:aws:sns:us-east-1:123456789012:${name}`;

let streams = 0;

export async function stream({ connect }: Api, ContactId: string, StreamingEndpointArn: string): Promise<string> {
  streams += 1;
  const { StreamingId = '' } = await connect.send(
    new StartContactStreamingCommand({
      ...{ InstanceId, ContactId, ChatStreamingConfiguration: { StreamingEndpointArn } },
      ClientToken: `stream ${streams}`,
    }),
  );
  return StreamingId;
}

export function stopContact({ connect }: Api, ContactId: string): Promise<unknown> {
  return connect.send(new StopContactCommand({ InstanceId, ContactId }));
}

/** Says it however often the server is killed meanwhile: what was not answered is sent again. */
export async function sayUntilAnswered(
  server: StreamingServer,
  { token }: Pick<Connection, 'token'>,
  Content: string,
): Promise<number> {
  // One that does not repeat by itself: it is counted.
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
  const once = new ConnectParticipantClient({
    ...{ endpoint: server.endpoint, region: 'us-east-1', credentials },
    maxAttempts: 1,
  });
  for (let repeats = 0; ; repeats += 1) {
    try {
      await once.send(
        new SendMessageCommand({
          ...{ ConnectionToken: token, ContentType: 'text/plain', Content },
          ClientToken: `say ${Content}`,
        }),
      );
      once.destroy();
      return repeats;
    } catch (failure) {
      // An answer that is an error is one.
      if ((failure as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode) throw failure;
      assert.ok(repeats < 100, String(failure));
      await server.up();
    }
  }
}

/** All items of a contact, as the control API shows them. */
export async function allItems({ ask }: Pick<StreamingServer, 'ask'>, ContactId: string): Promise<ToldItem[]> {
  const items: ToldItem[] = [];
  let after = '';
  do {
    const { status, body } = await ask(`GET /contacts/${ContactId}/transcript?maxResults=1000${after}`);
    assert.equal(status, 200, body.message);
    items.push(...body.Transcript);
    after = body.next === undefined ? '' : `&after=${body.next}`;
  } while (after);
  return items;
}

/** What somebody made of the notifications of one chat. */
export interface Told {
  /** Each once, in the order in which they came first. */
  readonly first: readonly Notification[];
  readonly duplicates: number;
}

/** Holds what came against the rules: duplicates are the same, numbers follow each other, and items are those from `from` on. */
export function checkTold(all: readonly Notification[], items: readonly ToldItem[], from = 1): Told {
  const byId = new Map<string, Notification>();
  const byDeduplicationId = new Map<string, string>();
  for (const each of all) {
    const before = byId.get(each.MessageId) ?? each;
    const same = (of: Notification) => [of.TopicArn, of.Message, of.MessageAttributes];
    assert.deepEqual(same(each), same(before), 'a duplicate is the same');
    byId.set(each.MessageId, before);
    const id = attribute(each, 'DeduplicationId') ?? '';
    assert.equal(byDeduplicationId.get(id) ?? each.MessageId, each.MessageId, 'a thing has one MessageId');
    byDeduplicationId.set(id, each.MessageId);
  }
  const first = [...byId.values()];
  const numbered = first.filter((each) => attribute(each, 'SequenceNumber') !== undefined);
  const expected = items.slice(from - 1);
  assert.deepEqual(
    numbered.map((each) => [attribute(each, 'SequenceNumber'), ...facts(toldItem(each))]),
    expected.map((item, index) => [String(from + index), ...facts(item)]),
  );
  assert.deepEqual(
    numbered.map((each) => attribute(each, 'DeduplicationId')),
    expected.map(({ Id }) => Id),
  );
  return { first, duplicates: all.length - first.length };
}

function facts({ Id, AbsoluteTime, Type, ContentType, Content }: ToldItem) {
  return [Id, AbsoluteTime, Type, ContentType, Content];
}

/** Those of one chat. */
export function ofChat(all: readonly Notification[], chat: string): Notification[] {
  return all.filter((each) => attribute(each, 'InitialContactId') === chat);
}

/** Notifications in short: the content of messages, else the name of the event. */
export function inBrief(all: readonly Notification[]): string[] {
  return all.map((each) => {
    const { Content, ContentType } = toldItem(each);
    return Content ?? ContentType?.replace(/^.*event\./, '') ?? '';
  });
}
