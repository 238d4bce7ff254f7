/**
 * Messages per CPU-second beside servers that do the same work: a message is on the disk, then its sender knows, and
 * three receivers have it.
 *
 *   apt-get install prosody lua-dbi-sqlite3 ejabberd erlang-p1-sqlite3
 *   npm run bench -- --only peers
 *
 * Debian's programs are run as processes of this measurement, never as the services of the machine: configuration, data
 * and port are their own, on loopback, and they end with it. A peer whose program is missing is left out, and the table
 * says so. Socket.IO and better-sqlite3 are no dependencies of the project: the first run installs them into
 * bench/peers/node_modules.
 *
 * 300 rooms, each with three connections of its own, 64 messages of 200 characters outstanding. All servers are up, on
 * the same core, and take turns; one of them is loaded at a time. A round counts only if each of its messages came
 * exactly three times, and at the end every archive must hold every message. CPU is that of all processes of a server.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuSeconds, type Measurement, type Run, ratios, shown, startTertulia, takeTurns } from './measure.ts';
import { type Clients, rooms } from './peers/deliveries.ts';
import { debianMissing, debianVersion, installSocketIo, npmVersion } from './peers/install.ts';
import { type Program, startEjabberd, startProsody, startSocketIo } from './peers/programs.ts';
import { openSocketIo } from './peers/socket-io.ts';
import { openTertulia } from './peers/tertulia.ts';
import { openXmpp } from './peers/xmpp.ts';

const outstanding = 64;
const roundSeconds = 3;
/** Before the first round each is loaded until it is warm, as compilers and caches count in messages and not in seconds. */
const warming = { messages: 5000, seconds: 15 } as const;
/** A round that takes longer has hung. */
const patience = 60_000;

interface Peer {
  readonly name: string;
  /** What to run to have its program, if it is not there. */
  missing(progress: Run['progress']): string | undefined;
  start(): Promise<Program>;
  open(port: number): Promise<Clients>;
  /** How it was set up. Syncs are those that strace counted under this load, once, when this was written. */
  note(): string;
}

interface Subject {
  readonly program: Program;
  readonly clients: Clients;
  readonly rows: { readonly perSecond: number; readonly perCpuSecond: number }[];
  sent: number;
  /** CPU-seconds that it used while another one was loaded. */
  idle: number;
}

const peers: readonly Peer[] = [
  {
    name: 'Tertulia',
    missing: () => undefined,
    start: tertulia,
    open: (port) => openTertulia(port, outstanding),
    note: () =>
      'Tertulia: as `npm start` has it, with the embedded store: SQLite, WAL, synchronous=FULL. One sync for all the messages that wait, 0.1 a message. SendMessage over kept HTTP connections; a customer, an agent and a supervisor in each chat, with a WebSocket each.',
  },
  {
    name: 'Prosody',
    missing: () => debianMissing('prosody', 'lua-dbi-sqlite3'),
    start: startProsody,
    open: openXmpp,
    note: () =>
      `Prosody ${debianVersion('prosody')}: mod_muc_mam in SQLite, WAL, synchronous=FULL. One sync a message, before it is reflected. In its favour: only the modules needed, 1000 rooms in memory instead of 100, less garbage collection than by default (nearly twice the messages per CPU-second), no TLS.`,
  },
  {
    name: 'ejabberd',
    missing: () => debianMissing('ejabberd', 'erlang-p1-sqlite3'),
    start: startEjabberd,
    open: openXmpp,
    note: () =>
      `ejabberd ${debianVersion('ejabberd')}: mod_mam in SQLite, WAL, synchronous=FULL. One sync a message, before it is reflected. In its favour: only the modules needed, no TLS. With PostgreSQL instead, 1.4 times the messages/s and as many per CPU-second; its Mnesia archive is never synced.`,
  },
  {
    name: 'Socket.IO',
    missing: installSocketIo,
    start: startSocketIo,
    open: openSocketIo,
    note: () =>
      `Socket.IO ${npmVersion('socket.io')} with better-sqlite3 ${npmVersion('better-sqlite3')}: bench/peers/socket-io.mjs, WAL, synchronous=FULL. One sync a message, before it is sent to its room. In its favour: no authentication, WebSocket only.`,
  },
];

export const measurement: Measurement = {
  name: 'peers',
  isLong: true,
  async run(how) {
    await using stack = new AsyncDisposableStack();
    const missing = new Map<Peer, string>();
    const subjects = new Map<Peer, Subject>();
    for (const peer of peers) {
      const absent = peer.missing(how.progress);
      if (absent !== undefined) missing.set(peer, absent);
      else {
        how.progress(`peers: ${peer.name} is started, and ${rooms} rooms are entered`);
        const program = stack.use(await peer.start());
        const clients = stack.use(await peer.open(program.port));
        subjects.set(peer, { program, clients, rows: [], sent: 0, idle: 0 });
      }
    }
    const all = [...subjects.values()];
    await takeTurns([...subjects], { warming: 1, counted: how.rounds }, async ([peer, subject], isCounted, number) => {
      how.progress(`peers: ${isCounted ? `round ${number + 1} of ${how.rounds}` : 'warming up'}, ${peer.name}`);
      const others = all.filter((each) => each !== subject);
      const before = others.map(({ program }) => program.cpu());
      const { messages, seconds } = warming;
      const row = await round(
        subject,
        isCounted ? (_, passed) => passed < roundSeconds : (sent, passed) => sent < messages && passed < seconds,
      );
      if (isCounted) subject.rows.push(row);
      for (const [index, other] of others.entries()) other.idle += other.program.cpu() - (before[index] ?? 0);
    });
    for (const [{ name }, { program, sent }] of subjects) {
      if (program.archived() !== sent) throw new Error(`${name} has ${program.archived()} messages and not ${sent}`);
    }
    return [table(subjects, missing)];
  },
};

async function round(
  subject: Subject,
  goesOn: (sent: number, seconds: number) => boolean,
): Promise<Subject['rows'][number]> {
  const { program, clients } = subject;
  const from = subject.sent;
  const cpu = program.cpu();
  const began = performance.now();
  const worker = async () => {
    while (goesOn(subject.sent - from, (performance.now() - began) / 1000)) {
      subject.sent += 1;
      await clients.send(subject.sent - 1);
    }
  };
  const hung = new AbortController();
  const late = pause(patience, undefined, { signal: hung.signal }).then(() => {
    throw new Error(`a round has not ended after ${patience / 1000} s`);
  });
  late.catch(() => {});
  try {
    await Promise.race([Promise.all(Array.from({ length: outstanding }, worker)), clients.failure, late]);
    const seconds = (performance.now() - began) / 1000;
    await clients.complete(from, subject.sent);
    const messages = subject.sent - from;
    return { perSecond: messages / seconds, perCpuSecond: messages / (program.cpu() - cpu) };
  } finally {
    hung.abort();
  }
}

function table(subjects: ReadonlyMap<Peer, Subject>, missing: ReadonlyMap<Peer, string>) {
  const own = [...subjects.values()][0]?.rows.map((each) => each.perCpuSecond) ?? [];
  const rows = peers.map((peer) => {
    const rows = subjects.get(peer)?.rows;
    if (!rows) return [peer.name, `not installed (${missing.get(peer)})`, '', ''];
    const perCpuSecond = rows.map((each) => each.perCpuSecond);
    const ratio = peer === peers[0] ? '1' : shown(ratios(own, perCpuSecond), 1);
    return [peer.name, shown(rows.map((each) => each.perSecond)), shown(perCpuSecond), ratio];
  });
  const idle = [...subjects].map(([{ name }, subject]) => `${name} ${subject.idle.toFixed(2)} s`).join(', ');
  return {
    title: 'Peers: a durable message to three receivers',
    columns: ['server', 'messages/s', 'messages per CPU-second', 'Tertulia to it'],
    rows,
    notes: [
      ...peers.filter((peer) => subjects.has(peer)).map(({ note }) => note()),
      `CPU of each while it was idle, in all rounds of the others together: ${idle}.`,
    ],
  };
}

async function tertulia(): Promise<Program> {
  const subject = await startTertulia();
  return {
    port: subject.port,
    cpu: () => cpuSeconds(subject.pid),
    archived() {
      using reader = new DatabaseSync(join(subject.directory, 'tertulia.db'), { readOnly: true });
      return Number(reader.prepare(`SELECT count(*) AS count FROM item WHERE content LIKE '~%'`).get()?.count);
    },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
}
