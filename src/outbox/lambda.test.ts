import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Destination, type Parcel, Rejected } from './destination.ts';
import { openLambda } from './lambda.ts';
import { snsEvent } from './sns-event.ts';

// The SDK looks here first; without these it would ask the network for the role of a machine.
process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';

const parcel: Parcel = {
  ...{ id: '30000000-0000-5000-8000-000000000001', topic: 'arn:aws:sns:eu-west-1:123456789012:bots' },
  ...{ body: '{"Content":"Grüße"}', time: 1_700_000_000_123, attributes: { ContactId: 'c' } },
};
const { signal } = new AbortController();

interface Invoked {
  readonly head: IncomingMessage;
  readonly event: unknown;
}

/** What the service says to an invocation. */
interface Said {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A server that speaks the REST protocol of Invoke and says the same to everybody; undefined: nothing. */
async function withLambda(
  say: Said | undefined,
  run: (lambda: Destination, invoked: Invoked[], endpoint: string) => Promise<void>,
  name = 'reply',
): Promise<void> {
  const invoked: Invoked[] = [];
  const answer = async (head: IncomingMessage, response: ServerResponse) => {
    invoked.push({ head, event: await json(head) });
    if (say) response.writeHead(say.status ?? 200, say.headers).end(say.body ?? 'null');
  };
  const server = createServer((head, response) => void answer(head, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await using lambda = await openLambda({ function: name, endpoint });
    await run(lambda, invoked, endpoint);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function fails(delivered: Promise<void>, isRefusal: boolean, message: string): Promise<void> {
  await assert.rejects(delivered, (failure: Error) => {
    assert.deepEqual([failure.message, failure instanceof Rejected], [message, isRefusal]);
    return true;
  });
}

const region = ({ head }: Invoked) => /\/([a-z]+-[a-z]+-\d)\/lambda\//.exec(head.headers.authorization ?? '')?.[1];

test('[DE10] is invoked with the event of SNS, and its end waited for', () =>
  withLambda({ body: '{"any":"answer"}' }, async (lambda, invoked) => {
    await lambda.deliver(parcel, signal);
    const [{ head, event } = assert.fail()] = invoked;
    assert.deepEqual([head.method, head.url], ['POST', '/2015-03-31/functions/reply/invocations']);
    assert.equal(head.headers['x-amz-invocation-type'], 'RequestResponse');
    assert.deepEqual(event, snsEvent(parcel));
  }));

test('[DE10] is asked for in the Region that is told, or its ARN’s, or the topic’s', () =>
  withLambda({}, async (lambda, invoked, endpoint) => {
    const arn = 'arn:aws:lambda:us-west-2:123456789012:function:reply:live';
    await using named = await openLambda({ function: arn, endpoint });
    await using told = await openLambda({ function: arn, endpoint, region: 'ap-south-1' });
    for (const each of [lambda, named, told]) await each.deliver(parcel, signal);
    assert.deepEqual(invoked.map(region), ['eu-west-1', 'us-west-2', 'ap-south-1']);
    const url = invoked[1]?.head.url ?? '';
    assert.equal(decodeURIComponent(url), `/2015-03-31/functions/${arn}/invocations`);
  }));

for (const [kind, body, type] of [
  ['Unhandled', '{"errorType":"TypeError","errorMessage":"secret","stackTrace":["secret"]}', 'TypeError'],
  ['Handled', '{"errorType":"My.Error","errorMessage":"secret"}', 'My.Error'],
  ['Unhandled', '{"errorType":"the secret","errorMessage":"x"}', 'an error'],
  ['Unhandled', '{"errorMessage":"secret"}', 'an error'],
  ['Unhandled', 'secret', 'an error'],
] as const) {
  test(`[DE12] refuses by failing (${kind}: ${body}), of which the type alone is told`, () =>
    withLambda({ headers: { 'x-amz-function-error': kind }, body }, (lambda) =>
      fails(lambda.deliver(parcel, signal), true, `the function failed with ${type}`),
    ));
}

// As the emulator answers for a handler that throws, one that runs too long, and a process that ends.
for (const [body, isRefusal, message] of [
  ['{"errorType":"TypeError","errorMessage":"no","trace":[]}', true, 'the function failed with TypeError'],
  ['Task timed out after 3.00 seconds', false, 'the function ran out of time'],
  ['', false, 'the function answered nothing: its process has ended'],
] as const) {
  test(`[DE12] has failed in a runtime interface emulator that answers ${JSON.stringify(body)} without a header`, () =>
    withLambda({ body }, (lambda) => fails(lambda.deliver(parcel, signal), isRefusal, message), 'function'));
}

for (const body of ['null', '"text"', '{"errorType":"a"}', '5', 'bytes of a custom runtime']) {
  test(`[DE12] has taken the event when it answers ${body}`, () =>
    withLambda({ body }, (lambda) => lambda.deliver(parcel, signal)));
}

for (const [status, type, isRefusal] of [
  [404, 'ResourceNotFoundException', true],
  [400, 'InvalidParameterValueException', true],
  [413, 'RequestTooLargeException', true],
  [403, 'AccessDeniedException', true],
  [409, 'ResourceConflictException', false],
  [429, 'TooManyRequestsException', false],
  [403, 'ExpiredTokenException', false],
  [403, 'UnrecognizedClientException', false],
  [500, 'ServiceException', false],
  [502, 'KMSDisabledException', false],
] as const) {
  test(`[DE11] ${isRefusal ? 'refuses' : 'is not known to have got it'} with ${status} ${type}, and is asked once`, () => {
    const body = '{"message":"secret","Type":"User"}';
    const headers = { 'x-amzn-errortype': type, 'content-type': 'application/json' };
    return withLambda({ status, headers, body }, async (lambda, invoked) => {
      await fails(lambda.deliver(parcel, signal), isRefusal, `Lambda answered ${status} ${type}`);
      assert.equal(invoked.length, 1);
    });
  });
}

for (const status of [400, 502]) {
  // An emulator that is busy answers 400 and nothing.
  test(`[DE11] is not known to have got it when ${status} has no name`, () =>
    withLambda({ status, body: '' }, (lambda) =>
      fails(lambda.deliver(parcel, signal), false, `Lambda answered ${status}`),
    ));
}

test('[DE11] is not known to have got anything where nobody listens', async () => {
  let closed = '';
  await withLambda({}, async (_lambda, _invoked, endpoint) => {
    closed = endpoint;
  });
  await using lambda = await openLambda({ function: 'reply', endpoint: closed });
  const { host } = new URL(closed);
  await fails(lambda.deliver(parcel, signal), false, `Lambda: connect ECONNREFUSED ${host}`);
});

test('[DE13] is let go of when its time is up', () =>
  withLambda(undefined, async (lambda, invoked) => {
    const limit = new AbortController();
    const aborted = assert.rejects(lambda.deliver(parcel, limit.signal), { name: 'AbortError' });
    while (invoked.length === 0) await new Promise((resolve) => void setImmediate(resolve));
    const closed = once(invoked[0]?.head.socket ?? assert.fail(), 'close');
    limit.abort();
    await aborted;
    await closed;
  }));
