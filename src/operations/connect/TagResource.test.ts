import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  ContactFlowId,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';
import { developmentInstance } from '../../config.ts';
import { seed } from '../../seeds.ts';

const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
const flowArn = `${instanceArn}/contact-flow/${ContactFlowId}`;
const valid = { resourceArn: instanceArn, tags: { key: 'value' } };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'TagResource', valid, pipeline: () => pipeline };
const tag = (resourceArn: string, tags: Record<string, string>, at = pipeline) =>
  at.call('TagResource', { resourceArn, tags });
const tagsOf = async (resourceArn: string, at = pipeline) =>
  (await at.call('ListTagsForResource', { resourceArn })).body.tags;

describe('TagResource: serialization', () => {
  serialization(subject, [
    ['/tags', ['key'], 'an object'],
    ['/tags/key', 5, 'a string'],
  ]);
});

describe('TagResource: validation', () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`key${index}`, '']));
  const pattern = 'satisfy regular expression pattern: ^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*$';
  validation(
    subject,
    [
      ['/tags', undefined, 'not be null'],
      ['/tags', {}, 'have length between 1 and 50, inclusive'],
      ['/tags', many, 'have length between 1 and 50, inclusive'],
      ['/tags (key)', { ['k'.repeat(129)]: '' }, 'have length between 1 and 128, inclusive'],
      ['/tags (key)', { 'aws:key': '' }, pattern],
      ['/tags (key)', { 'a,b': '' }, pattern],
      ['/tags/key', 'v'.repeat(257), 'have length less than or equal to 256'],
    ],
    [['/tags', { 'clé 1_.:/=+-@日本': '' }]],
  );

  it('[TG4] refuses what is no ARN of this service, and the ARN of a contact', async () => {
    const { ContactId } = await startChat(pipeline);
    for (const [arn, message] of [
      [InstanceId, /^resourceArn is not the ARN/],
      ['arn:aws:sns:us-east-1:123456789012:topic', /^resourceArn is not the ARN/],
      [`${instanceArn}/contact-flow`, /^resourceArn is not the ARN/],
      [`${instanceArn}/contact/${ContactId}`, /TagContact/],
    ] as const) {
      const answer = await tag(arn, { a: '1' });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException'], arn);
      assert.match(answer.body.message, message);
    }
  });

  it('[TG4] answers 404 to what is not there, or is another account’s or Region’s', async () => {
    for (const arn of [
      instanceArn.replace(InstanceId, 'nowhere'),
      instanceArn.replace('123456789012', otherInstance.account),
      instanceArn.replace('us-east-1', 'eu-west-1'),
      `${instanceArn}/contact-flow/nowhere`,
      `${instanceArn}/contact-flow/${otherInstance.flows[0]?.id}`,
      `${instanceArn}/queue/${ContactFlowId}`,
    ]) {
      const answer = await tag(arn, { a: '1' });
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], arn);
    }
  });
});

describe('TagResource: behaviour', () => {
  it('[TG3] adds tags to an instance and to a flow, each its own', async () => {
    const at = await testPipeline();
    const answer = await tag(instanceArn, { stage: 'test', 'cost centre': '7' }, at);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    await tag(flowArn, { stage: 'flow', ['__proto__']: 'own' }, at);
    await tag(instanceArn, { stage: 'production' }, at);
    assert.deepEqual(await tagsOf(instanceArn, at), { stage: 'production', 'cost centre': '7' });
    assert.deepEqual(Object.entries(await tagsOf(flowArn, at)), [
      ['stage', 'flow'],
      ['__proto__', 'own'],
    ]);
  });

  it('[TG3] leaves the instance what it was', async () => {
    const at = await testPipeline();
    await tag(instanceArn, { account: '000000000000', region: 'nowhere' }, at);
    assert.equal((await startChat(at)).token.length > 0, true);
  });

  it('[TG3] has room for fifty tags in all; a request for more changes nothing', async () => {
    const at = await testPipeline();
    const some = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${from + index}`, '']));
    await tag(flowArn, some(0, 40), at);
    const answer = await tag(flowArn, some(39, 12), at);
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /would have 51 tags with these; it may have 50\. .*UntagResource/);
    assert.equal((await tag(flowArn, some(39, 11), at)).status, 200);
    assert.equal(Object.keys(await tagsOf(flowArn, at)).length, 50);
  });

  it('[TG5] does not make a seeded instance or flow contradict its configuration', async () => {
    const at = await testPipeline();
    await tag(instanceArn, { stage: 'test' }, at);
    await tag(flowArn, { stage: 'test' }, at);
    await seed(at.store, [developmentInstance], at.time.now);
    assert.deepEqual(await tagsOf(flowArn, at), { stage: 'test' });
    const wrong = seed(at.store, [{ ...developmentInstance, alias: 'changed' }], at.time.now);
    await assert.rejects(wrong, (failure: Error) => {
      assert.match(failure.message, /"alias":"changed"/);
      assert.doesNotMatch(failure.message, /stage/);
      return true;
    });
  });

  it('[TG6] keeps every one of tags that race', async () => {
    const at = await testPipeline();
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    const answers = await Promise.all(keys.map((key) => tag(instanceArn, { [key]: key }, at)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.deepEqual(Object.keys(await tagsOf(instanceArn, at)).sort(), keys.sort());
  });
});
