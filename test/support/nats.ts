import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { within } from './journal.ts';
import { missing, programPath } from './program-path.ts';

/** A real nats-server on a port of its own, that keeps its port and its streams over restarts and ends with the test. */
export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  /** `nats://127.0.0.1:port`, without credentials. */
  readonly url: string;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts again after a kill; resolves when it takes connections. */
  restart(): Promise<void>;
}

/** Why tests that need a server of their own are skipped. */
export const natsMissing = missing('nats-server');

const usual = 'nats://127.0.0.1:4222';
const given = process.env.TERTULIA_TEST_NATS_URL;
const found = given ?? ((await answers(usual)) ? usual : undefined);

/** Why tests that need any server are skipped. */
export const natsUrlMissing = found === undefined && natsMissing;

async function answers(url: string): Promise<boolean> {
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
  try {
    const [word] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) });
    return String(word).startsWith('INFO ');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * A server for tests that leave it alone: the one that TERTULIA_TEST_NATS_URL names or that answers at the usual place,
 * which others use as well, or one of their own.
 */
export async function anyNatsServer(): Promise<AsyncDisposable & { readonly url: string }> {
  return found === undefined ? startNatsServer() : { url: found, async [Symbol.asyncDispose]() {} };
}

/** `settings` are more lines of its configuration file, such as users. JetStream is on. */
export async function startNatsServer(settings = ''): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-nats-'));
  const file = join(folder, 'nats.conf');
  writeFileSync(file, `host: 127.0.0.1\njetstream { store_dir: ${JSON.stringify(folder)} }\n${settings}\n`);
  let child: ChildProcess | undefined;
  let port = -1;
  const start = async () => {
    const started = spawn(programPath('nats-server') ?? 'nats-server', ['--config', file, '--port', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    const lines: string[] = [];
    const ready = (async () => {
      for await (const line of createInterface({ input: started.stderr })) {
        lines.push(line);
        const [, listening] = /Listening for client connections on \S+:(\d+)/.exec(line) ?? [];
        if (listening !== undefined) port = Number(listening);
        if (line.includes('Server is ready')) return;
      }
      throw new Error(`nats-server ended: ${lines.join('\n')}`);
    })();
    await within('nats-server to be ready', ready, () => lines);
    // What it writes from now on must not fill the pipe.
    started.stderr.resume();
  };
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    kill,
    restart: start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Lends a certificate of `localhost`: `settings` for a server, and the way to trust it, which lasts for the process. */
export async function withCertificate(
  run: (lent: { readonly settings: string; readonly trust: () => void }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-nats-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const subject = ['-subj', '/CN=nats', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    await run({
      settings: `tls { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)} }`,
      trust: () => setDefaultCACertificates([...getCACertificates(), readFileSync(cert, 'utf8')]),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
