/** Clients of a chat, in numbers: they do what chatjs does, and remember nothing. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { developmentInstance } from '../src/config.ts';
import { type Connection, membersOf } from './connection.ts';

const json = 'content-type: application/json';
export const subscribeToChat = '{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}';
const connectBody = JSON.stringify({ Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'] });
const startBody = JSON.stringify({
  InstanceId: developmentInstance.id,
  ContactFlowId: developmentInstance.flows[0]?.id,
  ParticipantDetails: { DisplayName: 'Ana' },
});

/** A chat of its own; answers the customer's participant token. */
export async function startChat(connection: Connection): Promise<string> {
  const answer = await connection.ask('PUT', '/contact/chat', [json], startBody);
  return membersOf<{ ParticipantToken: string }>(answer).ParticipantToken;
}

export interface Connected {
  readonly url: string;
  readonly token: string;
}

export async function connectParticipant(connection: Connection, participantToken: string): Promise<Connected> {
  const head = [json, `x-amz-bearer: ${participantToken}`];
  const answer = await connection.ask('POST', '/participant/connection', head, connectBody);
  const { Websocket, ConnectionCredentials } = membersOf<{
    Websocket: { Url: string };
    ConnectionCredentials: { ConnectionToken: string };
  }>(answer);
  return { url: Websocket.Url, token: ConnectionCredentials.ConnectionToken };
}

/** Opens a WebSocket and subscribes; resolves when the server has said so. */
export async function subscribe(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  // One that breaks is seen by its close.
  socket.on('error', () => {});
  await heard(socket, 'open');
  socket.send(subscribeToChat);
  const [data] = await heard(socket, 'message');
  if (!String(data).includes('"success"')) throw new Error(`subscribed to nothing: ${data}`);
  return socket;
}

async function heard(socket: WebSocket, event: 'open' | 'message'): Promise<unknown[]> {
  const ending = new AbortController();
  const gone = once(socket, 'close', { signal: ending.signal }).then(
    () => Promise.reject(new Error(`the socket closed before its ${event}`)),
    () => [],
  );
  try {
    return await Promise.race([once(socket, event), gone]);
  } finally {
    ending.abort();
  }
}

/** What chatjs reads after it was away. */
export async function readTranscript(connection: Connection, token: string): Promise<void> {
  const body = JSON.stringify({ MaxResults: 15, ScanDirection: 'BACKWARD', SortOrder: 'ASCENDING' });
  membersOf(await connection.ask('POST', '/participant/transcript', [json, `x-amz-bearer: ${token}`], body));
}
