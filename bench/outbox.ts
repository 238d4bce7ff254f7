/**
 * What a dead destination costs a chat: the time that SendMessage takes in chats without a stream, with one to an
 * endpoint that answers, to one that nobody listens at, and to one that takes requests and never answers.
 *
 * One server process for each; each has chats that are streamed there, and sends take turns between all, one at a time
 * over a kept connection.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartContactStreamingCommand } from '@aws-sdk/client-connect';
import { apiAt, connection, InstanceId, startChat } from '../test/support/server.ts';
import { type Connection, membersOf, openConnection } from './connection.ts';
import { type Measurement, percentile, shown, startTertulia, takeTurns } from './measure.ts';

const chats = 40;
const sendsPerRound = 60;

interface Subject {
  readonly name: string;
  readonly connection: Connection;
  readonly tokens: readonly string[];
  readonly times: number[];
}

export const measurement: Measurement = {
  name: 'outbox',
  async run({ rounds, progress }) {
    await using stack = new AsyncDisposableStack();
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
    stack.defer(() => rmSync(directory, { recursive: true }));
    const [alive, hanging, gone] = [await endpoint(true), await endpoint(false), await endpoint(true)];
    gone.close();
    stack.defer(alive.close);
    stack.defer(hanging.close);
    progress('outbox: starting');
    const subjects: Subject[] = [];
    for (const [name, url] of [
      ['no stream', undefined],
      ['answers', alive.url],
      ['nobody there', gone.url],
      ['never answers', hanging.url],
    ] as const) {
      subjects.push(await open(name, url, join(directory, `${name}.json`), stack));
    }
    progress('outbox: sending');
    const counts = { warming: 50, counted: rounds * sendsPerRound };
    await takeTurns(subjects, counts, async (subject, isCounted, round) => {
      await send(subject, isCounted, round);
      // What a send sets going is over before the next begins.
      await new Promise((resolve) => setTimeout(resolve, 10));
    });
    const [base] = subjects;
    const at = (times: readonly number[], share: number) => percentile(times, share);
    return [
      {
        title: 'outbox: SendMessage in a chat that is streamed to an endpoint',
        columns: ['endpoint', 'ms', '× no stream', 'p99, ms', '× no stream'],
        rows: subjects.map(({ name, times }) => [
          name,
          shown(times, 2),
          ...[0.5, 0.99].flatMap((share) => {
            const beside = (at(times, share) / at(base?.times ?? [], share)).toFixed(2);
            return share === 0.5 ? [beside] : [at(times, share).toFixed(2), beside];
          }),
        ]),
        notes: [`The endpoint that answers got ${alive.received()} notifications, the other ${hanging.received()}.`],
      },
    ];
  },
};

async function endpoint(answers: boolean): Promise<{ url: string; received: () => number; close: () => void }> {
  let received = 0;
  const server = createServer((request, response) => {
    received += 1;
    request.resume();
    if (answers) response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received: () => received,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function open(
  name: string,
  url: string | undefined,
  config: string,
  stack: AsyncDisposableStack,
): Promise<Subject> {
  const streams = url ? [{ topics: '*', kind: 'webhook', url, confirmation: 'none' }] : [];
  writeFileSync(config, JSON.stringify({ streams }));
  const server = stack.use(await startTertulia({ TERTULIA_CONFIG: config }));
  using api = apiAt(`http://127.0.0.1:${server.port}`);
  const tokens: string[] = [];
  for (let count = 0; count < chats; count += 1) {
    const ticket = await startChat(api);
    const { ContactId } = ticket;
    if (url) {
      const ChatStreamingConfiguration = { StreamingEndpointArn: 'arn:aws:sns:us-east-1:123456789012:bench' };
      await api.connect.send(
        new StartContactStreamingCommand({ InstanceId, ContactId, ChatStreamingConfiguration, ClientToken: ContactId }),
      );
    }
    tokens.push((await connection(api, ticket)).token);
  }
  return { name, connection: stack.use(await openConnection(server.port)), tokens, times: [] };
}

async function send({ connection, tokens, times }: Subject, isCounted: boolean, round: number): Promise<void> {
  const token = tokens[Math.abs(round) % tokens.length] ?? '';
  const head = ['content-type: application/json', `x-amz-bearer: ${token}`];
  const body = JSON.stringify({ ContentType: 'text/plain', Content: `message ${round}` });
  const began = performance.now();
  membersOf(await connection.ask('POST', '/participant/message', head, body));
  if (isCounted) times.push(performance.now() - began);
}
