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

const valid = { InstanceId, InitialContactId: 'unknown', Attributes: { key: 'value' } };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'UpdateContactAttributes', valid, pipeline: () => pipeline };
const update = (InitialContactId: string, Attributes: Record<string, string>) =>
  pipeline.call('UpdateContactAttributes', { InstanceId, InitialContactId, Attributes });
const attributesOf = async (InitialContactId: string) =>
  (await pipeline.call('GetContactAttributes', { InstanceId, InitialContactId })).body.Attributes;

describe('UpdateContactAttributes: serialization', () => {
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/InitialContactId', {}, 'a string'],
    ['/Attributes', ['key'], 'an object'],
    ['/Attributes/key', 5, 'a string'],
  ]);
});

describe('UpdateContactAttributes: validation', () => {
  validation(
    subject,
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', 'i'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/InitialContactId', undefined, 'not be null'],
      ['/InitialContactId', '', 'have length between 1 and 256, inclusive'],
      ['/Attributes', undefined, 'not be null'],
      ['/Attributes (key)', { '': 'value' }, 'have length between 1 and 32767, inclusive'],
      ['/Attributes/key', 'v'.repeat(32768), 'have length between 0 and 32767, inclusive'],
    ],
    [
      ['/Attributes', {}],
      ['/Attributes/key', 'v'.repeat(32765)],
    ],
  );

  it('[AT4] refuses keys of other characters, and names the key', async () => {
    const { ContactId } = await startChat(pipeline);
    for (const key of ['$key', 'a b', 'clé', 'a.b']) {
      const answer = await update(ContactId, { [key]: 'value' });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /letters, digits, '-' and '_'/);
      assert(answer.body.message.includes(`'${key}'`));
    }
    assert.deepEqual(await attributesOf(ContactId), {});
  });

  it('[AT4] takes 32,768 bytes in all, counted after merging, and not one more', async () => {
    const { ContactId } = await startChat(pipeline, { Attributes: { a: 'x'.repeat(9999) } });
    assert.equal((await update(ContactId, { b: 'é'.repeat(11_383), c: '' })).status, 200);
    const over = await update(ContactId, { d: '' });
    assert.deepEqual([over.status, over.type], [400, 'InvalidRequestException']);
    assert.match(over.body.message, /32769 bytes.*32768 bytes/);
    assert.deepEqual(Object.keys(await attributesOf(ContactId)), ['a', 'b', 'c']);
    assert.equal((await update(ContactId, { a: '' })).status, 200, 'what is replaced is not counted');
    assert.equal((await update(ContactId, { d: 'x'.repeat(9000) })).status, 200);
  });

  it('[AT5] answers 404 to an unknown contact, and to one of another instance, which stays as it was', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await update('unknown', { a: '1' })).type, 'ResourceNotFoundException');
    const foreign = { InstanceId: otherInstance.id, InitialContactId: ContactId, Attributes: { a: '1' } };
    assert.equal((await pipeline.call('UpdateContactAttributes', foreign)).type, 'ResourceNotFoundException');
    assert.deepEqual(await attributesOf(ContactId), {});
  });
});

describe('UpdateContactAttributes: behaviour', () => {
  it('[AT1] adds and replaces; what is not named stays, and an empty value stays as one', async () => {
    const { ContactId } = await startChat(pipeline, { Attributes: { kept: '1', replaced: '1', emptied: '1' } });
    const answer = await update(ContactId, { replaced: '2', emptied: '', ['__proto__']: '3' });
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(Object.entries(await attributesOf(ContactId)), [
      ['kept', '1'],
      ['replaced', '2'],
      ['emptied', ''],
      ['__proto__', '3'],
    ]);
  });

  it('[AT2] changes the attributes of the chat: its contact shows them', async () => {
    const { ContactId } = await startChat(pipeline);
    await update(ContactId, { plan: 'gold' });
    const { body } = await pipeline.call('DescribeContact', { InstanceId, ContactId });
    assert.deepEqual(body.Contact.Attributes, { plan: 'gold' });
  });

  it('[AT3] works on a chat that has ended, and moves LastUpdateTimestamp', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at);
    await at.call('StopContact', { InstanceId, ContactId });
    at.time.now += 5000;
    const Attributes = { note: 'later' };
    assert.equal(
      (await at.call('UpdateContactAttributes', { InstanceId, InitialContactId: ContactId, Attributes })).status,
      200,
    );
    const { body } = await at.call('DescribeContact', { InstanceId, ContactId });
    assert.equal(body.Contact.LastUpdateTimestamp, at.time.now / 1000);
    assert.equal(body.Contact.DisconnectTimestamp, at.time.now / 1000 - 5);
    assert.deepEqual(body.Contact.Attributes, Attributes);
  });

  it('[AT6] keeps every one of updates that race', async () => {
    const { ContactId } = await startChat(pipeline);
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    const answers = await Promise.all(keys.map((key) => update(ContactId, { [key]: key })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.deepEqual(Object.keys(await attributesOf(ContactId)).sort(), keys.sort());
  });
});
