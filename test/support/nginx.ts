import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from './journal.ts';
import { freePorts } from './ports.ts';
import { programPath } from './program-path.ts';
import { projectFile } from './source.ts';

/** A real nginx with the configuration that users copy. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
  readonly endpoint: string;
  /** What it has written about requests, and about itself. */
  logs(): string;
}

export const nginxFile = 'examples/nginx/nginx.conf';

/**
 * The file as it is, but for ports and for where its files are: it runs as any user. `change` is made to its text before,
 * and must change something.
 */
export async function startNginx(
  nodes: readonly [number, number],
  { port, change }: { readonly port?: number; readonly change?: (text: string) => string } = {},
): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-nginx-'));
  // Its workers are another user's.
  chmodSync(folder, 0o755);
  const [own = 0] = port === undefined ? await freePorts(1) : [port];
  const shown = projectFile(nginxFile);
  const changed = change ? change(shown) : shown;
  if (change && changed === shown) throw new Error(`${nginxFile} has nothing to change there`);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${each};`);
  const text = changed
    .replace('http {', `http {\n${places.join('\n')}`)
    .replaceAll('/var/log/nginx', folder)
    .replace('127.0.0.1:8378', `127.0.0.1:${nodes[0]}`)
    .replace('127.0.0.1:8379', `127.0.0.1:${nodes[1]}`)
    .replace('listen 8080;', `listen 127.0.0.1:${own};`);
  const [file, logs] = [join(folder, 'nginx.conf'), ['access.log', 'error.log'].map((name) => join(folder, name))];
  mkdirSync(join(folder, 'run'));
  writeFileSync(file, text);
  const more = `daemon off; pid ${join(folder, 'run', 'pid')}; lock_file ${join(folder, 'run', 'lock')};`;
  const child = spawn(programPath('nginx') ?? 'nginx', ['-p', folder, '-c', file, '-e', logs[1] ?? '', '-g', more], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const closed = once(child, 'close');
  const failed = closed.then(([code]) => Promise.reject(new Error(`nginx ended with ${code}: ${stderr}`)));
  failed.catch(() => {});
  await within('nginx to take connections', Promise.race([taking(own), failed]), () => stderr);
  return {
    port: own,
    endpoint: `http://127.0.0.1:${own}`,
    logs: () => logs.map((each) => readFileSync(each, 'utf8')).join(''),
    async [Symbol.asyncDispose]() {
      // Not SIGKILL, which would leave its workers.
      child.kill('SIGTERM');
      await closed;
      rmSync(folder, { recursive: true });
    },
  };
}

async function taking(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const outcome = await once(socket, 'connect').then(
      () => 'open',
      () => 'refused',
    );
    socket.destroy();
    if (outcome === 'open') return;
  }
}
