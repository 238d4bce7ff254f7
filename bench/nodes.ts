/**
 * What a message costs on one server with the embedded store, and on one and two servers that share PostgreSQL and NATS.
 *
 * SendMessage over HTTP by connection token, 32 at once, durable before the answer, pushed to one WebSocket of each chat,
 * which with two servers is on the other one. CPU is that of the processes themselves: the servers', and PostgreSQL's
 * beside it. Wants PostgreSQL and NATS as the tests do (CONTRIBUTING.md).
 */
import { startNatsServer } from '../test/support/nats.ts';
import { postgresUrl, temporarySchema } from '../test/support/postgres.ts';
import { connectParticipant, startChat, subscribe } from './client.ts';
import { atOnce, type Connection, membersOf, openConnection } from './connection.ts';
import {
  cpuSeconds,
  type Measurement,
  median,
  processesOf,
  ratios,
  type Subject,
  shown,
  startTertulia,
  takeTurns,
} from './measure.ts';

const messages = 3000;
const outstanding = 32;

interface Chat {
  readonly connection: Connection;
  readonly token: string;
}

interface Service {
  readonly name: string;
  readonly servers: readonly Subject[];
  /** As many as messages are under way, each with a connection of its own. */
  readonly chats: readonly Chat[];
  readonly pushed: { count: number };
  readonly perSecond: number[];
  readonly perCpuSecond: number[];
  readonly database: number[];
}

export const measurement: Measurement = {
  name: 'nodes',
  isLong: true,
  async run({ rounds, progress }) {
    await using stack = new AsyncDisposableStack();
    const nats = stack.use(await startNatsServer());
    const shared = () => {
      const schema = stack.use(temporarySchema());
      return {
        ...{ TERTULIA_STORE: postgresUrl, TERTULIA_STORE_SCHEMA: schema.name },
        ...{ TERTULIA_BUS: nats.url, TERTULIA_BUS_PREFIX: schema.name },
        TERTULIA_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      };
    };
    progress('nodes: starting');
    const services = [
      await open('embedded', stack, 1, {}),
      await open('one server', stack, 1, shared()),
      await open('two servers', stack, 2, shared()),
    ];
    progress('nodes: sending');
    await takeTurns(services, { warming: 1, counted: rounds }, send);
    const base = services[0]?.perCpuSecond ?? [];
    return [
      {
        title: 'nodes: messages by the servers that share a service',
        columns: ['service', 'messages/s', 'per CPU-second of the servers', '× embedded', 'PostgreSQL, µs a message'],
        rows: services.map(({ name, perSecond, perCpuSecond, database }) => [
          name,
          shown(perSecond),
          shown(perCpuSecond),
          median(ratios(perCpuSecond, base)).toFixed(2),
          shown(database),
        ]),
        notes: [`${outstanding} at once, each pushed to one WebSocket. The servers of a service share one core.`],
      },
    ];
  },
};

async function open(
  name: string,
  stack: AsyncDisposableStack,
  count: number,
  environment: Readonly<Record<string, string>>,
): Promise<Service> {
  const servers: Subject[] = [];
  for (let each = 0; each < count; each += 1) servers.push(stack.use(await startTertulia(environment)));
  const pushed = { count: 0 };
  const chats: Chat[] = [];
  for (let index = 0; index < outstanding; index += 1) {
    const [here, there] = [servers[index % count], servers[(index + 1) % count]];
    if (!here || !there) throw new Error('no server');
    const connection = stack.use(await openConnection(here.port));
    using other = await openConnection(there.port);
    const participantToken = await startChat(connection);
    const { token } = await connectParticipant(connection, participantToken);
    const socket = await subscribe((await connectParticipant(other, participantToken)).url);
    socket.on('message', (data) => {
      if (String(data).startsWith('{"topic":"aws/chat"')) pushed.count += 1;
    });
    stack.defer(() => socket.terminate());
    chats.push({ connection, token });
  }
  return { name, servers, chats, pushed, ...{ perSecond: [], perCpuSecond: [], database: [] } };
}

async function send(
  { servers, chats, pushed, perSecond, perCpuSecond, database }: Service,
  isCounted: boolean,
): Promise<void> {
  const spent = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const [own, postgres] = [servers.map(({ pid }) => pid), processesOf('postgres')];
  const before = { own: spent(own), postgres: spent(postgres), pushed: pushed.count };
  const began = performance.now();
  const free = [...chats];
  await atOnce(outstanding, messages, async (index) => {
    const chat = free.pop();
    if (!chat) throw new Error('more messages under way than chats');
    const head = ['content-type: application/json', `x-amz-bearer: ${chat.token}`];
    const body = JSON.stringify({ ContentType: 'text/plain', Content: `message ${index}` });
    membersOf(await chat.connection.ask('POST', '/participant/message', head, body));
    free.push(chat);
  });
  const seconds = (performance.now() - began) / 1000;
  while (pushed.count < before.pushed + messages) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!isCounted) return;
  perSecond.push(messages / seconds);
  perCpuSecond.push(messages / (spent(own) - before.own));
  database.push(((spent(postgres) - before.postgres) * 1e6) / messages);
}
