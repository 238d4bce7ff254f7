import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testCertificates } from '../support/certificates.ts';
import { startChild } from '../support/child.ts';
import { openEndpoint } from '../support/endpoint.ts';
import { openJournal, within } from '../support/journal.ts';
import { apiAt, connection, startChat } from '../support/server.ts';
import { startStreaming, stream, topicArn } from '../support/streaming.ts';

/** Webhooks of a real server, and who checks what they get. */

test('[SN3, SN5, SN8] is accepted by an SNS validator, from a server that speaks https, and refused if it was changed', async () => {
  const { ca, caFile, cert, key } = testCertificates();
  const posted = openJournal<Record<string, string>>();
  await using asked = await openEndpoint(async ({ body }, response) => {
    const message = JSON.parse(body);
    posted.add(message);
    const [reply] = message.SubscribeURL ? await once(get(message.SubscribeURL, { ca, agent: false }), 'response') : [];
    reply?.resume();
    response.end();
  });
  const topic = topicArn('asked');
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-tls-'));
  const [TERTULIA_TLS_CERT, TERTULIA_TLS_KEY] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(TERTULIA_TLS_CERT, cert);
  writeFileSync(TERTULIA_TLS_KEY, key);
  const agent = new Agent({ ca });
  try {
    const streams = [{ topics: topic, kind: 'webhook', url: asked.url.href }];
    await using secured = await startStreaming({ streams }, { TERTULIA_TLS_CERT, TERTULIA_TLS_KEY });
    using api = apiAt(`https://127.0.0.1:${secured.port}`, { requestHandler: { httpsAgent: agent } });
    const ticket = await startChat(api);
    await stream(api, ticket.ContactId, topic);
    await connection(api, ticket);
    const notification = await posted.until('a notification', ({ Type }) => Type === 'Notification');
    const [question] = posted.all;
    assert.equal(new URL(notification.SigningCertURL ?? '').origin, api.endpoint);
    const changed = { ...notification, Message: notification.Message?.replace('Ana', 'Eva') };
    assert.notEqual(changed.Message, notification.Message);
    const messages = [question, notification, changed].map((each) => JSON.stringify(each));
    await using validator = startChild('sns-validator-child.ts', messages, ['env', `NODE_EXTRA_CA_CERTS=${caFile}`]);
    assert.deepEqual(await within('the validator', validator.rest()), [
      'accepted',
      'accepted',
      'The message signature is invalid.',
    ]);
  } finally {
    agent.destroy();
    rmSync(folder, { recursive: true });
  }
});

test('[EG1, EG3, OB9] never dials the metadata address for a webhook, and says which setting allows it', async () => {
  const topic = topicArn('metadata');
  const urls = ['http://169.254.169.254/latest/meta-data/', 'http://[::ffff:169.254.169.254]/', 'http://2852039166/'];
  const streams = urls.map((url, index) => ({
    topics: `${topic}-${index}`,
    kind: 'webhook',
    url,
    confirmation: 'none',
  }));
  await using guarded = await startStreaming({ streams });
  for (const [index] of urls.entries()) {
    const ticket = await startChat(guarded.api);
    await stream(guarded.api, ticket.ContactId, `${topic}-${index}`);
    await connection(guarded.api, ticket);
    await guarded.wait('5s');
    const { body } = await guarded.ask(`GET /contacts/${ticket.ContactId}`);
    assert.equal(body.Streams[0].State, 'DEGRADED');
    assert.match(
      body.Streams[0].Error,
      /^(169\.254\.169\.254|::ffff:a9fe:a9fe) is a link-local or metadata address.*TERTULIA_ALLOW_LINK_LOCAL/,
    );
  }
});
