import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const StreamingEndpointArn = 'arn:aws:sns:us-east-1:123456789012:tertulia-one';
let pipeline: TestPipeline;
let streamed: { InstanceId: string; ContactId: string; StreamingId: string };
before(async () => {
  pipeline = await testPipeline();
  streamed = await openStream();
});

async function openStream() {
  const { ContactId } = await startChat(pipeline);
  const { body } = await pipeline.call('StartContactStreaming', {
    ...{ InstanceId, ContactId, ClientToken: 'c' },
    ChatStreamingConfiguration: { StreamingEndpointArn },
  });
  return { InstanceId, ContactId, StreamingId: body.StreamingId as string };
}

describe('StopContactStreaming', () => {
  const subject = {
    name: 'StopContactStreaming',
    get valid() {
      return streamed;
    },
    pipeline: () => pipeline,
  };
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/ContactId', {}, 'a string'],
    ['/StreamingId', 5, 'a string'],
  ]);
  validation(
    subject,
    [
      ['/StreamingId', undefined, 'not be null'],
      ['/StreamingId', 's'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/InstanceId', undefined, 'not be null'],
    ],
    [['/StreamingId', 's']],
  );

  it('[SS6] stops again, and after the end, without a change', async () => {
    const stream = await openStream();
    const stop = () => pipeline.call('StopContactStreaming', stream);
    const revision = async () => (await pipeline.store.chat({ contactId: stream.ContactId }))?.revision;
    assert.deepEqual((await stop()).body, {});
    const before = await revision();
    assert.equal((await stop()).status, 200);
    assert.equal(await revision(), before);
    const other = await openStream();
    await pipeline.call('StopContact', { InstanceId, ContactId: other.ContactId });
    assert.equal((await pipeline.call('StopContactStreaming', other)).status, 200);
  });

  it('[SS6] refuses a StreamingId that the contact does not have', async () => {
    const other = await openStream();
    const answer = await pipeline.call('StopContactStreaming', { ...streamed, ContactId: other.ContactId });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    assert.match(answer.body.message, new RegExp(`has no stream ${streamed.StreamingId}`));
  });

  it('[SS6] frees the place of the stream', async () => {
    const stream = await openStream();
    const start = (name: string) =>
      pipeline.call('StartContactStreaming', {
        ...{ InstanceId, ContactId: stream.ContactId, ClientToken: name },
        ChatStreamingConfiguration: { StreamingEndpointArn: `arn:aws:sns:us-east-1:123456789012:tertulia-${name}` },
      });
    await start('two');
    assert.equal((await start('three')).status, 429);
    await pipeline.call('StopContactStreaming', stream);
    assert.equal((await start('four')).status, 200);
  });
});
