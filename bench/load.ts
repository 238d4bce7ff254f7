/**
 * The load program's side of the wire: HTTP and WebSocket by hand, as an SDK would need more of the machine than what is
 * measured. Answers and frames are read as far as their length and what is looked for in them.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A kept connection. One request at a time. */
export interface HttpConnection {
  /** Resolves to the status; `body` is then the answer's. */
  exchange(request: Buffer): Promise<number>;
  readonly body: Buffer;
  end(): void;
}

const endOfHead = '\r\n\r\n';

export async function openHttp(port: number): Promise<HttpConnection> {
  const socket = await opened(port);
  let received: Buffer = Buffer.alloc(0);
  let body: Buffer = received;
  let waiting: PromiseWithResolvers<number> | undefined;
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const head = received.indexOf(endOfHead);
    if (head < 0) return;
    const lines = received.toString('latin1', 0, head);
    const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(lines) ?? [];
    const end = head + endOfHead.length + Number(length);
    if (received.length < end) return;
    body = received.subarray(head + endOfHead.length, end);
    received = received.subarray(end);
    const status = Number(lines.slice(9, 12));
    const answered = waiting;
    waiting = undefined;
    answered?.resolve(status);
  });
  const fail = () => waiting?.reject(new Error('the server closed the connection'));
  socket.on('close', fail).on('error', fail);
  return {
    exchange(request) {
      if (socket.destroyed) return Promise.reject(new Error('the server closed the connection'));
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    get body() {
      return body;
    },
    end: () => void socket.destroy(),
  };
}

/** A request with a JSON body, as bytes. */
export function httpRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const all = { host: '127.0.0.1', ...headers, 'content-type': 'application/json' };
  const lines = Object.entries({ ...all, 'content-length': String(Buffer.byteLength(body)) });
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

/** Opens a WebSocket, says `greeting`, and hands on the payload of every text frame. Resolves when the first has come. */
export async function openWebSocket(
  port: number,
  path: string,
  greeting: string | undefined,
  heard: (payload: Buffer) => void,
): Promise<Socket> {
  const socket = await opened(port);
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const first = Promise.withResolvers<void>();
  let received: Buffer = Buffer.alloc(0);
  let isOpen = false;
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (!isOpen) {
      const head = received.indexOf(endOfHead);
      if (head < 0) return;
      const line = received.toString('latin1', 0, received.indexOf('\r\n'));
      if (!line.includes(' 101 ')) return first.reject(new Error(`no WebSocket: ${line}`));
      received = received.subarray(head + endOfHead.length);
      isOpen = true;
      if (greeting !== undefined) socket.write(frame(1, Buffer.from(greeting)));
      else first.resolve();
    }
    for (let next = frameIn(received); next; next = frameIn(received)) {
      const { opcode, from, to } = next;
      const payload = received.subarray(from, to);
      received = received.subarray(to);
      if (opcode === 9) socket.write(frame(10, payload));
      if (opcode !== 1) continue;
      first.resolve();
      heard(payload);
    }
  });
  socket.on('error', (failure) => first.reject(failure));
  await first.promise;
  return socket;
}

/** Where the first frame's payload is, if all of it is there. A server does not mask. */
function frameIn(bytes: Buffer): { readonly opcode: number; readonly from: number; readonly to: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const from = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < from) return undefined;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  const to = from + length;
  return bytes.length < to ? undefined : { opcode: (bytes[0] ?? 0) & 0x0f, from, to };
}

/** A client's frame of at most 125 bytes, under a mask that changes nothing. */
function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}
