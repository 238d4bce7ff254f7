import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Journal, openJournal } from './journal.ts';

/** What somebody's endpoint was sent. */
export interface Posted {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server of somebody who is told things by HTTP. */
export interface Endpoint extends AsyncDisposable {
  readonly url: URL;
  readonly posted: Journal<Posted>;
}

/** One that answers as the test says; 200 if it says nothing. What came is in the journal before it is answered. */
export async function openEndpoint(
  answer: (posted: Posted, response: ServerResponse) => unknown = (_, response) => response.end(),
  port = 0,
): Promise<Endpoint> {
  const posted = openJournal<Posted>();
  const server = createServer(async (request, response) => {
    const one = { method: request.method ?? '', headers: request.headers, body: await text(request) };
    posted.add(one);
    await answer(one, response);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/secret-path?key=secret`),
    posted,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
