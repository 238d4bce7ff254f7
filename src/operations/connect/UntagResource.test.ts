import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { ContactFlowId, InstanceId, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
const flowArn = `${instanceArn}/contact-flow/${ContactFlowId}`;
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const untag = (resourceArn: string, tagKeys: string[]) => pipeline.call('UntagResource', { resourceArn, tagKeys });
const tagsOf = async (resourceArn: string) => (await pipeline.call('ListTagsForResource', { resourceArn })).body.tags;

describe('UntagResource: serialization', () => {
  it('[SH2] has texts alone, in path and query; a body that is sent all the same is JSON', async () => {
    const path = `/tags/${encodeURIComponent(flowArn)}?tagKeys=a`;
    assert.equal((await pipeline.raw('DELETE', path)).status, 200);
    assert.equal((await pipeline.raw('DELETE', path, '{')).type, 'SerializationException');
  });
});

describe('UntagResource: validation', () => {
  const valid = { resourceArn: instanceArn, tagKeys: ['key'] };
  const many = Array.from({ length: 51 }, (_, index) => `key${index}`);
  outside({ name: 'UntagResource', valid, pipeline: () => pipeline }, [
    ['/tagKeys', undefined, 'not be null'],
    ['/tagKeys', many, 'have length between 1 and 50, inclusive'],
    ['/tagKeys/0', [''], 'have length between 1 and 128, inclusive'],
    ['/tagKeys/1', ['a', tooLong(128)], 'have length between 1 and 128, inclusive'],
    ['/tagKeys/0', ['aws:a'], 'satisfy regular expression pattern: ^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*$'],
  ]);

  it('[TG4] refuses what is no ARN of this service, and answers 404 to what is not there', async () => {
    assert.equal((await untag('flow', ['a'])).type, 'InvalidRequestException');
    assert.equal((await untag(`${instanceArn}/contact-flow/nowhere`, ['a'])).type, 'ResourceNotFoundException');
  });
});

describe('UntagResource: behaviour', () => {
  it('[TG3] removes the tags with these keys, and ignores keys that are not there', async () => {
    const tags = { a: '1', 'b c/d+e': '2', f: '3' };
    for (const resourceArn of [instanceArn, flowArn]) {
      await pipeline.call('TagResource', { resourceArn, tags });
      const answer = await untag(resourceArn, ['b c/d+e', 'a', 'zzz', 'F']);
      assert.deepEqual([answer.status, answer.body], [200, {}]);
      assert.deepEqual(await tagsOf(resourceArn), { f: '3' });
      await untag(resourceArn, ['f']);
      assert.deepEqual(await tagsOf(resourceArn), {});
    }
  });
});
