import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Log } from '../runtime/log.ts';
import { type Metric, plain } from '../runtime/metrics.ts';
import type { Steady } from '../runtime/steady.ts';
import { textFrame } from '../wire/frame.ts';
import type { Hub, Joining, Seat } from './hub.ts';
import type { Peer } from './room.ts';
import type { PushSettings } from './settings.ts';

/** The WebSockets of this process. */
export interface SocketServer extends AsyncDisposable {
  /**
   * Takes over an upgrade that was authenticated. The handshake is completed once the hub has the socket: so whatever
   * is committed after the client sees it open is delivered, and no frame can come too early.
   */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, who: Joining): void;
  /** Closes all sockets with 1001; resolves when they are gone. New ones may come. */
  closeAll(): Promise<void>;
  metrics(): readonly Metric[];
}

export interface SocketParts {
  readonly hub: Pick<Hub, 'join'>;
  readonly steady: Steady;
  readonly log: Log;
  readonly settings: PushSettings;
}

interface Server {
  readonly parts: SocketParts;
  readonly handshakes: WebSocketServer;
  readonly open: Set<Connection>;
  /** Bytes that all clients together have not read, as far as they were counted when something was sent. */
  unread: number;
  readonly framed: (text: string) => Buffer;
  /** Since the start. */
  opened: number;
  isStopping: boolean;
}

interface Connection {
  readonly who: Joining;
  /** Below the WebSocket. */
  readonly stream: Duplex;
  /** Undefined until the handshake. */
  ws: WebSocket | undefined;
  seat: Seat | undefined;
  /** Its part in `unread`. */
  counted: number;
  /** The last ping was answered. */
  isAlive: boolean;
  /** Calls off the end of a socket that is suspected to be dead. */
  probe: (() => void) | undefined;
  isClosed: boolean;
}

export function openSocketServer(parts: SocketParts): SocketServer {
  const { steady, log, settings } = parts;
  const server: Server = {
    parts,
    handshakes: handshakes(settings),
    open: new Set(),
    unread: 0,
    framed: openFraming(),
    opened: 0,
    isStopping: false,
  };
  return {
    accept(request, socket, head, who) {
      // A connection that breaks before or after its handshake must not end the process.
      socket.on('error', destroyThis);
      const giveUp = steady.after(settings.upgradeMs, () => refuse(socket, '503 Service Unavailable'));
      upgrade(server, request, socket, head, who)
        .catch((failure: unknown) => {
          if (!server.isStopping) log.warn({ err: failure, chat: who.chatKey }, 'a socket could not be opened');
          refuse(socket, '503 Service Unavailable');
        })
        .finally(giveUp);
    },
    closeAll: () => closeAll(server),
    metrics: () => metrics(server),
    [Symbol.asyncDispose]() {
      server.isStopping = true;
      return closeAll(server);
    },
  };
}

/** One for all sockets, rather than a closure that each of them holds. */
function destroyThis(this: Duplex): void {
  this.destroy();
}

function metrics(server: Server): readonly Metric[] {
  for (const connection of server.open) if (connection.counted > 0) count(server, connection);
  return [
    {
      name: 'tertulia_sockets_open',
      help: 'WebSockets that are open.',
      kind: 'gauge',
      values: plain(server.open.size),
    },
    {
      name: 'tertulia_sockets_opened_total',
      help: 'WebSockets that were opened.',
      kind: 'counter',
      values: plain(server.opened),
    },
    {
      name: 'tertulia_sockets_unread_bytes',
      help: 'What was sent to sockets and their clients have not read.',
      kind: 'gauge',
      values: plain(server.unread),
    },
  ];
}

function handshakes(settings: PushSettings): WebSocketServer {
  const options = {
    noServer: true,
    // It would cost 200 KB a socket after one message.
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: settings.maxFrameBytes,
    // How long a close may go unanswered; not in the types of `ws` yet.
    closeTimeout: settings.closeMs,
    WebSocket: socketThatSaysWhy(settings),
  };
  return new WebSocketServer(options);
}

async function upgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer, who: Joining) {
  const connection: Connection = {
    who,
    stream: socket,
    ws: undefined,
    seat: undefined,
    counted: 0,
    isAlive: true,
    probe: undefined,
    isClosed: false,
  };
  const seat = await server.parts.hub.join(who, peer(server, connection));
  if ('refused' in seat) return refuse(socket, '403 Forbidden');
  connection.seat = seat;
  try {
    if (server.isStopping || connection.isClosed || socket.writableEnded)
      return refuse(socket, '503 Service Unavailable');
    // Calls back before it returns, or never: then it has answered what is wrong with the request.
    server.handshakes.handleUpgrade(request, socket, head, (ws) => attend(server, connection, ws, seat));
  } finally {
    if (!connection.ws) seat.leave();
  }
}

function refuse(socket: Duplex, statusLine: string): void {
  if (socket.writableEnded || socket.destroyed) return;
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${statusLine}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function attend(server: Server, connection: Connection, ws: WebSocket, seat: Seat): void {
  const { steady, settings, log } = server.parts;
  const chat = connection.who.chatKey;
  connection.ws = ws;
  server.open.add(connection);
  server.opened += 1;
  const stopPings = steady.every(settings.pingMs, () => {
    if (!connection.isAlive) return ws.terminate();
    connection.isAlive = false;
    ws.ping();
  });
  ws.on('message', (data, isBinary) => seat.received(isBinary ? undefined : String(data)));
  ws.on('ping', () => seat.received());
  ws.on('pong', () => {
    connection.isAlive = true;
    trust(connection);
    seat.received();
  });
  ws.on('error', (failure) => {
    log.info({ err: failure, chat }, 'a socket is closed for what it sent, or broke');
    seat.leave();
  });
  ws.on('close', (code) => {
    log.debug({ chat, code }, 'a socket closed');
    stopPings();
    trust(connection);
    seat.leave();
    server.open.delete(connection);
    server.unread -= connection.counted;
  });
}

function peer(server: Server, connection: Connection): Peer {
  const { maxBufferedBytes, maxBufferedBytesInAll } = server.parts.settings;
  return {
    send(frame) {
      if (connection.ws?.readyState !== WebSocket.OPEN) return;
      connection.stream.write(server.framed(frame));
      const unread = count(server, connection);
      if (unread > maxBufferedBytes) close(server, connection, 1013, `slow reader: ${unread} bytes unread`);
      if (server.unread > maxBufferedBytesInAll) relieve(server, maxBufferedBytesInAll);
    },
    probe: () => probe(server, connection),
    close: (code, reason) => close(server, connection, code, reason),
  };
}

/** A ping that must be answered at once, beside those that keep their time. */
function probe({ parts: { steady, settings, log } }: Server, connection: Connection): void {
  const { who, ws } = connection;
  if (connection.probe || ws?.readyState !== WebSocket.OPEN) return;
  connection.probe = steady.after(settings.probeMs, () => {
    log.info({ chat: who.chatKey, participant: who.participantId }, 'a socket is ended: its client is gone');
    ws.terminate();
  });
  ws.ping();
}

function trust(connection: Connection): void {
  connection.probe?.();
  connection.probe = undefined;
}

/** What the client has not read; keeps the sum of all. */
function count(server: Server, connection: Connection): number {
  const unread = connection.ws?.bufferedAmount ?? 0;
  server.unread += unread - connection.counted;
  connection.counted = unread;
  return unread;
}

/** Cuts off those that hold most until the rest is within the bound. What was read meanwhile is counted out first. */
function relieve(server: Server, bound: number): void {
  for (const connection of server.open) if (connection.counted > 0) count(server, connection);
  if (server.unread <= bound) return;
  for (const connection of [...server.open].sort((one, other) => other.counted - one.counted)) {
    if (server.unread <= bound) return;
    const { counted, who } = connection;
    server.parts.log.warn(
      { chat: who.chatKey, participant: who.participantId, unread: counted, unreadInAll: server.unread, bound },
      'clients left too much unread; the socket that held most is cut off',
    );
    server.unread -= counted;
    connection.counted = 0;
    // A close frame would wait behind what is not read, and keep that in memory.
    connection.seat?.leave();
    connection.ws?.terminate();
  }
}

function close(server: Server, connection: Connection, code: number, reason: string): void {
  const { who, seat, ws } = connection;
  connection.isClosed = true;
  seat?.leave();
  if (ws?.readyState !== WebSocket.OPEN) return;
  if (code > 1001) {
    server.parts.log.info({ chat: who.chatKey, participant: who.participantId, code, reason }, 'a socket is closed');
  }
  ws.close(code, reason);
}

/** Closes all sockets with 1001; resolves when they are gone, those that do not answer within `stopMs` by force. */
async function closeAll(server: Server): Promise<void> {
  const { steady, settings } = server.parts;
  const gone = [...server.open].map((connection) => {
    const left = new Promise<void>((resolve) => connection.ws?.once('close', () => resolve()));
    close(server, connection, 1001, 'going away');
    return left;
  });
  const giveUp = steady.after(settings.stopMs, () => {
    for (const { ws } of server.open) ws?.terminate();
  });
  await Promise.all(gone);
  giveUp();
}

/**
 * What goes to many sockets goes to one after the other: its bytes are made for the first of them, and written as they are
 * to all; `ws` would make a header and write two pieces for each. As nothing is compressed, it holds nothing back, and what
 * it sends itself keeps its place.
 */
function openFraming(): (text: string) => Buffer {
  let [last, bytes]: [string | undefined, Buffer] = [undefined, Buffer.alloc(0)];
  return (text) => {
    if (text !== last) [last, bytes] = [text, textFrame(text)];
    return bytes;
  };
}

/** For a wrong frame `ws` closes with the right code, but without a word. */
function socketThatSaysWhy({ maxFrameBytes }: PushSettings): typeof WebSocket {
  const reasons: Readonly<Record<number, string>> = {
    1002: 'the frame breaks the WebSocket protocol',
    1007: 'the text of the frame is not UTF-8',
    1008: 'the frame comes in too many parts',
    1009: `the frame is over ${maxFrameBytes} bytes`,
  };
  return class extends WebSocket {
    override close(code?: number, reason?: string | Buffer): void {
      super.close(code, reason ?? (code === undefined ? undefined : reasons[code]));
    }
  };
}
