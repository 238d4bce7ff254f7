/**
 * What a message costs on one server with the embedded store, and on one and two servers that share PostgreSQL and NATS.
 *
 *   npm run bench:nodes
 *
 * SendMessage over HTTP by connection token, 32 at once, durable before the answer, pushed to one WebSocket of each chat,
 * which with two servers is on the other one. Rounds take turns, so that the machine's noise is in all of them; medians
 * of rounds. CPU is that of the processes themselves, from /proc: the servers', and PostgreSQL's beside it. Wants
 * PostgreSQL and NATS as the tests do (CONTRIBUTING.md).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { startNatsServer } from '../test/support/nats.ts';
import { postgresUrl, temporarySchema } from '../test/support/postgres.ts';
import { startProcess, type TestProcess } from '../test/support/process.ts';
import { apiAt, connection, startChat } from '../test/support/server.ts';

const rounds = 7;
const messages = 3000;
const outstanding = 32;
const chatsEach = 32;

interface Subject {
  readonly name: string;
  readonly servers: readonly TestProcess[];
  readonly chats: readonly { readonly base: string; readonly token: string }[];
  readonly pushed: { count: number };
  readonly rows: { perSecond: number; serverUs: number; databaseUs: number }[];
}

const agent = new Agent({ keepAlive: true, maxSockets: outstanding });

function send({ base, token }: Subject['chats'][number], content: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ ContentType: 'text/plain', Content: content });
    const headers = { 'x-amz-bearer': token, 'content-type': 'application/json', 'content-length': body.length };
    request(`${base}/participant/message`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))));
    })
      .once('error', reject)
      .end(body);
  });
}

/** Clock ticks of CPU that a process has used; a hundred a second. */
function ticks(pid: number | string): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

function databaseTicks(): number {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')) sum += ticks(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

async function listen(url: string, pushed: { count: number }): Promise<void> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => socket.send('{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}');
    socket.onerror = () => reject(new Error('no WebSocket'));
    socket.onmessage = ({ data }) => {
      if (String(data).startsWith('{"topic":"aws/chat"')) pushed.count += 1;
      else resolve();
    };
  });
}

async function open(
  name: string,
  stack: AsyncDisposableStack,
  count: number,
  environment: Record<string, string>,
): Promise<Subject> {
  const servers: TestProcess[] = [];
  for (let each = 0; each < count; each += 1) {
    servers.push(stack.use(await startProcess({ TERTULIA_LOG: 'error', ...environment })));
  }
  const apis = servers.map(({ endpoint }) => stack.use(apiAt(endpoint)));
  const pushed = { count: 0 };
  const chats = [];
  for (let index = 0; index < chatsEach; index += 1) {
    const [here, there] = [apis[index % count], apis[(index + 1) % count]];
    if (!here || !there) throw new Error('no server');
    const ticket = await startChat(here);
    const { token } = await connection(here, ticket);
    await listen((await connection(there, ticket, ['WEBSOCKET', 'CONNECTION_CREDENTIALS'])).url ?? '', pushed);
    chats.push({ base: here.endpoint, token });
  }
  return { name, servers, chats, pushed, rows: [] };
}

async function round({ servers, chats, pushed, rows }: Subject, isCounted: boolean): Promise<void> {
  const cpu = () => servers.reduce((sum, each) => sum + ticks(each.pid() ?? 0), 0);
  const before = { cpu: cpu(), database: databaseTicks(), pushed: pushed.count };
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < messages) {
      const index = next;
      next += 1;
      await send(chats[index % chats.length] as Subject['chats'][number], `message ${index}`);
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  const seconds = (performance.now() - began) / 1000;
  while (pushed.count < before.pushed + messages) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!isCounted) return;
  const us = (all: number) => (all * 10_000) / messages;
  rows.push({
    perSecond: messages / seconds,
    serverUs: us(cpu() - before.cpu),
    databaseUs: us(databaseTicks() - before.database),
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await using stack = new AsyncDisposableStack();
const nats = stack.use(await startNatsServer());
const shared = () => {
  const schema = stack.use(temporarySchema());
  return {
    TERTULIA_STORE: postgresUrl,
    TERTULIA_STORE_SCHEMA: schema.name,
    TERTULIA_BUS: nats.url,
    TERTULIA_BUS_PREFIX: schema.name,
    TERTULIA_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
};
const subjects = [
  await open('embedded', stack, 1, {}),
  await open('one server', stack, 1, shared()),
  await open('two servers', stack, 2, shared()),
];
for (let each = -1; each < rounds; each += 1) for (const subject of subjects) await round(subject, each >= 0);

const base = median((subjects[0] as Subject).rows.map((each) => each.serverUs));
console.log(`${messages} messages a round, ${outstanding} at once, medians of ${rounds} rounds`);
for (const { name, rows } of subjects) {
  const of = (key: keyof Subject['rows'][number]) => median(rows.map((each) => each[key]));
  const server = of('serverUs');
  console.log(
    `${name.padEnd(12)}${of('perSecond').toFixed(0).padStart(6)} messages/s   ` +
      `${(1e6 / server).toFixed(0).padStart(6)} per CPU-second of the servers  × ${(base / server).toFixed(2)}   ` +
      `database ${of('databaseUs').toFixed(0).padStart(4)} µs a message`,
  );
}
process.exit();
