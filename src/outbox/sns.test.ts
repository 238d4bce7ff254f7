import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startChild } from '../../test/support/child.ts';
import { type Parcel, Rejected } from './destination.ts';
import { openSns } from './sns.ts';

// The SDK looks here first; without these it would ask the network for the role of a machine.
process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';

const region = 'us-east-1';
const topic = `arn:aws:sns:${region}:000000000000:bots`;
const parcel: Parcel = {
  ...{
    id: '30000000-0000-5000-8000-000000000001',
    topic,
    body: '{"Content":"Grüße \\u0007"}',
    time: 1_700_000_000_123,
  },
  attributes: { InitialContactId: 'c1', MessageVisibility: 'ALL' },
};
const { signal } = new AbortController();

/** Rejects with that, and only with `Rejected` if it is a refusal. */
async function fails(delivered: Promise<void>, isRefusal: boolean, message: RegExp): Promise<void> {
  await assert.rejects(delivered, (failure: Error) => {
    assert.equal(failure instanceof Rejected, isRefusal, failure.message);
    assert.match(failure.message, message);
    assert.doesNotMatch(failure.message, /[\r\n]|Content|Gr/);
    return true;
  });
}

describe('a server that speaks SNS', async () => {
  const server = startChild('sns-server-child.ts', []);
  const endpoint = (await server.line()) ?? '';
  const queues = new SQSClient({ region, endpoint });
  after(async () => {
    queues.destroy();
    await server.kill();
  });

  test('[DE9] passes the item on to a subscribed queue, with its attributes as texts', async () => {
    await using sns = await openSns({ endpoint });
    await sns.deliver(parcel, signal);
    const asked = { QueueUrl: `${endpoint}/000000000000/bots`, WaitTimeSeconds: 20 };
    const { Messages: [message] = [] } = await queues.send(new ReceiveMessageCommand(asked));
    const { Type, TopicArn, Message, MessageAttributes } = JSON.parse(message?.Body ?? '');
    assert.deepEqual([Type, TopicArn, Message], ['Notification', topic, parcel.body]);
    assert.deepEqual(MessageAttributes, {
      InitialContactId: { Type: 'String', Value: 'c1' },
      MessageVisibility: { Type: 'String', Value: 'ALL' },
    });
  });

  test('[DE11] refuses what is for a topic that is not there', async () => {
    await using sns = await openSns({ endpoint });
    await fails(sns.deliver({ ...parcel, topic: `${topic}-none` }, signal), true, /^SNS answered 404 \w*NotFound\w*$/);
  });

  test('[DE11] is not known to have got anything when it is gone, and gets it when it is back', async () => {
    let other = startChild('sns-server-child.ts', []);
    const url = (await other.line()) ?? '';
    try {
      await using sns = await openSns({ endpoint: url });
      await sns.deliver(parcel, signal);
      await other.kill();
      await fails(sns.deliver(parcel, signal), false, /^SNS: (connect ECONNREFUSED|read ECONNRESET|socket hang up)/);
      other = startChild('sns-server-child.ts', [new URL(url).port]);
      await other.line();
      await sns.deliver(parcel, signal);
    } finally {
      await other.kill();
    }
  });
});

/** A server that answers as no fake of SNS would; counts what it is asked. */
async function answering(
  status: number,
  code: string | undefined,
  run: (endpoint: string, asked: IncomingMessage[]) => Promise<void>,
): Promise<void> {
  const asked: IncomingMessage[] = [];
  const odd = createServer((request, response) => {
    asked.push(request);
    if (status === 0) return;
    const sentence = 'Value \'{"Content":"Grüße"}\' failed';
    const error = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${sentence}</Message></Error></ErrorResponse>`;
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'text/xml' }).end(code === undefined ? '' : error);
    });
  }).listen(0, '127.0.0.1');
  await once(odd, 'listening');
  try {
    await run(`http://127.0.0.1:${(odd.address() as AddressInfo).port}`, asked);
  } finally {
    odd.closeAllConnections();
    odd.close();
  }
}

for (const [status, code, isRefusal] of [
  [400, 'InvalidParameter', true],
  [400, 'InvalidParameterValue', true],
  [400, 'EndpointDisabled', true],
  [403, 'AuthorizationError', true],
  [400, 'Throttling', false],
  [400, 'KMSThrottling', false],
  [429, 'Throttled', false],
  [408, 'RequestTimeout', false],
  [403, 'ExpiredToken', false],
  [403, 'InvalidSecurity', false],
  [403, 'SignatureDoesNotMatch', false],
  [403, 'InvalidClientTokenId', false],
  [500, 'InternalError', false],
  [503, 'ServiceUnavailable', false],
] as const) {
  test(`[DE11] ${isRefusal ? 'is refused' : 'is not known to have arrived'} with ${status} ${code}, and asked once`, () =>
    answering(status, code, async (endpoint, asked) => {
      await using sns = await openSns({ endpoint });
      await fails(sns.deliver(parcel, signal), isRefusal, new RegExp(`^SNS answered ${status} ${code}`));
      assert.equal(asked.length, 1);
    }));
}

// The SDK itself makes a NotFoundException of any 404.
for (const status of [400, 403, 502]) {
  test(`[DE11] is not known to have arrived with a ${status} that is not the service’s own`, () =>
    answering(status, undefined, async (endpoint) => {
      await using sns = await openSns({ endpoint });
      await fails(sns.deliver(parcel, signal), false, /./);
    }));
}

test('[DE13] ends when its time is up', () =>
  answering(0, undefined, async (endpoint, asked) => {
    await using sns = await openSns({ endpoint });
    const limit = new AbortController();
    const delivered = sns.deliver(parcel, limit.signal);
    const aborted = assert.rejects(delivered, { name: 'AbortError' });
    while (asked.length === 0) await new Promise((resolve) => void setImmediate(resolve));
    const [request] = asked;
    const closed = request && once(request.socket, 'close');
    limit.abort();
    await aborted;
    await closed;
  }));

test('[DE9] goes to the Region of the topic unless told another, through the connections it is given', () =>
  answering(400, 'InvalidParameter', async (endpoint, asked) => {
    const httpAgent = new HttpAgent();
    let made = 0;
    const createConnection = httpAgent.createConnection.bind(httpAgent);
    httpAgent.createConnection = (...given) => {
      made += 1;
      return createConnection(...given);
    };
    const egress = { agents: () => ({ httpAgent, httpsAgent: new HttpsAgent() }) };
    const other = { ...parcel, topic: topic.replace(region, 'eu-west-1') };
    await using own = await openSns({ endpoint }, egress);
    await using told = await openSns({ endpoint, region: 'ap-south-1' }, egress);
    for (const each of [own, told]) await assert.rejects(each.deliver(other, signal), Rejected);
    await assert.rejects(own.deliver(parcel, signal), Rejected);
    const signedFor = asked.map(({ headers }) => /\/(\w+-\w+-\d)\/sns\//.exec(headers.authorization ?? '')?.[1]);
    assert.deepEqual(signedFor, ['eu-west-1', 'ap-south-1', 'us-east-1']);
    assert.equal(made, 3);
    httpAgent.destroy();
  }));
