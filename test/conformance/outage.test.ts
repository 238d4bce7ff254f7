import assert from 'node:assert/strict';
import { test } from 'node:test';
import { put, startUpload } from '../support/files.ts';
import { within } from '../support/journal.ts';
import { natsMissing, startNatsServer } from '../support/nats.ts';
import { freePorts } from '../support/ports.ts';
import { postgresMissing, postgresUrl, temporarySchema } from '../support/postgres.ts';
import { startProcess, type TestProcess } from '../support/process.ts';
import { openProxy } from '../support/proxy.ts';
import { apiAt, connection, say, startChat, transcript } from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** A real node, one of whose surroundings is away: what docs/operations.md says that clients see. */

const skip = postgresMissing || natsMissing;

/** Resolves to what health tells once that is so. */
async function healthy(node: TestProcess, isIt: (status: number, body: string) => boolean): Promise<string> {
  const look = async () => {
    for (;;) {
      const reply = await fetch(`${node.endpoint}/_tertulia/health`);
      const body = await reply.text();
      if (isIt(reply.status, body)) return body;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return within('the health of a node to change', look());
}

test('[CL7] goes on by itself when PostgreSQL is back, with the sockets that it had, and meanwhile is not ready', {
  skip: postgresMissing,
}, async () => {
  await using schema = temporarySchema();
  const url = new URL(postgresUrl);
  await using proxy = await openProxy(Number(url.port || 5432), url.hostname);
  url.host = `127.0.0.1:${proxy.port}`;
  await using node = await startProcess({
    ...{ TERTULIA_STORE: url.href, TERTULIA_STORE_SCHEMA: schema.name },
    TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'),
  });
  using api = apiAt(node.endpoint);
  const ana = await connection(api, await startChat(api));
  using socket = await listen(ana.url);
  await say(api, ana, 'before');
  proxy.cut();
  const body = JSON.stringify({ ContentType: 'text/plain', Content: 'lost' });
  const headers = { 'x-amz-bearer': ana.token, 'content-type': 'application/json' };
  const reply = await fetch(`${node.endpoint}/participant/message`, { method: 'POST', headers, body });
  assert.equal(reply.status, 500);
  assert.match(await healthy(node, (status) => status === 503), /"the store cannot be reached"/);
  proxy.heal();
  await healthy(node, (status) => status === 200);
  await say(api, ana, 'after');
  await socket.item('what was said after', ({ Content }) => Content === 'after');
  const said = (await transcript(api, ana)).flatMap(({ Content }) => Content ?? []);
  assert.deepEqual(said, ['before', 'after']);
});

test('[CL7] stays ready without NATS, and says so', { skip }, async () => {
  await using schema = temporarySchema();
  await using nats = await startNatsServer();
  await using node = await startProcess({
    ...{ TERTULIA_STORE: postgresUrl, TERTULIA_STORE_SCHEMA: schema.name, TERTULIA_BUS: nats.url },
    TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'),
  });
  using api = apiAt(node.endpoint);
  const ana = await connection(api, await startChat(api));
  await nats.kill();
  await healthy(node, (status, body) => status === 200 && body.includes('"degraded":["bus"]'));
  await say(api, ana, 'all the same');
  await nats.restart();
  await healthy(node, (status, body) => status === 200 && !body.includes('degraded'));
});

test('[BL15] goes on with chats while the bucket of files is away, and answers 500 to uploads', async () => {
  const [closed] = await freePorts(1);
  await using node = await startProcess({
    ...{ TERTULIA_BLOBS: 's3://files', TERTULIA_S3_ENDPOINT: `http://127.0.0.1:${closed}` },
    ...{ AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' },
  });
  using api = apiAt(node.endpoint);
  const ana = await connection(api, await startChat(api));
  const bytes = Buffer.alloc(100_000, 'x');
  const { status } = await put(await startUpload(api, ana, bytes.length), bytes);
  assert.equal(status, 500);
  await say(api, ana, 'all the same');
  await healthy(node, (each) => each === 200);
});
