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
  /** Breaks the connection on which the server answers next, before anything of that answer is passed on. */
  loseAnswer(): void;
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

export async function openProxy(target = 0): Promise<Proxy> {
  const open = new Set<Socket>();
  const relays = new Set<Relay>();
  const waiting = new Set<() => void>();
  let [isCut, isLosing, isHeld, passedOn] = [false, false, false, 0];

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
    const upstream = keep(connect({ port: proxy.target, host: '127.0.0.1', allowHalfOpen: true }));
    const relay: Relay = { client, upstream, isStranded: false };
    relays.add(relay);
    pass(relay, client, upstream, (chunk) => upstream.write(chunk));
    pass(relay, upstream, client, (chunk) => {
      if (isLosing) client.resetAndDestroy();
      else client.write(chunk);
      isLosing = false;
    });
  }

  function reset(): void {
    for (const socket of open) socket.resetAndDestroy();
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
    loseAnswer() {
      isLosing = true;
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
