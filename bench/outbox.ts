/**
 * What a dead destination costs a chat: the time that SendMessage takes in chats without a stream, with one to an
 * endpoint that answers, to one that nobody listens at, and to one that takes requests and never answers.
 *
 *   npm run bench:outbox
 *
 * One server process for each, with its data in a directory; each has chats that are streamed there, and sends take
 * turns between all, one at a time over a kept connection, so that the machine's noise is in all of them. Ratios are to
 * the server without streams.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartContactStreamingCommand } from '@aws-sdk/client-connect';
import { startProcess } from '../test/support/process.ts';
import { type Api, apiAt, connection, InstanceId, startChat } from '../test/support/server.ts';

const chats = 40;
const rounds = 300;

interface Subject {
  readonly name: string;
  readonly base: string;
  readonly tokens: readonly string[];
  readonly times: number[];
}

async function endpoint(answers: boolean): Promise<{ url: string; received: () => number; close: () => void }> {
  let received = 0;
  const server = createServer((request, response) => {
    received += 1;
    request.resume();
    if (answers) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    received: () => received,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function streamed({ connect }: Api, ContactId: string): Promise<void> {
  const StreamingEndpointArn = 'arn:aws:sns:us-east-1:123456789012:bench';
  await connect.send(
    new StartContactStreamingCommand({
      InstanceId,
      ContactId,
      ChatStreamingConfiguration: { StreamingEndpointArn },
      ClientToken: ContactId,
    }),
  );
}

async function sendOne({ base, tokens, times }: Subject, round: number): Promise<void> {
  const token = tokens[Math.abs(round) % tokens.length] ?? '';
  const body = JSON.stringify({ ContentType: 'text/plain', Content: `message ${round}` });
  const began = performance.now();
  const answer = await fetch(`${base}/participant/message`, {
    method: 'POST',
    headers: { 'x-amz-bearer': token, 'content-type': 'application/json' },
    body,
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`SendMessage answered ${answer.status}`);
  // The first rounds warm up.
  if (round >= 0) times.push(performance.now() - began);
}

function at(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? Number.NaN;
}

const directory = mkdtempSync(join(tmpdir(), 'tertulia-outbox-'));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(directory, { recursive: true }));
const [alive, hanging, gone] = [await endpoint(true), await endpoint(false), await endpoint(true)];
gone.close();
stack.defer(alive.close);
stack.defer(hanging.close);

const subjects: Subject[] = [];
for (const [name, url] of [
  ['no stream', undefined],
  ['answers', alive.url],
  ['nobody there', gone.url],
  ['never answers', hanging.url],
] as const) {
  const config = join(directory, `${name}.json`);
  const streams = url ? [{ topics: '*', kind: 'webhook', url, confirmation: 'none' }] : [];
  writeFileSync(config, JSON.stringify({ streams }));
  const server = stack.use(
    await startProcess({
      TERTULIA_CONFIG: config,
      TERTULIA_DATA_DIR: join(directory, name),
      TERTULIA_LOG: 'error',
    }),
  );
  const api = stack.use(apiAt(server.endpoint));
  const tokens: string[] = [];
  for (let count = 0; count < chats; count += 1) {
    const ticket = await startChat(api);
    if (url) await streamed(api, ticket.ContactId);
    tokens.push((await connection(api, ticket)).token);
  }
  subjects.push({ name, base: server.endpoint, tokens, times: [] });
}

// What a send sets going is over before the next begins, and each follows each other as often.
const quiet = () => new Promise((resolve) => setTimeout(resolve, 10));
for (let round = -50; round < rounds; round += 1) {
  const turn = Math.abs(round) % subjects.length;
  for (const subject of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
    await sendOne(subject, round);
    await quiet();
  }
}

const [base] = subjects;
for (const { name, times } of subjects) {
  const shown = [0.5, 0.99].map((share) => {
    const time = at(times, share);
    const ratio = time / at(base?.times ?? [], share);
    return `p${share * 100} ${time.toFixed(2).padStart(6)} ms  × ${ratio.toFixed(2)}`;
  });
  console.log(`${name.padEnd(14)} ${shown.join('   ')}`);
}
console.log(`the endpoint that answers got ${alive.received()} notifications, the other ${hanging.received()}`);
