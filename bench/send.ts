/**
 * What a message costs: `SendMessage` over HTTP by connection token, durable before the answer, pushed to the three
 * sockets of its chat; 300 chats. Beside it the ceilings of `ceilings/send.ts`, driven by the same program.
 */
import { createHmac } from 'node:crypto';
import { connectParticipant, startChat, subscribeToChat } from './client.ts';
import { openConnection } from './connection.ts';
import { type HttpConnection, httpRequest, openHttp, openWebSocket } from './load.ts';
import {
  cpuSeconds,
  type Measurement,
  median,
  percentile,
  type Run,
  ratios,
  type Subject,
  shown,
  startSubject,
  startTertulia,
  type Table,
  takeTurns,
} from './measure.ts';

const chatCount = 300;
const socketsEach = 3;
export const levels = [8, 64, 256];
/** Messages a second, whatever the answers do. */
const rates = [500, 5000];
const seconds = 1.5;

/** A server under load, and what came of it. */
export interface Loaded extends AsyncDisposable {
  readonly name: string;
  readonly server: Subject;
  readonly requests: readonly Buffer[];
  /** Frames with a message that came to each message's chat. */
  readonly pushed: { count: number };
  readonly times: Times;
}

/** By the number of a message, in milliseconds. */
interface Times {
  readonly sent: Float64Array;
  readonly endToEnd: number[];
  /** Whether latencies are wanted. */
  isKept: boolean;
}

export interface Sample {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** Stands for the number of the message and its ClientToken, which are written over it. */
const numberAt = '~00000000';
const tokenAt = '00000000-0000-4000-8000-000000000000';
const content = `${numberAt} a message of usual length, as people write them`;
const mostMessages = 10_000_000;

/** What an SDK sends. */
function sending(path: string, bearer: string): Buffer {
  const headers = {
    'user-agent': 'aws-sdk-js/3.1136.0 ua/2.1 os/linux lang/js md/nodejs api/connectparticipant#3.1136.0',
    'amz-sdk-invocation-id': tokenAt,
    'amz-sdk-request': 'attempt=1; max=3',
    'x-amz-bearer': bearer,
  };
  const body = JSON.stringify({ ClientToken: tokenAt, Content: content, ContentType: 'text/plain' });
  return httpRequest('POST', path, headers, body);
}

function openTimes(): Times {
  return { sent: new Float64Array(1 << 20), endToEnd: [], isKept: false };
}

/** Counts a pushed message, and how long it was on its way. */
function counting(pushed: { count: number }, times: Times): (payload: Buffer) => void {
  return (payload) => {
    const at = payload.indexOf('~');
    if (at < 0) return;
    pushed.count += 1;
    if (!times.isKept) return;
    const number = Number(payload.toString('latin1', at + 1, at + numberAt.length));
    times.endToEnd.push(performance.now() - (times.sent[number % times.sent.length] ?? 0));
  };
}

export async function loadCeiling(kind: string): Promise<Loaded> {
  const server = await startSubject(['bench/ceilings/send.ts', kind, '{directory}'], /port (\d+)/);
  const [pushed, times] = [{ count: 0 }, openTimes()];
  const requests = Array.from({ length: chatCount }, (_, chat) => {
    const mac = createHmac('sha256', Buffer.alloc(32, 1)).update(String(chat)).digest('base64url');
    return sending('/', `${chat}.${mac}`);
  });
  for (let chat = 0; chat < chatCount && kind !== 'post'; chat += 1) {
    for (let each = 0; each < socketsEach; each += 1) {
      await openWebSocket(server.port, `/?chat=${chat}`, undefined, counting(pushed, times));
    }
  }
  return { name: kind, server, requests, pushed, times, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export async function loadTertulia(name = 'Tertulia', root?: string): Promise<Loaded> {
  const server = await startTertulia({}, [], root);
  const [pushed, times] = [{ count: 0 }, openTimes()];
  const requests: Buffer[] = [];
  using connection = await openConnection(server.port);
  for (let each = 0; each < chatCount; each += 1) {
    const participantToken = await startChat(connection);
    let bearer = '';
    for (let socket = 0; socket < socketsEach; socket += 1) {
      const { url, token } = await connectParticipant(connection, participantToken);
      const { pathname, search } = new URL(url);
      await openWebSocket(server.port, pathname + search, subscribeToChat, counting(pushed, times));
      bearer = token;
    }
    requests.push(sending('/participant/message', bearer));
  }
  return { name, server, requests, pushed, times, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

let numbered = 0;

/** The next message of a chat, as bytes of its own. */
function nextRequest({ requests, times }: Loaded): Buffer {
  numbered = (numbered + 1) % mostMessages;
  const template = requests[numbered % requests.length] as Buffer;
  const request = Buffer.from(template);
  const digits = String(numbered).padStart(8, '0');
  const body = request.indexOf('\r\n\r\n');
  request.write(digits, request.indexOf(tokenAt, body), 'latin1');
  request.write(digits, request.indexOf('~', body) + 1, 'latin1');
  times.sent[numbered % times.sent.length] = performance.now();
  return request;
}

/** So many at once, each sent when the answer of the one before has come. */
export async function closedLoop(loaded: Loaded, outstanding: number, isPushed = true): Promise<Sample> {
  const { server, pushed } = loaded;
  const connections = await Promise.all(Array.from({ length: outstanding }, () => openHttp(server.port)));
  const before = { cpu: cpuSeconds(server.pid), pushed: pushed.count };
  const began = performance.now();
  const until = began + seconds * 1000;
  let answered = 0;
  const work = async (connection: HttpConnection) => {
    while (performance.now() < until) {
      const status = await connection.exchange(nextRequest(loaded));
      if (status !== 200) throw new Error(`${loaded.name} answered ${status}: ${connection.body}`);
      answered += 1;
    }
  };
  await Promise.all(connections.map(work));
  const elapsed = (performance.now() - began) / 1000;
  if (isPushed) await arrived(loaded, before.pushed + answered * socketsEach);
  for (const each of connections) each.end();
  return { perSecond: answered / elapsed, perCpuSecond: answered / (cpuSeconds(server.pid) - before.cpu) };
}

/** Every message at every socket, or an error: speed by losing something is none. */
async function arrived({ pushed, name }: Loaded, expected: number): Promise<void> {
  const until = performance.now() + 10_000;
  while (pushed.count < expected && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
  if (pushed.count !== expected) throw new Error(`${name} pushed ${pushed.count} of ${expected}`);
}

interface Latency {
  readonly acknowledged: readonly number[];
  readonly endToEnd: readonly number[];
}

/** So many a second: what waits for a connection has begun to wait when it was due. */
async function openLoop(loaded: Loaded, rate: number): Promise<Latency> {
  const { server, pushed, times } = loaded;
  const idle = await Promise.all(Array.from({ length: 64 }, () => openHttp(server.port)));
  const connections = [...idle];
  const before = pushed.count;
  const acknowledged: number[] = [];
  times.endToEnd.length = 0;
  times.isKept = true;
  const total = rate * seconds;
  const began = performance.now();
  let [sent, answered] = [0, 0];
  const exchange = async (connection: HttpConnection, due: number) => {
    const request = nextRequest(loaded);
    times.sent[numbered % times.sent.length] = due;
    if ((await connection.exchange(request)) !== 200) throw new Error(`${loaded.name} refused: ${connection.body}`);
    acknowledged.push(performance.now() - due);
    answered += 1;
    idle.push(connection);
  };
  const running: Promise<void>[] = [];
  while (answered < total) {
    for (let due = dueAt(sent); sent < total && performance.now() >= due && idle.length > 0; due = dueAt(sent)) {
      sent += 1;
      running.push(exchange(idle.pop() as HttpConnection, due));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(running);
  await arrived(loaded, before + total * socketsEach);
  times.isKept = false;
  for (const each of connections) each.end();
  return { acknowledged, endToEnd: [...times.endToEnd] };

  function dueAt(number: number): number {
    return began + (number * 1000) / rate;
  }
}

export const measurement: Measurement = {
  name: 'send',
  async run(how) {
    await using stack = new AsyncDisposableStack();
    const post = stack.use(await loadCeiling('post'));
    const loaded: Loaded[] = [];
    for (const kind of ['bare', 'equal']) loaded.push(stack.use(await loadCeiling(kind)));
    how.progress(`send: ${chatCount} chats with ${socketsEach} sockets each`);
    loaded.push(stack.use(await loadTertulia()));
    return [await throughput(how, post, loaded), await latency(how, loaded)];
  },
};

async function throughput(how: Run, post: Loaded, loaded: readonly Loaded[]): Promise<Table> {
  const samples = new Map<string, Sample[]>();
  const cells = levels.flatMap((level) => [post, ...loaded].map((each) => ({ each, level })));
  await takeTurns(cells, { warming: 1, counted: how.rounds }, async ({ each, level }, isCounted, round) => {
    if (each === post && level === levels[0]) how.progress(`send: round ${round + 1} of ${how.rounds}`);
    const sample = await closedLoop(each, level, each !== post);
    const name = `${each.name} ${level}`;
    if (isCounted) samples.set(name, [...(samples.get(name) ?? []), sample]);
  });
  const of = (name: string, level: number, key: keyof Sample) =>
    (samples.get(`${name} ${level}`) ?? []).map((each) => each[key]);
  const rows = levels.map((level) => {
    const mine = of('Tertulia', level, 'perSecond');
    return [
      String(level),
      ...['bare', 'equal', 'Tertulia'].map((name) => shown(of(name, level, 'perSecond'))),
      shown(of('Tertulia', level, 'perCpuSecond')),
      shown(ratios(mine, of('equal', level, 'perSecond')), 2),
      shown(ratios(mine, of('bare', level, 'perSecond')), 2),
      median(ratios(of('bare', level, 'perSecond'), of('post', level, 'perSecond'))).toFixed(2),
    ];
  });
  return {
    title: 'send: messages a second, each durable and pushed to three sockets',
    columns: [
      'at once',
      'bare',
      'equal work',
      'Tertulia',
      'per CPU-second',
      'of equal work',
      'of bare',
      'bare of POST',
    ],
    rows,
    notes: ['The ceilings count where the last column is 0.20 or more.'],
  };
}

async function latency(how: Run, loaded: readonly Loaded[]): Promise<Table> {
  const samples = new Map<string, number[]>();
  const keep = (name: string, value: number) => samples.set(name, [...(samples.get(name) ?? []), value]);
  const cells = rates.flatMap((rate) => loaded.map((each) => ({ each, rate })));
  await takeTurns(cells, { warming: 0, counted: how.rounds }, async ({ each, rate }) => {
    how.progress(`send: ${each.name}, ${rate} a second`);
    const { acknowledged, endToEnd } = await openLoop(each, rate);
    for (const [what, values] of [
      ['ack', acknowledged],
      ['e2e', endToEnd],
    ] as const) {
      for (const share of [0.5, 0.99]) keep(`${each.name} ${rate} ${what} ${share}`, percentile(values, share));
    }
  });
  const of = (name: string, rate: number, what: string, share: number) =>
    samples.get(`${name} ${rate} ${what} ${share}`) ?? [];
  const rows = cells.map(({ each: { name }, rate }) => [
    `${rate}/s ${name}`,
    ...['ack', 'e2e'].flatMap((what) => [0.5, 0.99].map((share) => shown(of(name, rate, what, share), 2))),
    shown(ratios(of(name, rate, 'e2e', 0.99), of('equal', rate, 'e2e', 0.99)), 2),
  ]);
  return {
    title: 'send: milliseconds at a steady rate',
    columns: ['', 'ack p50', 'ack p99', 'end to end p50', 'end to end p99', 'p99 of equal work'],
    rows,
  };
}
