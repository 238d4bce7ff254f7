import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import * as connect from '@aws-sdk/client-connect';
import * as participant from '@aws-sdk/client-connectparticipant';
import { WebSocket } from 'ws';
import { type Answer, type Client, requestOf } from '../simulation/client.ts';
import type { Line, LineParts } from '../simulation/line.ts';
import { type Random, seededIds } from '../simulation/random.ts';
import { type Api, apiAt } from '../support/server.ts';

/** Clients of several servers: an unmodified SDK or plain HTTP, who go to another server with what was not answered. */

/** Where a client may go. */
export interface Place {
  readonly name: string;
  readonly port: number;
}

/** What came of going there once. */
export interface Attempt {
  readonly at: string;
  readonly what: string;
  /** Absent if there was no answer. */
  readonly status?: number | undefined;
  readonly failure?: string | undefined;
  /** The answer ends its connection. */
  readonly isLast?: boolean;
}

/** A socket that ended, other than by the client. */
export interface Lost {
  readonly at: string;
  readonly code: number;
}

export interface Network extends Disposable {
  readonly attempts: readonly Attempt[];
  readonly lost: readonly Lost[];
  /** Of the unmodified SDK, or of plain HTTP. */
  client(random: Random, isSdk: boolean): Client;
  dial(url: string, parts: LineParts): Promise<Line | undefined>;
}

/** A client that is not answered for good within this never is. */
const givesUpMs = 60_000;

export interface NetworkParts {
  readonly places: readonly Place[];
  /** Past this a client takes a server for gone. Milliseconds. */
  readonly patienceMs: number;
  /** Told of every answer that is for good. */
  readonly answered: (what: string, answer: Answer) => void;
}

export function openNetwork({ places, patienceMs, answered }: NetworkParts): Network {
  const attempts: Attempt[] = [];
  const lost: Lost[] = [];
  const sockets = new Set<WebSocket>();
  let isClosed = false;
  const agent = new Agent({ keepAlive: true });
  const apis = new Map<Place, Api>();
  const apiOf = (place: Place) => {
    const known = apis.get(place) ?? apiAt(`http://127.0.0.1:${place.port}`, { maxAttempts: 1 });
    apis.set(place, known);
    return known;
  };

  async function insist(random: Random, what: string, go: (place: Place) => Promise<Answer & { isLast?: boolean }>) {
    const sentAt = Date.now();
    let place = random.pick(places);
    while (!isClosed && Date.now() - sentAt < givesUpMs) {
      const at = place.name;
      try {
        const { status, body, isLast } = await go(place);
        attempts.push({ at, what, status, ...(isLast && { isLast }) });
        if (status < 500 && status !== 429) {
          answered(what, { status, body });
          return { sentAt, answeredAt: Date.now(), answer: { status, body } };
        }
      } catch (failure) {
        attempts.push({ at, what, failure: (failure as NodeJS.ErrnoException).code ?? String(failure) });
      }
      await pause(10 + 90 * random.share());
      place = random.pick(places.filter((each) => each !== place));
    }
    // When all is over, whoever still asks is told so: a person without an answer would ask again.
    return isClosed ? { sentAt, answer: { status: 403, body: {} } } : { sentAt };
  }

  return {
    ...{ attempts, lost },
    client(random, isSdk) {
      const ids = seededIds(random.fork('ids'));
      return {
        uuid: ids.uuid,
        call(name, input, bearer) {
          if (isSdk) return insist(random, name, (place) => bySdk(apiOf(place), name, input, bearer, patienceMs));
          const { method, path, headers, body } = requestOf(name, input, bearer);
          return insist(random, name, ({ port }) => byHttp({ agent, patienceMs, port, method, path }, headers, body));
        },
        control(method, path, { ContactId, MaxResults, ...input }) {
          const target = `/_tertulia/contacts/${ContactId}${path}${MaxResults ? `?maxResults=${MaxResults}` : ''}`;
          const body = method === 'GET' ? '' : JSON.stringify(input);
          return insist(random, `${method} ${path}`, ({ port }) =>
            byHttp({ agent, patienceMs, port, method, path: target }, [], body),
          );
        },
      };
    },
    dial(url, parts) {
      return dial(url, { ...parts.random.pick(places), patienceMs }, parts, { lost, sockets });
    },
    [Symbol.dispose]() {
      isClosed = true;
      agent.destroy();
      for (const api of apis.values()) api[Symbol.dispose]();
      for (const each of sockets) each.terminate();
    },
  };
}

interface To {
  readonly agent: Agent;
  readonly patienceMs: number;
  readonly port: number;
  readonly method: string;
  readonly path: string;
}

function byHttp(
  { patienceMs, ...to }: To,
  headers: readonly (readonly [string, string])[],
  body: string | Buffer,
): Promise<Answer & { isLast?: boolean }> {
  return new Promise((resolve, reject) => {
    const all = { 'content-type': 'application/json', ...Object.fromEntries(headers) };
    const call = httpRequest({ host: '127.0.0.1', ...to, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.once('error', reject);
      response.once('end', () => {
        clearTimeout(late);
        const isLast = response.headers.connection === 'close';
        resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text), isLast });
      });
    });
    const late = setTimeout(() => call.destroy(Object.assign(new Error('no answer'), { code: 'LATE' })), patienceMs);
    call.once('error', (failure) => {
      clearTimeout(late);
      reject(failure);
    });
    call.end(body);
  });
}

async function bySdk(
  api: Api,
  name: string,
  input: Record<string, unknown>,
  bearer: string | undefined,
  patienceMs: number,
): Promise<Answer> {
  const isParticipants = `${name}Command` in participant;
  // biome-ignore lint/suspicious/noExplicitAny: one of some two hundred commands, by its name
  const { [`${name}Command`]: Command } = (isParticipants ? participant : connect) as any;
  const tokenName = name === 'CreateParticipantConnection' ? 'ParticipantToken' : 'ConnectionToken';
  const command = new Command({ ...input, ...(bearer !== undefined && { [tokenName]: bearer }) });
  try {
    const client = (isParticipants ? api.participant : api.connect) as Api['connect'];
    const { $metadata, ...body } = await client.send(command, { abortSignal: AbortSignal.timeout(patienceMs) });
    return { status: $metadata.httpStatusCode ?? 0, body };
  } catch (failure) {
    const status = (failure as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === undefined) throw failure;
    return { status, body: { message: String(failure) } };
  }
}

function dial(
  url: string,
  { name, port, patienceMs }: Place & Pick<NetworkParts, 'patienceMs'>,
  { heard, closed }: LineParts,
  { lost, sockets }: { readonly lost: Lost[]; readonly sockets: Set<WebSocket> },
): Promise<Line | undefined> {
  const own = new URL(url);
  own.port = String(port);
  const ws = new WebSocket(own, { handshakeTimeout: patienceMs });
  sockets.add(ws);
  let isOver = false;
  let wasOpen = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    closed();
  };
  ws.on('message', (data) => {
    if (!isOver) heard(String(data));
  });
  return new Promise((resolve) => {
    ws.on('error', () => {});
    ws.on('close', (code) => {
      sockets.delete(ws);
      if (wasOpen && !isOver) lost.push({ at: name, code });
      end();
      resolve(undefined);
    });
    ws.on('open', () => {
      wasOpen = true;
      resolve({
        isOpen: () => !isOver,
        send: (text) => {
          if (ws.readyState === WebSocket.OPEN) ws.send(text);
        },
        close() {
          end();
          ws.close();
        },
        break() {
          end();
          ws.terminate();
        },
      });
    });
  });
}
