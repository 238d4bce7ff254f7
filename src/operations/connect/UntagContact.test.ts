import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import {
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';

const valid = { InstanceId, ContactId: 'unknown', TagKeys: ['key'] };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const untag = (ContactId: string, TagKeys: string[], more = {}) =>
  pipeline.call('UntagContact', { InstanceId, ContactId, TagKeys, ...more });
const tagged = async (Tags: Record<string, string>) => {
  const { ContactId } = await startChat(pipeline);
  await pipeline.call('TagContact', { InstanceId, ContactId, Tags });
  return ContactId;
};
const tagsOf = async (ContactId: string) =>
  (await pipeline.call('DescribeContact', { InstanceId, ContactId })).body.Contact.Tags;

describe('UntagContact: serialization', () => {
  it('[SH2] has texts alone, in path and query; a body that is sent all the same is JSON', async () => {
    const path = `/contact/tags/${InstanceId}/unknown?TagKeys=a`;
    assert.equal((await pipeline.raw('DELETE', path)).type, 'ResourceNotFoundException');
    assert.equal((await pipeline.raw('DELETE', path, '{')).type, 'SerializationException');
  });
});

describe('UntagContact: validation', () => {
  const count = 'have length between 1 and 6, inclusive';
  outside({ name: 'UntagContact', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
    ['/TagKeys', undefined, 'not be null'],
    ['/TagKeys', [...'abcdefg'], count],
    ['/TagKeys/0', [''], 'have length between 1 and 128, inclusive'],
    ['/TagKeys/1', ['a', tooLong(128)], 'have length between 1 and 128, inclusive'],
    ['/TagKeys/0', ['aws:a'], 'satisfy regular expression pattern: ^(?!aws:)[a-zA-Z+-=._:/]+$'],
  ]);

  it('[TG7] answers 404 to an unknown contact, and to one of another instance', async () => {
    const ContactId = await tagged({ a: '1' });
    assert.equal((await untag('unknown', ['a'])).type, 'ResourceNotFoundException');
    assert.equal((await untag(ContactId, ['a'], { InstanceId: otherInstance.id })).type, 'ResourceNotFoundException');
    assert.deepEqual(await tagsOf(ContactId), { a: '1' });
  });
});

describe('UntagContact: behaviour', () => {
  it('[TG1] removes the tags with these keys, and ignores keys that are not there', async () => {
    const ContactId = await tagged({ a: '1', 'b/c': '2', d: '3' });
    const answer = await untag(ContactId, ['b/c', 'a', 'zzz', 'A']);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(await tagsOf(ContactId), { d: '3' });
  });

  it('[TG1] leaves no Tags when the last is gone', async () => {
    const ContactId = await tagged({ a: '1' });
    assert.equal((await untag(ContactId, ['a'])).status, 200);
    assert.equal(await tagsOf(ContactId), undefined);
    assert.equal((await untag(ContactId, ['a'])).status, 200);
  });
});
