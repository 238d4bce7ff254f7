import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  ContactFlowId,
  InstanceId,
  otherInstance,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';

const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const list = (resourceArn: string) => pipeline.call('ListTagsForResource', { resourceArn });

describe('ListTagsForResource: serialization', () => {
  it('[SH2] has no body to be wrong: one that is sent all the same is not looked at', async () => {
    const answer = await pipeline.raw('GET', `/tags/${encodeURIComponent(instanceArn)}`, '{');
    assert.equal(answer.status, 200);
  });
});

describe('ListTagsForResource: validation', () => {
  it('[TG4] refuses what is no ARN of this service, and answers 404 to what is not there', async () => {
    assert.deepEqual([(await list('flow')).status, (await list('flow')).type], [400, 'InvalidRequestException']);
    assert.equal((await list(`${instanceArn}/contact/x`)).type, 'InvalidRequestException');
    const unknown = await list(`${instanceArn}/contact-flow/nowhere`);
    assert.deepEqual([unknown.status, unknown.type], [404, 'ResourceNotFoundException']);
    const mixed = await list(`${instanceArn}/contact-flow/${otherInstance.flows[0]?.id}`);
    assert.equal(mixed.type, 'ResourceNotFoundException');
  });
});

describe('ListTagsForResource: behaviour', () => {
  it('[TG3] answers an empty map for what has no tags', async () => {
    for (const arn of [instanceArn, `${instanceArn}/contact-flow/${ContactFlowId}`]) {
      assert.deepEqual((await list(arn)).body, { tags: {} });
    }
  });

  it('[TG3, HT8] finds the flow whose ARN is encoded in the path', async () => {
    const resourceArn = `${instanceArn}/contact-flow/${ContactFlowId}`;
    await pipeline.call('TagResource', { resourceArn, tags: { a: '1' } });
    assert.deepEqual((await list(resourceArn)).body, { tags: { a: '1' } });
    assert.equal((await pipeline.raw('GET', `/tags/${resourceArn}`)).type, 'UnknownOperationException');
  });
});
