import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { systemSteady } from '../../src/runtime/steady.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { type ControlAnswer, controlAt } from '../support/control.ts';
import { openEndpoint } from '../support/endpoint.ts';
import type { Notified } from '../support/history.ts';
import { within } from '../support/journal.ts';
import { type NatsServer, startNatsServer } from '../support/nats.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { type End, startProcess, type TestProcess } from '../support/process.ts';
import { openProxy, type Proxy as Relay } from '../support/proxy.ts';
import { attribute, type Notification } from '../support/sns-bot.ts';

/** Three servers that are one service, each with its own way to a PostgreSQL and a NATS that are theirs alone. */
export interface Fleet extends AsyncDisposable {
  readonly nodes: readonly FleetNode[];
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  /** Beside the servers. */
  readonly store: Store;
  /** What streams brought to a topic, wherever in the fleet it came from. */
  parcels(topic: string): readonly Notified[];
  /** Asks PostgreSQL beside the store. */
  ask(text: string, ...values: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** As if thirty seconds had gone by: who holds a lease holds it no more. */
  passLeases(): Promise<void>;
  /** Every process that has ended, and what it wrote. */
  readonly ends: readonly End[];
}

export interface FleetNode {
  readonly name: string;
  readonly port: number;
  readonly process: TestProcess;
  readonly toStore: Relay;
  readonly toBus: Relay;
  /** By which it has leases, since its last start. */
  id(): string;
  health(): Promise<ControlAnswer>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to how it ended. */
  stop(): Promise<End>;
  restart(more?: Record<string, string>): Promise<void>;
}

export async function openFleet(): Promise<Fleet> {
  await using opening = new AsyncDisposableStack();
  const [postgres, nats] = await Promise.all([startPostgres(), startNatsServer()]);
  opening.use(postgres);
  opening.use(nats);
  const { ask, steady } = openAsking(postgres);
  opening.adopt(ask, () => steady());
  const store = opening.use(await openPostgres({ url: postgres.url, steady: systemSteady, patience: 30_000 }));
  const { url, parcels } = opening.use(await openTopics());
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-fleet-'));
  opening.defer(() => rmSync(folder, { recursive: true }));
  const TERTULIA_CONFIG = join(folder, 'tertulia.json');
  const row = { topics: 'arn:aws:sns:us-east-1:123456789012:*', kind: 'webhook', url, confirmation: 'none' };
  writeFileSync(TERTULIA_CONFIG, JSON.stringify({ streams: [row] }));
  const shared = {
    // As `npm start` does: a start takes half the time.
    NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)),
    ...{ TERTULIA_CONFIG, TERTULIA_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') },
    ...{ TERTULIA_DRAIN_SECONDS: '1', TERTULIA_CONNECTIONS_PER_TOKEN: '10000' },
  };
  const ends: End[] = [];
  const nodes: FleetNode[] = [];
  // One after the other, so that it is known which of them has which id.
  for (const name of ['one', 'two', 'three']) {
    const toStore = opening.use(await openProxy(postgres.port));
    const toBus = opening.use(await openProxy(nats.port));
    const ways = {
      TERTULIA_STORE: `postgres://postgres@127.0.0.1:${toStore.port}/postgres`,
      TERTULIA_BUS: `nats://127.0.0.1:${toBus.port}`,
    };
    nodes.push(opening.use(await openFleetNode(name, { ...shared, ...ways }, { ask, toStore, toBus, ends })));
  }
  const stack = opening.move();
  return {
    ...{ nodes, postgres, nats, store, parcels, ask, ends },
    async passLeases() {
      for (const table of ['chat', 'lane']) {
        await ask(
          `UPDATE tertulia.${table} SET leased_until = clock_timestamp() WHERE leased_until > clock_timestamp()`,
        );
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

interface NodeParts extends Pick<Fleet, 'ask'>, Pick<FleetNode, 'toStore' | 'toBus'> {
  readonly ends: End[];
}

async function openFleetNode(
  name: string,
  environment: Record<string, string>,
  { ask, toStore, toBus, ends }: NodeParts,
): Promise<FleetNode & AsyncDisposable> {
  const seen = new Set<unknown>();
  let id = '';
  async function started<T>(start: () => Promise<T>): Promise<T> {
    const ids = async () => (await ask('SELECT id FROM tertulia.node')).map((row) => row.id);
    for (const each of await ids()) seen.add(each);
    const result = await start();
    id = String((await ids()).find((each) => !seen.has(each)));
    return result;
  }
  const server = await started(() => startProcess(environment));
  const control = controlAt(server.endpoint);
  async function ended(): Promise<End> {
    const end = await server.end();
    if (!ends.includes(end)) ends.push(end);
    return end;
  }
  return {
    ...{ name, port: server.port, process: server, toStore, toBus },
    id: () => id,
    health: () => control('GET /health'),
    async kill() {
      await server.kill();
      await ended();
    },
    async stop() {
      server.signal('SIGTERM');
      return ended();
    },
    restart: (more) => started(() => server.restart(more)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A connection that is made again after PostgreSQL was restarted. */
function openAsking({ url }: PostgresServer): Pick<Fleet, 'ask'> & { readonly steady: () => Promise<void> } {
  let client: Client | undefined;
  return {
    async ask(text, ...values) {
      if (!client) {
        const made = new Client({ connectionString: url });
        made.on('error', () => {
          if (client === made) client = undefined;
        });
        await made.connect();
        client = made;
      }
      return (await client.query(text, [...values])).rows;
    },
    steady: async () => void (await client?.end()),
  };
}

/** Topics that keep what they get. */
async function openTopics() {
  const taken = new Map<string, Notified[]>();
  const endpoint = await openEndpoint(({ body }, response) => {
    const notification: Notification = JSON.parse(body);
    const { TopicArn, MessageId: id, Message, MessageAttributes } = notification;
    const attributes = Object.fromEntries(
      Object.keys(MessageAttributes).map((name) => [name, attribute(notification, name) ?? '']),
    );
    taken.set(TopicArn, [...(taken.get(TopicArn) ?? []), { id, body: Message, attributes }]);
    response.end();
  });
  return {
    url: endpoint.url.href,
    parcels: (topic: string) => taken.get(topic) ?? [],
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  };
}

/** Looks again and again until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>, everyMs = 50): Promise<void> {
  let isOver = false;
  const look = async () => {
    while (!isOver && !(await isSo())) await new Promise((resolve) => setTimeout(resolve, everyMs));
  };
  await within(what, look()).finally(() => {
    isOver = true;
  });
}
