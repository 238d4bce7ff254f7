import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { Identity, Tokens } from '../tokens/tokens.ts';

/** Where WebSockets are opened, below the public URL; the token is the query. */
export const webSocketPath = '/participant/websocket';

type Who = Pick<Identity, 'chatKey' | 'participantId'>;

export interface UpgradeParts {
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** Completes the handshake and keeps the socket, or refuses a participant who has gone. */
  readonly accept: (request: IncomingMessage, socket: Duplex, head: Buffer, who: Who) => void;
}

export type Upgrade = (request: IncomingMessage, path: string, query: string, socket: Duplex, head: Buffer) => void;

/**
 * Lets in whoever holds a URL that was handed out, from any origin. It refuses only what `CreateParticipantConnection`
 * refuses as well: a client that is given a URL and then refused asks for the next one at once, hundreds of times a second.
 */
export function openUpgrade({ tokens, clock, accept }: UpgradeParts): Upgrade {
  return (request, path, query, socket, head) => {
    // The path as it came, too: a public URL may end in /participant, as this path begins.
    const isOurs = path === webSocketPath || request.url?.split('?')[0] === webSocketPath;
    if (!isOurs) return refuse(socket, '404 Not Found');
    const token = new URLSearchParams(query).get('token') ?? '';
    const verdict = tokens.verify('socket', token, clock.now());
    if ('refused' in verdict) return refuse(socket, '403 Forbidden');
    // No more of it, as it is held as long as the socket is.
    const { chatKey, participantId } = verdict.identity;
    accept(request, socket, head, { chatKey, participantId });
  };
}

/** Answers and closes: a client that keeps its side open may not keep the connection. */
function refuse(socket: Duplex, statusLine: string): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${statusLine}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
