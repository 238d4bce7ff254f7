import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { updated } from '../scripts/readme.ts';
import { readTargets } from '../src/destinations.ts';
import { openReader } from './support/guide.ts';
import { within } from './support/journal.ts';
import { anyNatsServer, natsUrlMissing } from './support/nats.ts';
import { postgresMissing, postgresUrl, temporarySchema } from './support/postgres.ts';
import { runMain, runProgram } from './support/process.ts';
import { type Api, apiAt, connection, say, startChat, testServer } from './support/server.ts';
import { listen } from './support/socket.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const endpoint = 'http://127.0.0.1:8378';
const skip = postgresMissing || natsUrlMissing;

/** The code blocks after a marker, in their order. */
function blocksAfter(marker: string): string[] {
  const [, after = ''] = readme.split(`<!-- ${marker} -->`);
  return [...after.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text);
}

/** What differs from run to run: ids, times of day. */
function shape(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, '<time>');
}

test('[CF1, AR6] has the settings and the operations of the code in the tables of README', () => {
  assert.ok(updated(readme) === readme, 'the tables are behind the code: run `npm run docs`');
});

test('[AR6] brings tables up to date, also where there is none yet', () => {
  const stale = readme.replace('`StartChatContact`, ', '').replace(/`TERTULIA_MODE`.*/, '`TERTULIA_MODE` | |');
  assert.equal(updated(stale), readme);
  assert.equal(updated(readme.replace(/(?<=<!-- operations -->\n)\n\|[\s\S]*?\n(?=\n)/, '')), readme);
});

test('[DE1, DE2] reads the configuration that README shows', () => {
  const [json = ''] = blocksAfter('streams');
  const shown = JSON.parse(json) as Record<'streams' | 'contactEvents', object[]>;
  const read = readTargets({ mode: 'development', configFolder: '/', ...shown });
  const kinds = (rows: readonly { kind: string }[]) => [...new Set(rows.map(({ kind }) => kind))].sort();
  assert.deepEqual(kinds(read.streams), ['lambda', 'process', 'sns', 'webhook']);
  assert.deepEqual(kinds(read.contactEvents), ['nats', 'process', 'webhook']);
});

test('[SC1] runs the snippet of README as it stands, to the output shown', async () => {
  await using server = await testServer();
  const [snippet = '', output = ''] = blocksAfter('snippet');
  assert.ok(snippet.includes(endpoint));
  const { code, stdout, stderr } = await runProgram(snippet.replace(endpoint, server.api.endpoint));
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(shape(stdout), shape(output));
});

test('[CP7] prints the conversation that README shows as the demo, against the server that runs', async () => {
  await using server = await testServer();
  const [output = ''] = blocksAfter('demo');
  const { code, stdout, stderr } = await runMain('demo', { TERTULIA_PORT: String(server.server.port) });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(shape(stdout).replace(server.api.endpoint, endpoint), shape(output));
});

test('[CP7] starts a server in memory for the demo where none runs', async () => {
  const { code, stdout, stderr } = await runMain('demo', { TERTULIA_PORT: '0' });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const [first, ...rest] = shape(stdout).split('\n');
  assert.match(first ?? '', /^No server runs at .*: started one at http:\/\/127\.0\.0\.1:\d+, in memory\.$/);
  assert.deepEqual(
    rest,
    shape(blocksAfter('demo')[0] ?? '')
      .split('\n')
      .slice(1),
  );
});

test('[SS12] prints the conversation with a streaming bot that README shows', async () => {
  const [output = ''] = blocksAfter('demo streaming');
  // As in a shell that was made ready for another server, which does not even run.
  const elsewhere = 'http://127.0.0.1:1';
  const environment = { AWS_ENDPOINT_URL_CONNECT: elsewhere, AWS_ENDPOINT_URL_CONNECTPARTICIPANT: elsewhere };
  const { code, stdout, stderr } = await runMain('demo', environment, 'streaming');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const anyPort = (text: string) => shape(text).replace(/127\.0\.0\.1:\d+/, '127.0.0.1:<port>');
  assert.equal(anyPort(stdout), anyPort(output));
});

test('[CL26] goes from one server to three by the commands that README shows', { skip }, async () => {
  await using schema = temporarySchema();
  await using nats = await anyNatsServer();
  await using reader = await openReader({
    places: [
      ['postgres://postgres@127.0.0.1:5432/test', postgresUrl],
      ['nats://127.0.0.1:4222', nats.url],
    ],
    environment: { TERTULIA_STORE_SCHEMA: schema.name, TERTULIA_BUS_PREFIX: schema.name },
  });
  const [text = ''] = blocksAfter('scale out');
  assert.equal(text.trim().split('\n').length, 4);
  await reader.follow({ language: 'sh', mark: '', text });
  const ports = ['8378', '8379', '8380'].map(reader.port);
  for (const port of ports) await within(`a server at ${port}`, ready(port));
  await using stack = new AsyncDisposableStack();
  const apis = ports.map((port) => stack.use(apiAt(`http://127.0.0.1:${port}`)));
  const [one, two, three] = apis as [Api, Api, Api];
  const ana = await connection(two, await startChat(one));
  using socket = await listen(ana.url);
  await say(three, ana, 'Hello?');
  await socket.item('what was said at another', ({ Content }) => Content === 'Hello?');
});

/** Resolves once that server says that it is ready. */
async function ready(port: number): Promise<void> {
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/_tertulia/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 50));
}
