import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const topic = (name: string, region = 'us-east-1') => `arn:aws:sns:${region}:123456789012:${name}`;
let made = 0;

function request(ContactId: string, StreamingEndpointArn: string, ClientToken?: string) {
  made += 1;
  const token = ClientToken ?? `token ${made}`;
  return { InstanceId, ContactId, ChatStreamingConfiguration: { StreamingEndpointArn }, ClientToken: token };
}

let pipeline: TestPipeline;
let ContactId: string;
before(async () => {
  pipeline = await testPipeline();
  ContactId = (await startChat(pipeline)).ContactId;
});
const start = (contact: string, arn: string, token?: string, at = pipeline) =>
  at.call('StartContactStreaming', request(contact, arn, token));

describe('StartContactStreaming: shapes', () => {
  const subject = {
    name: 'StartContactStreaming',
    get valid() {
      return request(ContactId, topic('tertulia-valid'), 'the same');
    },
    pipeline: () => pipeline,
  };
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/ChatStreamingConfiguration', 'x', 'an object'],
    ['/ChatStreamingConfiguration/StreamingEndpointArn', 5, 'a string'],
    ['/ClientToken', [], 'a string'],
    ['/ContactId', 5, 'a string'],
  ]);
  validation(
    subject,
    [
      ['/InstanceId', '', 'have length between 1 and 100, inclusive'],
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/ChatStreamingConfiguration', undefined, 'not be null'],
      ['/ChatStreamingConfiguration/StreamingEndpointArn', 'a'.repeat(351), 'have length between 1 and 350, inclusive'],
      ['/ClientToken', undefined, 'not be null'],
      ['/ClientToken', 'c'.repeat(501), 'have length less than or equal to 500'],
    ],
    [['/ClientToken', '']],
  );
});

describe('StartContactStreaming: which topics', () => {
  for (const [arn, said] of [
    ['nonsense', /is not the ARN of an SNS topic, such as arn:aws:sns:us-east-1:/],
    ['arn:aws:sqs:us-east-1:123456789012:queue', /is not the ARN of an SNS topic/],
    [topic('tertulia-x.fifo'), /is a FIFO topic/],
    [topic('tertulia-x', 'eu-west-1'), /is of another Region; the instance is in us-east-1/],
    [topic('unknown'), /leads nowhere: no "topics" of "streams" in the configuration file match it/],
  ] as const) {
    it(`[SS2] refuses ${arn}`, async () => {
      const answer = await start(ContactId, arn);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, said);
    });
  }
});

describe('StartContactStreaming: which contacts', () => {
  it('[SS1] takes a contact whose customer has not connected yet', async () => {
    const { ContactId: waiting } = await startChat(pipeline);
    const answer = await start(waiting, topic('tertulia-one'));
    assert.equal(answer.status, 200);
    assert.match(answer.body.StreamingId, /^[0-9a-f-]{36}$/);
  });

  it('[SS5] refuses an unknown contact, also one of another instance', async () => {
    for (const [contact, instance] of [
      ['nobody', InstanceId],
      [ContactId, otherInstance.id],
    ] as const) {
      const input = { ...request(contact, topic('tertulia-one')), InstanceId: instance };
      const answer = await pipeline.call('StartContactStreaming', input);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    }
  });

  it('[SS5] refuses one that ended, and says when', async () => {
    const { ContactId: over } = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: over });
    const answer = await start(over, topic('tertulia-one'));
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /ended at 2026-01-31T12:00:00\.\d{3}Z/);
  });
});

describe('StartContactStreaming: how many', () => {
  it('[SS3] answers the stream that there is for the same topic, and refuses a third', async () => {
    const { ContactId: contact } = await startChat(pipeline);
    const one = await start(contact, topic('tertulia-one'));
    const again = await start(contact, topic('tertulia-one'));
    assert.equal(again.body.StreamingId, one.body.StreamingId);
    await start(contact, topic('tertulia-two'));
    const third = await start(contact, topic('tertulia-three'));
    assert.deepEqual([third.status, third.type], [429, 'LimitExceededException']);
    assert.match(third.body.message, /Stop one with StopContactStreaming/);
    assert.equal((await start(contact, topic('tertulia-two'))).status, 200);
  });

  it('[SS3] admits two of five that come at once', async () => {
    const { ContactId: contact } = await startChat(pipeline);
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((name) => start(contact, topic(`tertulia-${name}`))),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 429, 429, 429]);
  });

  it('[SS7] refuses the hundred and first of one chat', async () => {
    const { ContactId: contact } = await startChat(pipeline);
    for (let count = 0; count < 100; count += 1) {
      const { body } = await start(contact, topic('tertulia-one'));
      await pipeline.call('StopContactStreaming', { InstanceId, ContactId: contact, StreamingId: body.StreamingId });
    }
    const answer = await start(contact, topic('tertulia-one'));
    assert.deepEqual([answer.status, answer.type], [429, 'LimitExceededException']);
    assert.match(answer.body.message, /has had 100 streams/);
  });
});

describe('StartContactStreaming: again with the same ClientToken', () => {
  it('[SS4] answers the same StreamingId, also after the stream was stopped and the chat ended', async () => {
    const { ContactId: contact } = await startChat(pipeline);
    const { body } = await start(contact, topic('tertulia-one'), 'mine');
    await pipeline.call('StopContactStreaming', { InstanceId, ContactId: contact, StreamingId: body.StreamingId });
    assert.deepEqual((await start(contact, topic('tertulia-one'), 'mine')).body, body);
    await pipeline.call('StopContact', { InstanceId, ContactId: contact });
    assert.deepEqual((await start(contact, topic('tertulia-one'), 'mine')).body, body);
  });

  it('[SS4] refuses another request', async () => {
    const { ContactId: contact } = await startChat(pipeline);
    await start(contact, topic('tertulia-one'), 'mine');
    const answer = await start(contact, topic('tertulia-two'), 'mine');
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /ClientToken was used for another request/);
  });
});
