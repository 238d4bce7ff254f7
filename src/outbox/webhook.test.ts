import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { ConfirmSubscriptionCommand, SNSClient } from '@aws-sdk/client-sns';
import { testCertificates } from '../../test/support/certificates.ts';
import { startChild } from '../../test/support/child.ts';
import { type Endpoint, openEndpoint, type Posted } from '../../test/support/endpoint.ts';
import { openJournal, within } from '../../test/support/journal.ts';
import { openTestListener } from '../../test/support/listener.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { openEgress } from '../runtime/egress.ts';
import { systemIds } from '../runtime/ids.ts';
import { fileKeeper } from '../runtime/kept.ts';
import { lifetime } from '../runtime/lifetime.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import { type Parcel, Rejected } from './destination.ts';
import { openSubscriptions, signingProblem, type WebhookConfig } from './webhook.ts';

const topic = 'arn:aws:sns:us-east-1:123456789012:chat';
const time = Date.UTC(2026, 0, 31, 12, 0, 0, 7);
const never = new AbortController().signal;

function parcel(number = 1, of: Partial<Parcel> = {}): Parcel {
  return {
    id: `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    topic,
    body: JSON.stringify({ Type: 'MESSAGE', Content: `Grüße "${number}"\n\u{1F600}` }),
    time,
    attributes: { ContactId: 'contact', ContentType: 'text/plain' },
    ...of,
  };
}

/** What a webhook needs of a server: a store, and a listener with a certificate that the test's authority issued. */
async function openWorld({ dataDir = ':memory:', pathPrefix = '', asked = [] as readonly string[] } = {}) {
  const life = lifetime();
  const store = life.own(openSqlite(dataDir, systemSteady));
  const egress = life.own(openEgress({ allowsLinkLocal: false }));
  const steady = manualSteady();
  const confirmed = openJournal<string>();
  let base = '';
  const subscriptions = openSubscriptions({
    ...{ store, steady, egress, keeper: fileKeeper(dataDir, systemIds()), asked, ids: systemIds(), log: silentLog },
    clock: { now: () => time + 1000 },
    baseUrl: () => base,
    onConfirmed: (of) => confirmed.add(of),
  });
  const { cert, key } = testCertificates();
  const elsewhere = { status: 418, headers: {}, body: '' };
  const listener = await openTestListener(
    {
      opened(port) {
        base = `https://127.0.0.1:${port}${pathPrefix}`;
      },
      answer: async (request) => (await subscriptions.answer(request)) ?? elsewhere,
    },
    { pathPrefix, tls: { cert, key } },
  );
  life.own(listener);
  return {
    ...{ subscriptions, steady, confirmed, store, base },
    open: (url: URL, config: Partial<WebhookConfig> = {}) =>
      subscriptions.webhook({ url, signatureVersion: '1', isConfirmed: false, ...config }),
    [Symbol.asyncDispose]: () => life[Symbol.asyncDispose](),
  };
}

/** As an endpoint calls back: by https, trusting the test's authority. */
async function call(url: string | URL, method = 'GET') {
  const request = requestHttps(url, { method, ca: testCertificates().ca, agent: false }).end();
  const [response] = await within(
    'an answer',
    new Promise<[import('node:http').IncomingMessage]>((resolve, reject) => {
      request.on('response', (one) => resolve([one])).on('error', reject);
    }),
  );
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

const envelopeIn = ({ body }: Posted) => JSON.parse(body) as Record<string, string>;
const typesAt = ({ posted }: Endpoint) => posted.all.map((one) => envelopeIn(one).Type);
const subscribeUrlAt = ({ posted }: Endpoint) => envelopeIn(posted.all[0] as Posted).SubscribeURL ?? '';

/** An endpoint that confirms before it answers, as bots do that await all. */
const confirming = async (posted: Posted, response: ServerResponse) => {
  const { SubscribeURL } = envelopeIn(posted);
  if (SubscribeURL) assert.equal((await call(SubscribeURL)).status, 200);
  response.end();
};

const waits = /has not confirmed its subscription to arn:aws:sns:us-east-1:123456789012:chat: .* GET the SubscribeURL/;

/** How each message ends in a validator that has a process of its own. */
async function validated(messages: readonly object[]): Promise<string[]> {
  const trust = ['env', `NODE_EXTRA_CA_CERTS=${testCertificates().caFile}`];
  const each = messages.map((message) => JSON.stringify(message));
  await using child = startChild('sns-validator-child.ts', each, trust);
  return await within('the validator', child.rest());
}

describe('the envelope', () => {
  test('[SN1] is what SNS posts, members and headers', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url, { isConfirmed: true });
    await webhook.deliver(parcel(), never);
    const [posted] = endpoint.posted.all;
    assert.ok(posted);
    const { Signature, SigningCertURL, UnsubscribeURL, ...rest } = envelopeIn(posted);
    assert.deepEqual(rest, {
      Type: 'Notification',
      MessageId: parcel().id,
      TopicArn: topic,
      Message: parcel().body,
      Timestamp: '2026-01-31T12:00:00.007Z',
      SignatureVersion: '1',
      MessageAttributes: {
        ContactId: { Type: 'String', Value: 'contact' },
        ContentType: { Type: 'String', Value: 'text/plain' },
      },
    });
    assert.match(Signature ?? '', /^[A-Za-z0-9+/]{342}==$/);
    assert.match(
      SigningCertURL ?? '',
      /^https:\/\/127\.0\.0\.1:\d+\/sns\/SimpleNotificationService-[0-9a-f]{32}\.pem$/,
    );
    const arn = new URL(UnsubscribeURL ?? '').searchParams.get('SubscriptionArn') ?? '';
    assert.match(arn, /^arn:aws:sns:us-east-1:123456789012:chat:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const sent = Object.entries(posted.headers).filter(([name]) => !['host', 'connection'].includes(name));
    assert.deepEqual(Object.fromEntries(sent), {
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-message-id': parcel().id,
      'x-amz-sns-topic-arn': topic,
      'x-amz-sns-subscription-arn': arn,
      'content-type': 'text/plain; charset=UTF-8',
      'content-length': String(Buffer.byteLength(posted.body)),
      'user-agent': 'Amazon Simple Notification Service Agent',
    });
    assert.equal(posted.method, 'POST');
  });

  test('[SN1] is the same in every attempt, and has no attributes where there are none', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url, { isConfirmed: true });
    for (const one of [parcel(), parcel(), parcel(2, { attributes: {} })]) await webhook.deliver(one, never);
    const [first, again, bare] = endpoint.posted.all;
    assert.equal(first?.body, again?.body);
    assert.ok(bare && !('MessageAttributes' in envelopeIn(bare)));
  });

  for (const signatureVersion of ['1', '2'] as const) {
    test(`[SN2, SN3] is accepted by an SNS validator in version ${signatureVersion}, and refused if it was changed`, async () => {
      await using world = await openWorld();
      await using endpoint = await openEndpoint(confirming);
      await using webhook = await world.open(endpoint.url, { signatureVersion });
      await webhook.deliver(parcel(), never);
      const [question, notification] = endpoint.posted.all.map(envelopeIn);
      assert.ok(question && notification);
      assert.deepEqual(
        [question.Type, notification.Type, notification.SignatureVersion],
        ['SubscriptionConfirmation', 'Notification', signatureVersion],
      );
      const { TopicArn: _, ...withoutTopic } = notification;
      const { Token: __, ...withoutToken } = question;
      const accepted = [question, notification, { ...notification, MessageAttributes: {} }];
      const invalid = [
        { ...notification, Message: `${notification.Message} ` },
        { ...notification, MessageId: parcel(2).id },
        { ...notification, Timestamp: '2026-01-31T12:00:00.008Z' },
        { ...notification, TopicArn: `${topic}2` },
        { ...notification, Subject: 'new' },
        { ...notification, Signature: question.Signature },
        { ...notification, SignatureVersion: signatureVersion === '1' ? '2' : '1' },
        { ...question, Token: `${question.Token}0` },
        { ...question, SubscribeURL: 'https://127.0.0.1/' },
        { ...question, Type: 'Notification' },
      ];
      const incomplete = [withoutTopic, withoutToken];
      const foreign = { ...notification, SigningCertURL: 'https://sns.example.com/a.pem' };
      assert.deepEqual(await validated([...accepted, ...invalid, ...incomplete, foreign]), [
        ...accepted.map(() => 'accepted'),
        ...invalid.map(() => 'The message signature is invalid.'),
        ...incomplete.map(() => 'Message missing required keys.'),
        'The certificate is located on an invalid domain.',
      ]);
    });
  }

  test('[SN3, SN5] is accepted where the public URL has a path', async () => {
    await using world = await openWorld({ pathPrefix: '/connect' });
    await using endpoint = await openEndpoint(confirming);
    await using webhook = await world.open(endpoint.url);
    await webhook.deliver(parcel(), never);
    const [question, notification] = endpoint.posted.all.map(envelopeIn);
    assert.ok(question && notification);
    for (const url of [question.SubscribeURL, notification.SigningCertURL, notification.UnsubscribeURL])
      assert.ok(url?.startsWith(`${world.base}/sns/`), url);
    assert.deepEqual(await validated([question, notification]), ['accepted', 'accepted']);
  });

  test('[SN12] is of little use on a public URL that is not https', () => {
    assert.equal(signingProblem('https://chat.example.com'), undefined);
    assert.match(
      signingProblem('http://127.0.0.1:8378') ?? '',
      /^http:\/\/127\.0\.0\.1:8378 is plain http: .*TERTULIA_PUBLIC_URL to an https URL/,
    );
  });
});

describe('the certificate', () => {
  test('[SN5] is answered where the envelope says', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url, { isConfirmed: true });
    await webhook.deliver(parcel(), never);
    const { SigningCertURL = '' } = envelopeIn(endpoint.posted.all[0] as Posted);
    const answer = await call(SigningCertURL);
    assert.deepEqual([answer.status, answer.type], [200, 'application/x-pem-file']);
    assert.equal(new X509Certificate(answer.body).subject, 'CN=sns.127.0.0.1');
  });

  test('[SN4, SN10] is not made before there is a webhook', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tertulia-webhook-'));
    try {
      await using world = await openWorld({ dataDir });
      const { status, body } = await call(`${world.base}/sns/?Action=Unsubscribe`);
      assert.equal(status, 404);
      assert.match(body, /<Code>NotFound<\/Code><Message>No webhook is configured/);
      assert.ok(!existsSync(join(dataDir, 'sns-signing.json')));
      await world.open(new URL('http://127.0.0.1:1/'));
      assert.ok(existsSync(join(dataDir, 'sns-signing.json')));
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});

describe('a signing key that cannot be kept', () => {
  test('[SN4] fails the opening, and is made by the next one', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'tertulia-webhook-'));
    const dataDir = join(parent, 'data');
    try {
      await using egress = openEgress({ allowsLinkLocal: false });
      await using store = openSqlite(':memory:', systemSteady);
      const subscriptions = openSubscriptions({
        ...{ store, egress, keeper: fileKeeper(dataDir, systemIds()), ids: systemIds(), log: silentLog },
        steady: systemSteady,
        clock: { now: () => time },
        baseUrl: () => 'https://127.0.0.1',
        onConfirmed: () => {},
      });
      const config = { url: new URL('http://127.0.0.1:1/'), signatureVersion: '1', isConfirmed: true } as const;
      writeFileSync(dataDir, 'in the way');
      await assert.rejects(subscriptions.webhook(config), { code: 'ENOTDIR' });
      rmSync(dataDir);
      await using _ = await subscriptions.webhook(config);
      assert.ok(existsSync(join(dataDir, 'sns-signing.json')));
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});

describe('the subscription', () => {
  test('[SN6, SN8] is asked for before the first notification, which waits for the answer', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url);
    await assert.rejects(webhook.deliver(parcel(), never), (failure: Error) => {
      assert.match(failure.message, waits);
      assert.doesNotMatch(failure.message, /secret|Grüße/);
      return !(failure instanceof Rejected);
    });
    const [posted] = endpoint.posted.all;
    assert.ok(posted);
    const { MessageId = '', Token = '', SubscribeURL = '', Signature, SigningCertURL, ...rest } = envelopeIn(posted);
    assert.deepEqual(rest, {
      Type: 'SubscriptionConfirmation',
      TopicArn: topic,
      Message: `You have chosen to subscribe to the topic ${topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
      Timestamp: '2026-01-31T12:00:01.007Z',
      SignatureVersion: '1',
    });
    assert.ok(Signature && SigningCertURL);
    assert.deepEqual(
      ['type', 'id', 'topic-arn', 'subscription-arn'].map(
        (name) => posted.headers[`x-amz-sns-${name === 'type' || name === 'id' ? 'message-' : ''}${name}`],
      ),
      ['SubscriptionConfirmation', MessageId, topic, undefined],
    );
    const url = new URL(SubscribeURL);
    assert.deepEqual(Object.fromEntries(url.searchParams), { Action: 'ConfirmSubscription', TopicArn: topic, Token });
    assert.match(Token, /^[0-9a-f]{64}$/);

    const answers = [await call(SubscribeURL), await call(SubscribeURL)];
    assert.deepEqual(world.confirmed.all, [topic, topic]);
    await webhook.deliver(parcel(), never);
    assert.deepEqual(typesAt(endpoint), ['SubscriptionConfirmation', 'Notification']);
    const arn = endpoint.posted.all[1]?.headers['x-amz-sns-subscription-arn'];
    for (const { status, type, body } of answers) {
      assert.deepEqual([status, type], [200, 'text/xml']);
      assert.match(
        body,
        /^<ConfirmSubscriptionResponse xmlns="http:\/\/sns\.amazonaws\.com\/doc\/2010-03-31\/"><ConfirmSubscriptionResult><SubscriptionArn>.*<\/SubscriptionArn><\/ConfirmSubscriptionResult><ResponseMetadata><RequestId>[0-9a-f-]{36}<\/RequestId>/,
      );
      assert.ok(body.includes(`<SubscriptionArn>${arn}</SubscriptionArn>`));
    }
  });

  test('[SN6] that is confirmed before the answer holds up nothing', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint(confirming);
    await using webhook = await world.open(endpoint.url);
    for (const number of [1, 2]) await webhook.deliver(parcel(number), never);
    assert.deepEqual(typesAt(endpoint), ['SubscriptionConfirmation', 'Notification', 'Notification']);
  });

  test('[SN6] is one for each topic and each URL', async () => {
    await using world = await openWorld();
    await using one = await openEndpoint();
    await using other = await openEndpoint();
    await using toOne = await world.open(one.url);
    await using toOther = await world.open(other.url);
    await assert.rejects(toOne.deliver(parcel(), never), waits);
    await call(subscribeUrlAt(one));
    await toOne.deliver(parcel(), never);
    await assert.rejects(toOne.deliver(parcel(1, { topic: `${topic}-2` }), never), /has not confirmed .*chat-2/);
    await assert.rejects(toOther.deliver(parcel(), never), waits);
    assert.deepEqual(typesAt(one), ['SubscriptionConfirmation', 'Notification', 'SubscriptionConfirmation']);
    assert.deepEqual(typesAt(other), ['SubscriptionConfirmation']);
    const tokens = [...one.posted.all, ...other.posted.all].map((posted) => envelopeIn(posted).Token);
    assert.equal(new Set(tokens.filter(Boolean)).size, 3);
  });

  test('[SN7] is asked for again after a minute, by the same token, and of many at once by one', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url);
    const deliveries = await Promise.allSettled([1, 2, 3].map((number) => webhook.deliver(parcel(number), never)));
    for (const each of deliveries) assert.match(String(each.status === 'rejected' && each.reason), waits);
    assert.equal(endpoint.posted.all.length, 1);
    world.steady.advance(59_999);
    await assert.rejects(webhook.deliver(parcel(), never), waits);
    assert.equal(endpoint.posted.all.length, 1);
    world.steady.advance(1);
    await assert.rejects(webhook.deliver(parcel(), never), waits);
    assert.equal(endpoint.posted.all.length, 2);
    const [first, second] = endpoint.posted.all.map(envelopeIn);
    assert.notEqual(first?.MessageId, second?.MessageId);
    assert.equal(first?.Token, second?.Token);
  });

  for (const status of [302, 400, 404, 500]) {
    test(`[SN7, SN11] is asked for again with the next attempt of an endpoint that answered ${status}`, async () => {
      await using world = await openWorld();
      await using endpoint = await openEndpoint((_, response) => response.writeHead(status).end());
      await using webhook = await world.open(endpoint.url);
      for (let time = 1; time <= 2; time += 1) {
        await assert.rejects(webhook.deliver(parcel(), never), (failure: Error) => {
          assert.equal(failure.message, `${endpoint.url.host} answered ${status} to a SubscriptionConfirmation`);
          return !(failure instanceof Rejected);
        });
        assert.equal(endpoint.posted.all.length, time);
      }
    });
  }

  test('[SN4, SN7, SN8] outlives a restart when it is confirmed, and its SubscribeURL when it is not', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tertulia-webhook-'));
    try {
      await using endpoint = await openEndpoint();
      const seen: Record<string, string>[] = [];
      const run = async (then: (deliver: () => Promise<void>) => Promise<void>) => {
        await using world = await openWorld({ dataDir });
        await using webhook = await world.open(endpoint.url);
        await then(() => webhook.deliver(parcel(), never));
        const last = endpoint.posted.all.map(envelopeIn).at(-1) ?? {};
        const { body } = await call(last.SigningCertURL ?? '');
        seen.push({ Type: last.Type ?? '', Token: last.Token ?? '', certificate: body });
      };
      await run((deliver) => assert.rejects(deliver(), waits));
      await run((deliver) => assert.rejects(deliver(), waits));
      const [first, second] = seen;
      assert.deepEqual(first, second, 'asked at once after the restart, and with the same token');
      await run(async (deliver) => {
        // The port is another one; the token is that of before.
        await assert.rejects(deliver(), waits);
        await call(envelopeIn(endpoint.posted.all.at(-1) as Posted).SubscribeURL ?? '');
      });
      await run((deliver) => deliver());
      assert.deepEqual(typesAt(endpoint), [...Array(3).fill('SubscriptionConfirmation'), 'Notification']);
      assert.equal(new Set(seen.map((each) => each.certificate)).size, 1);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  test('[SN5, SN7, SN8] is verified and confirmed after a restart before anything is delivered again', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tertulia-webhook-'));
    try {
      await using endpoint = await openEndpoint();
      {
        await using world = await openWorld({ dataDir });
        await using webhook = await world.open(endpoint.url);
        await assert.rejects(webhook.deliver(parcel(), never), waits);
      }
      const { SigningCertURL = '', SubscribeURL = '' } = envelopeIn(endpoint.posted.all[0] as Posted);
      await using world = await openWorld({ dataDir, asked: [endpoint.url.href] });
      // The port is another one.
      const now = (url: string) => world.base + new URL(url).pathname + new URL(url).search;
      assert.equal((await call(now(SigningCertURL))).status, 200);
      assert.equal((await call(now(SubscribeURL))).status, 200);
      assert.deepEqual(world.confirmed.all, [topic]);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  test('[SN8] is confirmed by the SDK, too', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url);
    await assert.rejects(webhook.deliver(parcel(), never), waits);
    const { Token } = envelopeIn(endpoint.posted.all[0] as Posted);
    const client = new SNSClient({
      region: 'us-east-1',
      endpoint: `${world.base}/sns`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: { httpsAgent: { ca: testCertificates().ca } },
    });
    try {
      const wrong = new ConfirmSubscriptionCommand({ TopicArn: topic, Token: `${Token}0` });
      await assert.rejects(client.send(wrong), { name: 'InvalidParameterException' });
      const { SubscriptionArn } = await client.send(new ConfirmSubscriptionCommand({ TopicArn: topic, Token }));
      assert.ok(SubscriptionArn?.startsWith(`${topic}:`));
    } finally {
      client.destroy();
    }
    await webhook.deliver(parcel(), never);
  });

  test('[SN8] is not confirmed by a token that is not its own', async () => {
    await using world = await openWorld();
    await using one = await openEndpoint();
    await using webhook = await world.open(one.url);
    await assert.rejects(webhook.deliver(parcel(), never), waits);
    const url = subscribeUrlAt(one);
    const token = new URL(url).searchParams.get('Token') ?? '';
    for (const wrong of [
      url.slice(0, -1),
      url.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      url.replace('chat', 'chat2'),
      url.replace(token, ''),
      url.replace(token, '%00%ff'),
      url.replace(/&Token=.*/, ''),
      url.replace(/&TopicArn=[^&]*/, ''),
    ]) {
      const { status, type, body } = await call(wrong);
      assert.deepEqual([status, type], [400, 'text/xml'], wrong);
      assert.match(
        body,
        /^<ErrorResponse xmlns="http:\/\/sns\.amazonaws\.com\/doc\/2010-03-31\/"><Error><Type>Sender<\/Type><Code>InvalidParameter<\/Code><Message>Invalid parameter: Token<\/Message><\/Error><RequestId>/,
      );
    }
    assert.deepEqual([world.confirmed.all.length, (await world.store.resources('subscription')).length], [0, 0]);
    await assert.rejects(webhook.deliver(parcel(), never), waits);
  });

  test('[SN9] is not asked for where the configuration says so', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint();
    await using webhook = await world.open(endpoint.url, { isConfirmed: true });
    await webhook.deliver(parcel(), never);
    assert.deepEqual(typesAt(endpoint), ['Notification']);
  });

  test('[SN10] is not ended by a request', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint(confirming);
    await using webhook = await world.open(endpoint.url);
    await webhook.deliver(parcel(), never);
    const { UnsubscribeURL = '' } = envelopeIn(endpoint.posted.all[1] as Posted);
    const { status, body } = await call(UnsubscribeURL);
    assert.equal(status, 403);
    assert.match(
      body,
      /<Code>AuthorizationError<\/Code><Message>.* take it out of the streams of the configuration\.</,
    );
    await webhook.deliver(parcel(2), never);
  });

  test('[SN10] answers nothing else below /sns, and leaves the rest to others', async () => {
    await using world = await openWorld();
    await using _ = await world.open(new URL('http://127.0.0.1:1/'));
    const asked: readonly (readonly [string, string])[] = [
      ['GET', '/sns'],
      ['GET', '/sns/?Action=Publish'],
      ['POST', '/sns/?Action=ConfirmSubscription'],
      ['DELETE', '/sns/'],
      ['GET', '/sns/other'],
      ['GET', `/sns/SimpleNotificationService-${'0'.repeat(32)}.pem`],
      ['GET', '/snsx'],
      ['GET', '/'],
    ];
    const statuses: unknown[] = [];
    for (const [method, path] of asked) statuses.push((await call(world.base + path, method)).status);
    assert.deepEqual(statuses, [400, 400, 400, 405, 404, 404, 418, 418]);
  });
});

describe('a delivery', () => {
  for (const [status, isRejected] of [
    [302, false],
    [400, true],
    [403, true],
    [408, false],
    [425, false],
    [429, false],
    [500, false],
  ] as const) {
    test(`[SN11] that was answered ${status} is ${isRejected ? 'rejected' : 'left untold'}`, async () => {
      await using world = await openWorld();
      await using endpoint = await openEndpoint((_, response) => response.writeHead(status).end());
      await using webhook = await world.open(endpoint.url, { isConfirmed: true });
      await assert.rejects(webhook.deliver(parcel(), never), (failure: Error) => {
        assert.match(failure.message, new RegExp(`^${endpoint.url.host} answered ${status}`));
        assert.doesNotMatch(failure.message, /secret|Grüße/);
        return failure instanceof Rejected === isRejected;
      });
    });
  }

  test('[SN11] is taken by any 2xx, whatever comes with it', async () => {
    await using world = await openWorld();
    await using endpoint = await openEndpoint((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.writeHead(202).on('drain', more);
      more();
    });
    await using webhook = await world.open(endpoint.url, { isConfirmed: true });
    await webhook.deliver(parcel(), never);
  });

  for (const isConfirmed of [true, false]) {
    test(`[SN11] to an endpoint that hangs is ended by the signal, ${isConfirmed ? 'confirmed' : 'or when it is asked'}`, async () => {
      await using world = await openWorld();
      await using endpoint = await openEndpoint(() => {});
      await using webhook = await world.open(endpoint.url, { isConfirmed });
      const end = new AbortController();
      const why = new Error('time is up');
      const [failure] = await within(
        'the end',
        Promise.all([
          webhook.deliver(parcel(), end.signal).catch((error: unknown) => error),
          endpoint.posted.until('a request', () => true).then(() => end.abort(why)),
        ]),
      );
      assert.equal(failure, why);
    });
  }
});
