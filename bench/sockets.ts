/**
 * Resident memory of an idle subscribed WebSocket, each of a chat of its own, beside bare `ws`; and with `--full` how long
 * it takes until 5,000 clients are back after the server was killed.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { WebSocket } from 'ws';
import { connectParticipant, readTranscript, startChat, subscribe } from './client.ts';
import { atOnce, type Connection, openConnection } from './connection.ts';
import {
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

const wanted = 10_000;
/** Other files of a process that holds the sockets. */
const spare = 500;
const dialling = 64;
const stormClients = 5_000;
/** How long a client waits that was refused. */
const retryMs = 250;

export const measurement: Measurement = {
  name: 'sockets',
  async run(how) {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
    try {
      const count = Math.min(wanted, openFiles() - spare);
      const tokens = await startChats(folder, count, how);
      const tables = [await memory(folder, tokens, how)];
      if (how.isFull) tables.push(await storm(folder, tokens.slice(0, stormClients), how));
      return tables;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** Node takes as many as the hard limit lets it. */
function openFiles(): number {
  const [, limit] = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(limit);
}

/** The chats are there before anything is measured, and their customers connected: what is left is what a client does again. */
async function startChats(folder: string, count: number, { progress }: Run): Promise<string[]> {
  progress(`sockets: starting ${count.toLocaleString('en')} chats`);
  await using server = await startTertulia({ TERTULIA_DATA_DIR: folder });
  using pool = await openPool(server.port);
  const tokens: string[] = [];
  await atOnce(dialling, count, async (index) => {
    await pool.with(async (connection) => {
      const token = await startChat(connection);
      await connectParticipant(connection, token);
      tokens[index] = token;
    });
  });
  return tokens;
}

async function openPool(port: number) {
  const free = await Promise.all(Array.from({ length: dialling }, () => openConnection(port)));
  const all = [...free];
  return {
    async with<T>(task: (connection: Connection) => Promise<T>): Promise<T> {
      const connection = free.pop();
      if (!connection) throw new Error('more tasks than connections');
      const result = await task(connection);
      free.push(connection);
      return result;
    },
    [Symbol.dispose]() {
      for (const connection of all) connection[Symbol.dispose]();
    },
  };
}

interface Side {
  readonly name: string;
  start(environment: Readonly<Record<string, string>>, flags: readonly string[]): Promise<Subject>;
  /** Where each client dials. */
  urls(subject: Subject): Promise<readonly string[]>;
  readonly resident: number[];
  readonly heap: number[];
}

async function memory(folder: string, tokens: readonly string[], how: Run): Promise<Table> {
  const tertulia: Side = {
    name: 'Tertulia',
    start: (environment, flags) => startTertulia({ TERTULIA_DATA_DIR: folder, ...environment }, flags),
    urls: ({ port }) => socketUrls(port, tokens),
    ...{ resident: [], heap: [] },
  };
  const bare: Side = {
    name: 'bare ws',
    start: (environment, flags) => startSubject([...flags, 'bench/ceilings/sockets.ts'], /ready on (\d+)/, environment),
    urls: async ({ port }) => tokens.map(() => `ws://127.0.0.1:${port}/`),
    ...{ resident: [], heap: [] },
  };
  await takeTurns([bare, tertulia], { warming: 0, counted: how.rounds }, async (side, _, round) => {
    how.progress(`sockets: round ${round}, ${side.name}`);
    await measure(side, folder);
  });
  const rows = [bare, tertulia].map(({ name, resident, heap }) => {
    const beside = median(ratios(resident, bare.resident)).toFixed(2);
    return [name, shown(resident, 1), beside, shown(heap, 1)];
  });
  return {
    title: `sockets: memory of each of ${tokens.length.toLocaleString('en')} idle subscribed WebSockets`,
    columns: ['server', 'KB resident', '× bare ws', 'KB of heap'],
    rows,
    notes: [
      `Garbage is collected before both readings, without sockets and with them. Target: at most 1.50.${
        tokens.length < wanted ? ` ${wanted.toLocaleString('en')} need ulimit -n ${wanted + spare}.` : ''
      }`,
    ],
  };
}

async function measure({ start, urls, resident, heap }: Side, folder: string): Promise<void> {
  const probe = join(folder, 'probe');
  rmSync(probe, { force: true });
  await using subject = await start({ BENCH_PROBE: probe }, ['--expose-gc', '--import', './bench/probe.ts']);
  const dialled = await urls(subject);
  const before = await collected(probe);
  const sockets: WebSocket[] = [];
  await atOnce(dialling, dialled.length, async (index) => {
    sockets.push(await subscribe(dialled[index] ?? ''));
  });
  const after = await collected(probe);
  resident.push((after.rss - before.rss) / dialled.length / 1000);
  heap.push((after.heapUsed - before.heapUsed) / dialled.length / 1000);
  for (const socket of sockets) socket.terminate();
}

async function collected(probe: string): Promise<NodeJS.MemoryUsage> {
  return JSON.parse(await text(connect(probe)));
}

async function socketUrls(port: number, tokens: readonly string[]): Promise<string[]> {
  using pool = await openPool(port);
  const urls: string[] = [];
  await atOnce(dialling, tokens.length, async (index) => {
    urls[index] = (await pool.with((connection) => connectParticipant(connection, tokens[index] ?? ''))).url;
  });
  return urls;
}

/** All clients lose their sockets at once, when the server is killed, and come back as soon as it is there again. */
async function storm(folder: string, tokens: readonly string[], { rounds, progress }: Run): Promise<Table> {
  const [seconds, medians, tails, refused]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round += 1) {
    progress(`sockets: storm ${round}`);
    const first = await startTertulia({ TERTULIA_DATA_DIR: folder });
    const clients: WebSocket[] = [];
    await atOnce(dialling, tokens.length, async (index) => {
      clients.push((await comeBack(first.port, tokens[index] ?? '')).socket);
    });
    const lost = Promise.all(clients.map((socket) => once(socket, 'close')));
    await first[Symbol.asyncDispose]();
    await lost;
    await using second = await startTertulia({ TERTULIA_DATA_DIR: folder });
    const began = performance.now();
    const times: number[] = [];
    let refusals = 0;
    const back = tokens.map(async (token) => {
      const { socket, refused } = await comeBack(second.port, token);
      times.push((performance.now() - began) / 1000);
      refusals += refused;
      return socket;
    });
    for (const socket of await Promise.all(back)) socket.terminate();
    seconds?.push(Math.max(...times));
    medians?.push(median(times));
    tails?.push(percentile(times, 0.99));
    refused?.push(refusals);
  }
  return {
    title: `sockets: ${tokens.length.toLocaleString('en')} clients come back to a server that was killed`,
    columns: ['half are back, s', '99 % are back, s', 'all are back, s', 'attempts that failed'],
    rows: [[shown(medians ?? [], 2), shown(tails ?? [], 2), shown(seconds ?? [], 2), shown(refused ?? [])]],
    notes: [
      `All at once from when the server is ready: CreateParticipantConnection, WebSocket, subscribe, GetTranscript, each on connections of its own; a failed attempt is repeated after ${retryMs} ms.`,
    ],
  };
}

async function comeBack(port: number, token: string): Promise<{ socket: WebSocket; refused: number }> {
  for (let refused = 0; ; refused += 1) {
    try {
      using connection = await openConnection(port);
      const connected = await connectParticipant(connection, token);
      const socket = await subscribe(connected.url);
      await readTranscript(connection, connected.token);
      return { socket, refused };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
