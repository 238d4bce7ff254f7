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

const valid = { InstanceId, ContactId: 'unknown', Tags: { key: 'value' } };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'TagContact', valid, pipeline: () => pipeline };
const tag = (ContactId: string, Tags: Record<string, string>, more = {}) =>
  pipeline.call('TagContact', { InstanceId, ContactId, Tags, ...more });
const tagsOf = async (ContactId: string) =>
  (await pipeline.call('DescribeContact', { InstanceId, ContactId })).body.Contact.Tags;

describe('TagContact: serialization', () => {
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/ContactId', {}, 'a string'],
    ['/Tags', ['key'], 'an object'],
    ['/Tags/key', 5, 'a string'],
  ]);
});

describe('TagContact: validation', () => {
  const seven = Object.fromEntries([...'abcdefg'].map((key) => [key, '']));
  const pattern = 'satisfy regular expression pattern: ^(?!aws:)[a-zA-Z+-=._:/]+$';
  validation(
    subject,
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/ContactId', undefined, 'not be null'],
      ['/ContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/Tags', undefined, 'not be null'],
      ['/Tags', {}, 'have length between 1 and 6, inclusive'],
      ['/Tags', seven, 'have length between 1 and 6, inclusive'],
      ['/Tags (key)', { ['k'.repeat(129)]: '' }, 'have length between 1 and 128, inclusive'],
      ['/Tags (key)', { 'aws:key': '' }, pattern],
      ['/Tags (key)', { 'a b': '' }, pattern],
      ['/Tags (key)', { clé: '' }, pattern],
      ['/Tags/key', 'v'.repeat(257), 'have length less than or equal to 256'],
    ],
    [
      ['/Tags', { ['k'.repeat(128)]: '😀'.repeat(256) }],
      ['/Tags', { 'a-1.b_c:/=+': '' }],
    ],
  );

  it('[TG7] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await tag('unknown', { a: '1' })).type, 'ResourceNotFoundException');
    assert.equal(
      (await tag(ContactId, { a: '1' }, { InstanceId: otherInstance.id })).type,
      'ResourceNotFoundException',
    );
    assert.equal(await tagsOf(ContactId), undefined);
  });
});

describe('TagContact: behaviour', () => {
  it('[TG1] adds tags and replaces values', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal(await tagsOf(ContactId), undefined);
    const answer = await tag(ContactId, { team: 'red', cost: '1' });
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    await tag(ContactId, { team: 'blue', ['__proto__']: 'own' });
    assert.deepEqual(Object.entries(await tagsOf(ContactId)), [
      ['team', 'blue'],
      ['cost', '1'],
      ['__proto__', 'own'],
    ]);
  });

  it('[TG1] tags a chat that has ended, and moves LastUpdateTimestamp', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at);
    await at.call('StopContact', { InstanceId, ContactId });
    at.time.now += 5000;
    assert.equal((await at.call('TagContact', { InstanceId, ContactId, Tags: { a: '1' } })).status, 200);
    const { Contact } = (await at.call('DescribeContact', { InstanceId, ContactId })).body;
    assert.deepEqual([Contact.Tags, Contact.LastUpdateTimestamp], [{ a: '1' }, at.time.now / 1000]);
  });

  it('[TG2] has room for six tags in all; a request for more changes nothing', async () => {
    const { ContactId } = await startChat(pipeline);
    await tag(ContactId, { a: '', b: '', c: '', d: '' });
    const answer = await tag(ContactId, { d: 'x', e: '', f: '', g: '' });
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /would have 7 tags with these; it may have 6\. .*UntagContact/);
    assert.deepEqual(await tagsOf(ContactId), { a: '', b: '', c: '', d: '' });
    assert.equal((await tag(ContactId, { d: 'x', e: '', f: '' })).status, 200);
  });

  it('[TG6] keeps every one of tags that race', async () => {
    const { ContactId } = await startChat(pipeline);
    await Promise.all([...'abcdef'].map((key) => tag(ContactId, { [key]: key })));
    assert.deepEqual(Object.keys(await tagsOf(ContactId)).sort(), [...'abcdef']);
  });
});
