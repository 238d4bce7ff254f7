import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  ConnectClient,
  DescribeContactCommand,
  LimitExceededException,
  StartChatContactCommand,
  StopContactCommand,
  ThrottlingException,
} from '@aws-sdk/client-connect';
import { ConnectParticipantClient, SendEventCommand, SendMessageCommand } from '@aws-sdk/client-connectparticipant';
import { typing } from '../../src/domain/content-type.ts';
import { controlAt } from '../support/control.ts';
import {
  type Api,
  ContactFlowId,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  testServer,
  transcript,
} from '../support/server.ts';

const directory = mkdtempSync(join(tmpdir(), 'tertulia-quotas-'));
after(() => rmSync(directory, { recursive: true }));

/** A server with quotas of its own, and the clients of somebody who does not try again. */
async function limited(quotas: object, environment: Record<string, string> = {}) {
  const file = join(directory, 'quotas.json');
  writeFileSync(file, JSON.stringify(quotas));
  const { api, [Symbol.asyncDispose]: stop } = await testServer({ TERTULIA_QUOTAS: file, ...environment });
  const options = {
    endpoint: api.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  };
  const once: Api = {
    ...api,
    connect: new ConnectClient(options),
    participant: new ConnectParticipantClient(options),
  };
  return {
    api,
    once,
    throttled: async () => (await controlAt(api.endpoint)('GET /info')).body.throttled,
    async [Symbol.asyncDispose]() {
      once.connect.destroy();
      once.participant.destroy();
      await stop();
    },
  };
}

/** How many of so many calls at once succeed, and the errors of the others. */
async function atOnce(count: number, call: () => Promise<unknown>) {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, call));
  return {
    succeeded: outcomes.filter(({ status }) => status === 'fulfilled').length,
    errors: outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : [])),
  };
}

const slow = { rate: 0.001, burst: 2 };

test('[QU3, QU6] a call too many is 429 with Retry-After in whole seconds, and is counted', async () => {
  await using scene = await limited({ rates: { DescribeContact: { rate: 0.1, burst: 2 }, StartChatContact: slow } });
  const { ContactId } = await startChat(scene.once);
  const describe = () => scene.once.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
  const { succeeded, errors } = await atOnce(5, describe);
  assert.equal(succeeded, 2);
  for (const error of errors) {
    assert(error instanceof ThrottlingException, String(error));
    assert.equal(error.$metadata.httpStatusCode, 429);
    assert.match(error.message, /Rate exceeded: DescribeContact may be called 0\.1 times a second, 2 at once/);
    assert.match(error.$response?.headers['retry-after'] ?? '', /^([1-9]|10)$/);
  }
  // One that is not modelled: the name is all that a client gets.
  const { errors: starts } = await atOnce(3, () => startChat(scene.once));
  assert.deepEqual(
    starts.map(({ name }) => name),
    ['TooManyRequestsException', 'TooManyRequestsException'],
  );
  assert.deepEqual(await scene.throttled(), { DescribeContact: 3, StartChatContact: 2 });
});

test('[QU3] the own retry of the SDK makes a burst of calls succeed', async () => {
  await using scene = await limited({ rates: { DescribeContact: { rate: 40, burst: 2 } } });
  const { ContactId } = await startChat(scene.api);
  const { succeeded, errors } = await atOnce(4, () =>
    scene.api.connect.send(new DescribeContactCommand({ InstanceId, ContactId })),
  );
  assert.deepEqual([succeeded, errors], [4, []]);
  const { DescribeContact } = await scene.throttled();
  assert(DescribeContact >= 2, `${DescribeContact} were refused at first`);
});

test('[QU2] SendMessage and SendEvent of an instance draw from one bucket, whoever sends', async () => {
  await using scene = await limited({ rates: { SendMessage: { rate: 0.001, burst: 3 } } });
  const { participant } = scene.once;
  const tokens = [];
  for (let each = 0; each < 2; each += 1) {
    const { token } = await connection(scene.api, await startChat(scene.api));
    tokens.push(token);
  }
  const [one, other] = tokens;
  const send = (ConnectionToken: string | undefined) =>
    participant.send(new SendMessageCommand({ ConnectionToken, ContentType: 'text/plain', Content: 'x' }));
  await send(one);
  await participant.send(new SendEventCommand({ ConnectionToken: other, ContentType: typing }));
  await send(other);
  for (const call of [
    () => send(one),
    () => participant.send(new SendEventCommand({ ConnectionToken: one, ContentType: typing })),
  ]) {
    await assert.rejects(call(), { name: 'ThrottlingException' });
  }
  assert.deepEqual(await scene.throttled(), { SendMessage: 1, SendEvent: 1 });
});

test('[QU4] an open chat too many is 429 LimitExceededException, also of those that come at once; an ended one makes room', async () => {
  await using scene = await limited({ concurrentChats: 3 });
  const start = (ClientToken?: string) => startChat(scene.once, ClientToken === undefined ? {} : { ClientToken });
  const first = await start('first');
  const { succeeded, errors } = await atOnce(12, () => start());
  assert.equal(succeeded, 2);
  for (const error of errors) {
    assert(error instanceof LimitExceededException, String(error));
    assert.equal(error.$metadata.httpStatusCode, 429);
    assert.match(error.message, /has 3 open chats, as many as it may have\. End one with StopContact/);
  }
  // It is a count, not a rate: waiting changes nothing, and it is not among what was called too often.
  assert.deepEqual(await scene.throttled(), {});
  // A repeat starts nothing.
  assert.equal((await start('first')).ContactId, first.ContactId);
  await scene.once.connect.send(new StopContactCommand({ InstanceId, ContactId: first.ContactId }));
  await start();
  await assert.rejects(start(), { name: 'LimitExceededException' });
});

for (const [setting, most] of [
  [undefined, 30],
  ['3', 3],
] as const) {
  test(`[QU5] one participant token makes ${most} connections at once, ${setting ? 'as set' : 'where nothing is set'}`, async () => {
    await using scene = await limited({}, setting ? { TERTULIA_CONNECTIONS_PER_TOKEN: setting } : {});
    const [busy, calm] = [await startChat(scene.api), await startChat(scene.api)];
    const { succeeded, errors } = await atOnce(most + 60, () => connection(scene.once, busy));
    // Three a second come back while they are made.
    assert(succeeded >= most && errors.length > 0, `${succeeded} of ${most + 60}`);
    for (const error of errors) assert.equal(error.name, 'ThrottlingException');
    const ana = await connection(scene.once, calm);
    await say(scene.once, ana, 'not disturbed');
    assert.deepEqual(inShort(await transcript(scene.once, ana)), ['joined Ana', 'not disturbed']);
    assert.deepEqual(await scene.throttled(), { CreateParticipantConnection: errors.length });
  });
}

test('[QU5] one participant token that is used in a loop takes nothing from the rate of its instance', async () => {
  const rates = { CreateParticipantConnection: { rate: 0.001, burst: 8 } };
  await using scene = await limited({ rates }, { TERTULIA_CONNECTIONS_PER_TOKEN: '3' });
  const [busy, calm] = [await startChat(scene.api), await startChat(scene.api)];
  const { errors } = await atOnce(20, () => connection(scene.once, busy));
  assert(errors.length > 12);
  for (const { message } of errors) assert.match(message, /may be called 0\.3 times a second, 3 at once/);
  await connection(scene.once, calm);
});

test('[QU1] the profile aws has the rates of Amazon', async () => {
  await using scene = await limited({}, { TERTULIA_QUOTAS: 'aws' });
  const call = () =>
    scene.once.connect.send(
      new StartChatContactCommand({ InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } }),
    );
  const { succeeded, errors } = await atOnce(60, call);
  // Eight at once, and five for every second that it took.
  assert(succeeded >= 8 && errors.length > 0, `${succeeded} of 60`);
  assert.match(errors[0]?.message ?? '', /may be called 5 times a second, 8 at once/);
});
