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

const valid = { InstanceId, ContactId: 'unknown', ReferenceTypes: ['URL'] };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const list = (ContactId: string, ReferenceTypes: string[], more = {}) =>
  pipeline.call('ListContactReferences', { InstanceId, ContactId, ReferenceTypes, ...more });
const withReferences = async (References: object) => {
  const { ContactId } = await startChat(pipeline);
  assert.equal((await pipeline.call('UpdateContact', { InstanceId, ContactId, References })).status, 200);
  return ContactId;
};

describe('ListContactReferences: serialization', () => {
  it('[SH2] has no body to be wrong: one that is sent all the same is not looked at', async () => {
    const { ContactId } = await startChat(pipeline);
    const path = `/contact/references/${InstanceId}/${ContactId}?referenceTypes=URL`;
    assert.equal((await pipeline.raw('GET', path, '{')).status, 200);
  });
});

describe('ListContactReferences: validation', () => {
  outside({ name: 'ListContactReferences', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
    ['/ReferenceTypes', undefined, 'not be null'],
    ['/ReferenceTypes', Array.from({ length: 7 }, () => 'URL'), 'have length less than or equal to 6'],
    ['/ReferenceTypes/1', ['URL', 'url'], 'satisfy enum value set: [URL, ATTACHMENT, '],
  ]);

  it('[LC6] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await list('unknown', ['URL'])).type, 'ResourceNotFoundException');
    const foreign = await list(ContactId, ['URL'], { InstanceId: otherInstance.id });
    assert.equal(foreign.type, 'ResourceNotFoundException');
  });

  it('[LC5] refuses a NextToken, of which it never answers one; an empty one is none', async () => {
    const { ContactId } = await startChat(pipeline);
    const answer = await list(ContactId, ['URL'], { NextToken: 'token' });
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /^NextToken is never answered here/);
    assert.equal((await list(ContactId, ['URL'], { NextToken: '' })).status, 200);
  });
});

describe('ListContactReferences: behaviour', () => {
  it('[LC4] answers references of the types that are asked for, each by the member of its type', async () => {
    const ContactId = await withReferences({
      site: { Type: 'URL', Value: 'https://example.com' },
      note: { Type: 'STRING', Value: 'näh' },
      count: { Type: 'NUMBER', Value: '7' },
      due: { Type: 'DATE', Value: '1769860800' },
      mail: { Type: 'EMAIL', Value: 'a@example.com' },
      empty: { Type: 'STRING' },
    });
    const all = await list(ContactId, ['URL', 'STRING', 'NUMBER', 'DATE', 'EMAIL', 'ATTACHMENT']);
    assert.deepEqual(all.body, {
      ReferenceSummaryList: [
        { Url: { Name: 'site', Value: 'https://example.com' } },
        { String: { Name: 'note', Value: 'näh' } },
        { Number: { Name: 'count', Value: '7' } },
        { Date: { Name: 'due', Value: '1769860800' } },
        { Email: { Name: 'mail', Value: 'a@example.com' } },
        { String: { Name: 'empty' } },
      ],
    });
    const some = await list(ContactId, ['NUMBER']);
    assert.deepEqual(some.body.ReferenceSummaryList, [{ Number: { Name: 'count', Value: '7' } }]);
  });

  it('[LC4] answers an empty list where there are none of these', async () => {
    const ContactId = await withReferences({ site: { Type: 'URL', Value: 'x' } });
    const answer = await list(ContactId, ['ATTACHMENT', 'CONTACT_ANALYSIS', 'EMAIL_MESSAGE']);
    assert.deepEqual(answer.body, { ReferenceSummaryList: [] });
  });
});
