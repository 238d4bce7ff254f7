import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay that a test puts between clients and server, to break connections where no client or server can. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Where connections go; set before the first. */
  target: number;
  /** Connections that were passed on so far. */
  readonly passedOn: number;
  /** Cuts every connection, as when a cable is pulled, and keeps new ones waiting. */
  cut(): void;
  /** Cuts every connection, and takes new ones at once. */
  reset(): void;
  /**
   * Breaks the connection on which the server answers next, before anything of that answer is passed on. With a text, it
   * is the next piece of an answer that contains it.
   */
  loseAnswer(containing?: string): void;
  /** Breaks the connection on which a client next sends something that contains this, before anything of it is passed on. */
  loseRequest(containing: string): void;
  /** Resolves when something was lost that was to be. */
  readonly lost: Promise<void>;
  /** Lets through those that wait, and new ones. */
  heal(): void;
  /** Ends one direction of every connection; what is under way in the other still arrives. */
  halfClose(towards: 'clients' | 'server'): void;
  /** Keeps back what both sides send, until `release`. */
  hold(): void;
  release(): void;
  /** From now on passes on nothing of the connections that there are, nor that they end: both sides are left alone. */
  strand(): void;
}

interface Relay {
  readonly client: Socket;
  readonly upstream: Socket;
  isStranded: boolean;
}

/** Node never closes a socket that is reset while it is being ended, and a process that has one does not end (24.21). */
function breakOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

export async function openProxy(target = 0, host = '127.0.0.1'): Promise<Proxy> {
  const open = new Set<Socket>();
  const relays = new Set<Relay>();
  const waiting = new Set<() => void>();
  let [isCut, isHeld, passedOn] = [false, false, 0];
  let [answer, request]: [string | undefined, string | undefined] = [undefined, undefined];
  let lost = Promise.withResolvers<void>();

  function keep(socket: Socket): Socket {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    return socket;
  }

  /** Passes on all that `from` does: data, its end, its close. */
  function pass(relay: Relay, from: Socket, to: Socket, data: (chunk: Buffer) => void): void {
    const unlessStranded = (act: () => void) => () => {
      if (!relay.isStranded) act();
    };
    from.on('data', (chunk) => unlessStranded(() => data(chunk))());
    from.on(
      'end',
      unlessStranded(() => to.end()),
    );
    from.on('close', () => {
      relays.delete(relay);
      unlessStranded(() => to.destroy())();
    });
    if (isHeld) from.pause();
  }

  function connectUpstream(client: Socket): void {
    if (client.destroyed) return;
    passedOn += 1;
    const upstream = keep(connect({ port: proxy.target, host, allowHalfOpen: true }));
    const relay: Relay = { client, upstream, isStranded: false };
    relays.add(relay);
    pass(relay, client, upstream, (chunk) => {
      if (request === undefined || !chunk.includes(request)) return void upstream.write(chunk);
      request = undefined;
      lose(client, upstream);
    });
    pass(relay, upstream, client, (chunk) => {
      if (answer === undefined || !chunk.includes(answer)) return void client.write(chunk);
      answer = undefined;
      lose(client);
    });
  }

  function lose(...sockets: readonly Socket[]): void {
    for (const socket of sockets) breakOff(socket);
    lost.resolve();
  }

  function reset(): void {
    for (const socket of open) breakOff(socket);
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    if (isCut) waiting.add(() => connectUpstream(client));
    else connectUpstream(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    target,
    get passedOn() {
      return passedOn;
    },
    cut() {
      isCut = true;
      reset();
    },
    reset,
    loseAnswer(containing = '') {
      answer = containing;
      lost = Promise.withResolvers();
    },
    loseRequest(containing) {
      request = containing;
      lost = Promise.withResolvers();
    },
    get lost() {
      return lost.promise;
    },
    heal() {
      isCut = false;
      for (const begin of waiting) begin();
      waiting.clear();
    },
    halfClose(towards) {
      for (const { client, upstream } of relays) (towards === 'clients' ? client : upstream).end();
    },
    hold() {
      isHeld = true;
      for (const { client, upstream } of relays) for (const socket of [client, upstream]) socket.pause();
    },
    release() {
      isHeld = false;
      for (const { client, upstream } of relays) for (const socket of [client, upstream]) socket.resume();
    },
    strand() {
      for (const relay of relays) relay.isStranded = true;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      reset();
    },
  };
  return proxy;
}
