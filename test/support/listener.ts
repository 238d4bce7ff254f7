import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Handlers, type Listener, type ListenerSettings, openListener } from '../../src/http/listener.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { type Log, silentLog } from '../../src/runtime/log.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { within } from './journal.ts';

export const listenerSettings: ListenerSettings = {
  host: '127.0.0.1',
  port: 0,
  alsoLoopback6: false,
  pathPrefix: '',
  maxBodyBytes: 1_048_576,
  maxDiscardedBytes: 8_388_608,
  maxConnections: 1000,
  requestTimeoutMs: 30_000,
  transferTimeoutMs: 30_000,
  keepAliveMs: 75_000,
};

/** A listener on any free port, with these handlers. */
export function openTestListener(
  handlers: Partial<Handlers> = {},
  settings: Partial<ListenerSettings> = {},
  log: Log = silentLog,
): Promise<Listener> {
  const answer = async () => ({ status: 200, headers: {}, body: '{}' });
  const opened = () => {};
  const upgrade: Handlers['upgrade'] = (_, __, ___, socket) => socket.destroy();
  const runtime = { ids: systemIds(), log, steady: systemSteady };
  return openListener({ ...listenerSettings, ...settings }, { opened, answer, upgrade, ...handlers }, runtime);
}

/** A TCP connection that is spoken to by hand. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  write(text: string | Buffer): void;
  /** What came so far, once it holds that text. */
  until(text: string): Promise<string>;
  /** All that came, once the other side closed. */
  closed(): Promise<string>;
}

/** `allowHalfOpen` keeps this side open when the other one has ended. */
export async function dialRaw(port: number, host = '127.0.0.1', allowHalfOpen = false): Promise<RawConnection> {
  const socket = connect({ port, host, allowHalfOpen });
  await once(socket, 'connect');
  let received = '';
  let isClosed = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    received += chunk;
    socket.emit('received');
  });
  // A server that closes while this side still writes makes a reset of it; what counts is that it closed.
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
    socket.emit('received');
  });
  const when = (what: string, isIt: () => boolean) =>
    within(
      what,
      new Promise<string>((resolve, reject) => {
        const look = () => {
          if (isIt()) resolve(received);
          else if (isClosed) reject(new Error(`closed after ${JSON.stringify(received)}`));
          else socket.once('received', look);
        };
        look();
      }),
      () => received,
    );
  return {
    socket,
    write: (text) => void socket.write(text),
    until: (text) => when(`an answer with ${text}`, () => received.includes(text)),
    closed: () => when('a connection to close', () => isClosed),
    [Symbol.dispose]: () => socket.destroy(),
  };
}
