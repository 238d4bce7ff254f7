import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { within } from '../../test/support/journal.ts';
import { dialRaw, openTestListener } from '../../test/support/listener.ts';
import type { Request } from './request.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let folder: string;
let first: Pair;
let second: Pair;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tertulia-tls-'));
  first = pair('first');
  second = pair('second');
});
after(() => rmSync(folder, { recursive: true }));

/** A certificate for 127.0.0.1 that vouches for itself, with that common name. */
function pair(name: string): Pair {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,IP:::1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** A connection that trusts that certificate alone; rejects when the server shows another one. */
function dial(port: number, { cert }: Pair, host = '127.0.0.1'): Promise<TLSSocket> {
  return within(
    'a TLS connection',
    new Promise((resolve, reject) => {
      const socket = connectTls({ port, host, ca: cert }, () => resolve(socket));
      socket.on('error', reject);
    }),
  );
}

/** The name on the certificate that new connections are shown. */
async function shown(port: number, trusted: Pair): Promise<unknown> {
  const socket = await dial(port, trusted);
  const certificate: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate.subject.CN;
}

/** Answers with the request's path. */
const answer = async ({ path }: Request) => ({ status: 200, headers: {}, body: path });

describe('TLS', () => {
  it('[CF12] serves HTTPS with the certificate', async () => {
    await using listener = await openTestListener({ answer }, { tls: first });
    const request = httpsRequest({
      port: listener.port,
      host: '127.0.0.1',
      path: '/here',
      ca: first.cert,
      agent: false,
    });
    request.end();
    const response = await within(
      'an answer',
      new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
        request.on('response', resolve).on('error', reject);
      }),
    );
    assert.equal(await text(response), '/here');
  });

  it('[CF12] serves WSS on the same port', async () => {
    const server = new WebSocketServer({ noServer: true });
    server.on('connection', (ws) => ws.send('hello'));
    const upgrade: Parameters<typeof openTestListener>[0] = {
      upgrade: (request, _, __, socket, head) =>
        server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request)),
    };
    await using listener = await openTestListener(upgrade, { tls: first });
    const ws = new WebSocket(`wss://127.0.0.1:${listener.port}/`, { ca: first.cert });
    const message = await within(
      'a message',
      new Promise((resolve, reject) => {
        ws.on('message', (data) => resolve(String(data))).on('error', reject);
      }),
    );
    assert.equal(message, 'hello');
    ws.terminate();
  });

  it('[CF12] answers plain HTTP with nothing, and goes on', async () => {
    await using listener = await openTestListener({ answer }, { tls: first });
    using client = await dialRaw(listener.port);
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.doesNotMatch(await client.closed(), /HTTP\/1\.1 200/);
    assert.equal(await shown(listener.port, first), 'first');
  });

  it('[CF12] shows a new certificate to new connections; old ones stay open', async () => {
    await using listener = await openTestListener({ answer }, { tls: first, alsoLoopback6: false });
    const old = await dial(listener.port, first);
    listener.replaceTls(second);
    assert.equal(await shown(listener.port, second), 'second');
    await assert.rejects(dial(listener.port, first), /self-signed certificate|unable to verify/);
    old.write('GET /still HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assert.match(await text(old), /\/still/);
  });

  for (const [what, broken] of [
    ['a key of another certificate', () => ({ cert: second.cert, key: first.key })],
    ['a certificate that is none', () => ({ cert: 'nonsense', key: second.key })],
    ['a key that is none', () => ({ cert: second.cert, key: 'nonsense' })],
    ['an empty certificate', () => ({ cert: '', key: second.key })],
    ['an empty key', () => ({ cert: second.cert, key: '' })],
    ['a certificate that is cut', () => ({ cert: second.cert.slice(0, 200), key: second.key })],
  ] as const) {
    it(`[CF12] keeps the old certificate when the new pair is ${what}, and says so`, async () => {
      await using listener = await openTestListener({ answer }, { tls: first });
      assert.throws(() => listener.replaceTls(broken()));
      assert.equal(await shown(listener.port, first), 'first');
      listener.replaceTls(second);
      assert.equal(await shown(listener.port, second), 'second');
    });

    it(`[CF12] does not start with ${what}`, async () => {
      await assert.rejects(openTestListener({ answer }, { tls: broken() }));
    });
  }

  it('[CF12] survives connections that break off in the handshake', async () => {
    await using listener = await openTestListener({ answer }, { tls: first });
    for (const sent of ['', '\x16\x03\x01\x02\x00\x01', '\x16\x03\x01\x00\x05hello']) {
      const socket = connect(listener.port, '127.0.0.1');
      await new Promise<void>((resolve) => {
        socket.on('connect', () => {
          socket.write(Buffer.from(sent, 'latin1'), () => socket.resetAndDestroy());
        });
        socket.on('close', () => resolve());
      });
    }
    assert.equal(await shown(listener.port, first), 'first');
  });
});
