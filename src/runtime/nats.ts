import { connect as connectTcp } from 'node:net';
import type * as Nats from '@nats-io/transport-node';
import type { Steady } from './steady.ts';

/** The way to a NATS server, for whoever publishes there. */

/** From dialling a server to its first answer. Milliseconds; half of what an attempt may take, so that a second server is tried. */
const connectTimeout = 5_000;

/** Where the servers of one cluster are, and what they want to be shown. */
export interface NatsAddress {
  readonly places: readonly Place[];
  readonly credentials: Pick<Nats.NodeConnectionOptions, 'tls' | 'token' | 'user' | 'pass'>;
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** Both, as the client wants them. */
  readonly name: string;
}

/**
 * What the client wants of URLs such as `nats://user:password@host:port`, `nats://token@host` or `tls://host`: it would
 * take no credentials from them, and digits in a password for the port. Throws for those that cannot be right.
 */
export function natsAddress(given: readonly string[]): NatsAddress {
  if (given.length === 0) throw new Error('there is no NATS server: name at least one, as nats://host:4222');
  const urls = given.map((each, index) => {
    const url = URL.parse(each);
    // The text is not shown: it may have a password in it.
    const isWritten = url && !/%(?![\da-f]{2})/i.test(url.username + url.password);
    if (isWritten && ['nats:', 'tls:'].includes(url.protocol) && url.hostname !== '') return url;
    throw new Error(
      `server ${index + 1} of NATS is not a URL like nats://user:password@host:4222 or tls://host:4222; escape signs as in a URL`,
    );
  });
  const [first = new URL('nats://localhost'), ...others] = urls;
  const isSame = (name: 'protocol' | 'username' | 'password') => others.every((each) => each[name] === first[name]);
  if (!(isSame('protocol') && isSame('username') && isSame('password'))) {
    throw new Error('the NATS servers are one cluster: give all of them the same scheme, user and password');
  }
  const [user, pass] = [decodeURIComponent(first.username), decodeURIComponent(first.password)];
  return {
    places: urls.map(({ hostname, port }): Place => {
      const number = Number(port || 4222);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: number, name: `${hostname}:${number}` };
    }),
    credentials: {
      ...(first.protocol === 'tls:' && { tls: {} }),
      ...(user !== '' && (pass === '' ? { token: user } : { user, pass })),
    },
  };
}

/**
 * One connection to any of the servers; once it is lost it is over, and whoever wants another asks again. Rejects when
 * none of them can be connected to, and once the signal is aborted while the first word is waited for.
 */
export async function connectNats(
  nats: typeof Nats,
  { places, credentials }: NatsAddress,
  options: Pick<Nats.NodeConnectionOptions, 'pingInterval' | 'noEcho'>,
  { steady, signal }: { readonly steady: Steady; readonly signal?: AbortSignal },
): Promise<Nats.NatsConnection> {
  try {
    const asked = await Promise.allSettled(places.map((place) => greeted(place, steady, signal)));
    const servers = places.filter((_, index) => asked[index]?.status === 'fulfilled').map(({ name }) => name);
    const silent = asked.find((each) => each.status === 'rejected');
    if (servers.length === 0) throw silent?.reason;
    return await nats.connect({ ...credentials, ...options, timeout: connectTimeout, reconnect: false, servers });
  } catch (failure) {
    const { message } = failure as Error;
    throw new Error(`no NATS server could be connected to: ${message}`, { cause: failure });
  }
}

/**
 * Rejects if nothing there says the first word, as a NATS server does. The client never closes a connection to one that
 * stays silent, such as a balancer without servers behind it: each attempt would leave one open.
 */
async function greeted({ host, port, name }: Place, steady: Steady, signal?: AbortSignal): Promise<void> {
  const socket = connectTcp({ port, host, ...(signal && { signal }) });
  const stop = steady.after(connectTimeout, () =>
    socket.destroy(new Error(`${name} said nothing within ${connectTimeout / 1000} s`)),
  );
  try {
    for await (const _ of socket) return;
  } catch (failure) {
    // Of a name with several addresses the message is empty.
    const { message, code } = failure as NodeJS.ErrnoException;
    throw new Error(message || `${name}: ${code}`, { cause: failure });
  } finally {
    stop();
    socket.destroy();
  }
  throw new Error(`${name} closed the connection without a word`);
}
