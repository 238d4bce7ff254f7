import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { commonFault } from '../fault.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import { type Metric, plain } from '../runtime/metrics.ts';
import type { Steady } from '../runtime/steady.ts';
import { faultReply } from './reply.ts';
import type { Head, Reply, Request, StreamReply } from './request.ts';

export interface ListenerSettings {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** Also listens on ::1, on the same port, where that address exists. */
  readonly alsoLoopback6: boolean;
  /** The public URL's path, without a slash at its end: taken off requests that carry it. */
  readonly pathPrefix: string;
  readonly maxBodyBytes: number;
  /** How much of a body that is too large is read on, so that its sender gets to the answer. */
  readonly maxDiscardedBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutMs: number;
  /** How long one upload or download may take. */
  readonly transferTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

export interface Listener extends AsyncDisposable {
  readonly port: number;
  /** New certificates for new connections. Throws on a bad pair, keeping the old one. */
  replaceTls(tls: { readonly cert: string; readonly key: string }): void;
  /** Takes no more connections and answers what is in flight, each with `Connection: close`. */
  drain(): Promise<void>;
  metrics(): readonly Metric[];
}

export interface Handlers {
  /** The port is open; called before the first request. */
  readonly opened: (port: number) => void;
  readonly answer: (request: Request) => Promise<Reply>;
  /**
   * Asked before a body is read: who takes a request as a stream answers it, undefined leaves it to `answer`. It may leave
   * the body unread, and destroys nothing of it.
   */
  readonly stream?: (request: Head, body: Readable) => Promise<StreamReply> | undefined;
  readonly upgrade: (request: IncomingMessage, path: string, query: string, socket: Duplex, head: Buffer) => void;
}

/** Opens the port. Rejects with the system's error (EADDRINUSE …) if it cannot be had. */
export async function openListener(
  settings: ListenerSettings,
  handlers: Handlers,
  { ids, log, steady }: { readonly ids: Ids; readonly log: Log; readonly steady: Steady },
): Promise<Listener> {
  const servers: Server[] = [];
  let isDraining = false;
  const serve = openServing(settings, handlers, steady, () => isDraining);
  let inFlight = 0;
  let whenIdle: (() => void) | undefined;

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
      if (inFlight === 0) whenIdle?.();
    });
    const id = ids.uuid();
    serve(request, response, id).catch((failure: unknown) => {
      log.error({ err: failure, requestId: id }, 'a request could not be answered');
      response.destroy();
    });
  };

  async function listenOn(host: string, port: number): Promise<number> {
    const server = createServer(settings, onRequest);
    server.on('upgrade', (request, socket, head) => {
      const { path, query } = target(request, settings.pathPrefix);
      handlers.upgrade(request, path, query, socket, head);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // Who comes back with thousands of others waits its turn; Node's own 511 turned away 360 of 3,000.
      server.listen({ port, host, backlog: settings.maxConnections }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (failure) => log.error({ err: failure }, 'the listener failed'));
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  async function end(): Promise<void> {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  const port = await listenOn(settings.host, settings.port);
  handlers.opened(port);
  if (settings.alsoLoopback6) {
    try {
      await listenOn('::1', port);
    } catch (failure) {
      // Another server there would get the requests of clients that find ::1 by the name localhost.
      if ((failure as NodeJS.ErrnoException).code === 'EADDRINUSE') {
        await end();
        throw failure;
      }
      log.debug({ err: failure }, 'no ::1 on this machine');
    }
  }

  return {
    port,
    replaceTls(tls) {
      demandPair(tls);
      for (const server of servers)
        if ('setSecureContext' in server) (server as { setSecureContext(to: object): void }).setSecureContext(tls);
    },
    async drain() {
      isDraining = true;
      // Closes idle connections, too.
      for (const server of servers) server.close();
      if (inFlight > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
    metrics: () => [
      {
        name: 'tertulia_requests_in_flight',
        help: 'Requests of any kind that are being received or answered, uploads and downloads included.',
        kind: 'gauge',
        values: plain(inFlight),
      },
    ],
    [Symbol.asyncDispose]: end,
  };
}

/** Answers requests, one call each. */
function openServing(settings: ListenerSettings, handlers: Handlers, steady: Steady, isDraining: () => boolean) {
  async function serve(incoming: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const head: Head = {
      ...target(incoming, settings.pathPrefix),
      method: incoming.method ?? 'GET',
      headers: pairs(incoming.rawHeaders),
      id,
    };
    const streamed = handlers.stream?.(head, incoming);
    if (streamed) return transfer(incoming, response, streamed);
    const stop = steady.after(settings.requestTimeoutMs, () => endSlow(incoming, response));
    const body = await readBody(incoming, settings).finally(stop);
    if (body === 'aborted') return;
    const reply =
      body === 'too-large'
        ? faultReply(
            id,
            commonFault('RequestEntityTooLargeException', `The request body is over ${settings.maxBodyBytes} bytes.`),
          )
        : await handlers.answer({ ...head, body });
    begin(response, reply, body !== 'too-large');
    response.end(reply.body);
  }

  /** Answers a request whose body, or whose reply's, was never held. What is left of its body is read up to a bound. */
  async function transfer(
    incoming: IncomingMessage,
    response: ServerResponse,
    streamed: Promise<StreamReply>,
  ): Promise<void> {
    const stop = steady.after(settings.transferTimeoutMs, () => response.destroy());
    try {
      const reply = await streamed;
      begin(response, reply, await discardRest(incoming, settings.maxDiscardedBytes));
      if (typeof reply.body === 'string') response.end(reply.body);
      else await pipeline(reply.body, response);
    } catch (failure) {
      // A client that goes away is not worth a line.
      if ((failure as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw failure;
    } finally {
      stop();
    }
  }

  function begin(response: ServerResponse, { status, headers, body }: StreamReply, isReusable: boolean): void {
    const closes = isDraining() || !isReusable;
    response.writeHead(status, {
      ...headers,
      // Without it Node sends chunks, and a client of HTTP/1.0 loses its connection. 204 may not have it.
      ...(status === 204 || typeof body !== 'string' ? {} : { 'content-length': Buffer.byteLength(body) }),
      ...(closes ? { connection: 'close' } : {}),
    });
  }

  return serve;
}

/** Node takes an empty text for none, and would then refuse every client. */
function demandPair({ cert, key }: { readonly cert: string; readonly key: string }): void {
  if (cert === '' || key === '') throw new Error(`the ${cert === '' ? 'certificate' : 'key'} is empty`);
}

function createServer(settings: ListenerSettings, onRequest: RequestListener): Server {
  if (settings.tls) demandPair(settings.tls);
  const options = {
    keepAliveTimeout: settings.keepAliveMs,
    // Node has one bound for all requests; those that are no transfer have a shorter one of ours.
    requestTimeout: Math.max(settings.requestTimeoutMs, settings.transferTimeoutMs),
    headersTimeout: settings.requestTimeoutMs,
    // Node looks for slow requests this often, every 30 s by itself: one ends a quarter after its time at the latest.
    connectionsCheckingInterval: Math.ceil(settings.requestTimeoutMs / 4),
    maxHeaderSize: 16 * 1024,
    // Some clients offer HTTP/2 with their first request; who has only WebSockets answers as if nothing was offered.
    shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
  };
  const server = settings.tls
    ? createHttpsServer({ ...options, ...settings.tls }, onRequest)
    : createHttpServer(options, onRequest);
  server.maxConnections = settings.maxConnections;
  return server;
}

/** Where a request goes: its path without the public URL's prefix, and its query. */
function target(incoming: IncomingMessage, pathPrefix: string): Pick<Request, 'path' | 'prefix' | 'query'> {
  const [raw = '/', query = ''] = splitOnce(incoming.url ?? '/', '?');
  const isPrefixed = pathPrefix !== '' && (raw === pathPrefix || raw.startsWith(`${pathPrefix}/`));
  return isPrefixed ? { path: raw.slice(pathPrefix.length) || '/', prefix: pathPrefix, query } : { path: raw, query };
}

/** The body, or what became of it: over the limit, or given up by the client. */
function readBody(incoming: IncomingMessage, limits: ListenerSettings): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limits.maxBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (size > limits.maxDiscardedBytes) {
        incoming.pause();
        resolve('too-large');
      }
    });
    incoming.once('end', () => resolve(size > limits.maxBodyBytes ? 'too-large' : Buffer.concat(chunks, size)));
    incoming.once('close', () => resolve('aborted'));
    incoming.once('error', () => resolve('aborted'));
  });
}

/** Answers as Node does when a request takes too long to arrive. */
function endSlow(incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.complete || response.headersSent) return;
  response.writeHead(408, { Connection: 'close' });
  response.end();
}

/** True if the body has been read to its end; false if it is over the bound, or the client gave up. */
function discardRest(incoming: IncomingMessage, most: number): Promise<boolean> {
  if (incoming.readableEnded || incoming.destroyed) return Promise.resolve(incoming.readableEnded);
  return new Promise((resolve) => {
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) return;
      incoming.pause();
      resolve(false);
    });
    incoming.once('end', () => resolve(true));
    incoming.once('close', () => resolve(incoming.readableEnded));
  });
}

function pairs(raw: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) result.push([raw[index] as string, raw[index + 1] as string]);
  return result;
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}
