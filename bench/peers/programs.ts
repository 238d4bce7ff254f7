/** Starts the peers' servers: private processes with a configuration and a folder of their own, on a loopback port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { cores, cpuSeconds, isPinned, project } from '../measure.ts';

export interface Program extends AsyncDisposable {
  readonly port: number;
  /** CPU so far of the process and of all that came from it. */
  cpu(): number;
  /** Messages in its archive, as the file has them. */
  archived(): number;
}

/** Where Debian puts them. */
const programs = { prosody: '/usr/bin/prosody', ejabberd: '/usr/sbin/ejabberdctl' } as const;

/**
 * All its stores in SQLite; only the modules that the work needs, and no limits. By default it keeps 100 rooms in memory:
 * with more in use each message would write one out and read another, five syncs instead of one. With its default of
 * garbage collection it handled 0.5 to 0.6 times the messages per CPU-second.
 */
export function startProsody(): Promise<Program> {
  const configuration = (folder: string, port: number) => `
modules_enabled = { "saslauth"; "disco"; }
modules_disabled = { "s2s" }
data_path = "${folder}"
certificates = "${folder}"
pidfile = "${folder}/prosody.pid"
interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
c2s_require_encryption = false
log = { { levels = { min = "warn" }, to = "console" } }
gc = { mode = "incremental", threshold = 400 }
storage = "sql"
sql = { driver = "SQLite3", database = "${folder}/archive.sqlite" }
VirtualHost "localhost"
  authentication = "anonymous"
Component "rooms.localhost" "muc"
  modules_enabled = { "muc_mam" }
  muc_room_cache_size = 1000
  muc_room_locking = false
  muc_log_by_default = true
  muc_log_all_rooms = true
`;
  return start({
    user: 'prosody',
    archive: `SELECT count(*) AS count FROM prosodyarchive WHERE store = 'muc_log'`,
    prepare(folder, port) {
      writeFileSync(join(folder, 'prosody.cfg.lua'), configuration(folder, port));
      return { command: [programs.prosody, '--config', join(folder, 'prosody.cfg.lua'), '-F'] };
    },
  });
}

/**
 * Its archive in SQLite, with Debian's own schema; only the modules that the work needs, and no limits. PostgreSQL, whose
 * CPU would count, made no difference per CPU-second; the archive in Mnesia is not synced at all.
 */
export function startEjabberd(): Promise<Program> {
  const configuration = (folder: string, port: number) => `
hosts: [localhost]
loglevel: warning
listen:
  - { port: ${port}, ip: "127.0.0.1", module: ejabberd_c2s }
auth_method: anonymous
anonymous_protocol: sasl_anon
allow_multiple_connections: true
sql_type: sqlite
sql_database: "${folder}/archive.sqlite"
modules:
  mod_muc:
    host: rooms.localhost
    default_room_options: { mam: true }
  mod_mam: { db_type: sql, default: always }
`;
  return start({
    user: 'ejabberd',
    archive: 'SELECT count(*) AS count FROM archive',
    schema: '/usr/share/ejabberd/sql/lite.sql',
    prepare(folder, port) {
      writeFileSync(join(folder, 'ejabberd.yml'), configuration(folder, port));
      // As ejabberdctl has it, but without a node name: so it needs no epmd and listens on nothing more.
      const command = `erl +K true +P 250000 -noinput -mnesia dir "${folder}" -s ejabberd`.split(' ');
      const [, libraries = ''] = /^ERL_LIBS='(.+)'$/m.exec(readFileSync(programs.ejabberd, 'utf8')) ?? [];
      const environment = {
        ERL_LIBS: libraries,
        ERL_CRASH_DUMP: join(folder, 'crash'),
        EJABBERD_CONFIG_PATH: join(folder, 'ejabberd.yml'),
        EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'),
        HOME: folder,
      };
      return { command, environment };
    },
  });
}

export function startSocketIo(): Promise<Program> {
  return start({
    archive: 'SELECT count(*) AS count FROM messages',
    prepare: (folder, port) => ({
      command: [
        process.execPath,
        join(project, 'bench/peers/socket-io.mjs'),
        join(folder, 'archive.sqlite'),
        `${port}`,
      ],
    }),
  });
}

interface Recipe {
  /** Whom Debian made for it: it runs as that one where this process is root. */
  readonly user?: string;
  /** Counts the messages in `archive.sqlite`. */
  readonly archive: string;
  /** A file with its tables, where it does not make them itself. */
  readonly schema?: string;
  prepare(
    folder: string,
    port: number,
  ): { readonly command: readonly string[]; readonly environment?: Readonly<Record<string, string>> };
}

async function start({ user, archive, schema, prepare }: Recipe): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-peer-'));
  const file = join(folder, 'archive.sqlite');
  // A database remembers that it is in WAL mode: one sync for a commit instead of several, and it is every user's first advice.
  // SQLite's default of synchronous, FULL, is left as it is.
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL');
  if (schema !== undefined) database.exec(readFileSync(schema, 'utf8'));
  database.close();
  const port = await freePort();
  const { command, environment } = prepare(folder, port);
  const [asUser, owner] = user !== undefined && userInfo().uid === 0 ? userOf(user) : [[]];
  if (owner) for (const each of ['', ...readdirSync(folder)]) chownSync(join(folder, each), owner.uid, owner.gid);
  const pinned = isPinned ? ['taskset', '-c', cores.server] : [];
  // It ends with this process, whatever that dies of.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...asUser, ...pinned, ...command], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await listening(child, port);
  } catch (failure) {
    await end();
    throw failure;
  }
  return {
    port,
    cpu: () => family(child.pid ?? 0).reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    archived() {
      using reader = new DatabaseSync(file, { readOnly: true });
      return Number(reader.prepare(archive).get()?.count);
    },
    [Symbol.asyncDispose]: end,
  };
}

function userOf(name: string): [readonly string[], { readonly uid: number; readonly gid: number }] {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = (line ?? '').split(':').map(Number);
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name}, as whom it would run`);
  return [['--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups'], { uid, gid }];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a server without a port');
  return address.port;
}

/** Resolves when something takes connections there; throws what the program wrote if it ends before. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4000);
    });
  }
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  for (const until = performance.now() + 30_000; performance.now() < until; ) {
    if (failure) throw failure;
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (await answers(port)) return;
    await pause(50);
  }
  throw new Error(`a peer was not ready within 30 s: ${text}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function family(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    try {
      const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8');
      found.push(...children.split(' ').filter(Boolean).map(Number));
    } catch {
      // It ended.
    }
  }
  return found;
}
