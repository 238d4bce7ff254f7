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
import { serialization, validation } from '../../../test/support/refusals.ts';

const valid = { InstanceId, ContactId: 'unknown', Name: 'Order' };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'UpdateContact', valid, pipeline: () => pipeline };
const update = (ContactId: string, more: Record<string, unknown>) =>
  pipeline.call('UpdateContact', { InstanceId, ContactId, ...more });
const described = async (ContactId: string) =>
  (await pipeline.call('DescribeContact', { InstanceId, ContactId })).body.Contact;
const references = async (ContactId: string) =>
  (
    await pipeline.call('ListContactReferences', {
      InstanceId,
      ContactId,
      ReferenceTypes: ['URL', 'STRING', 'NUMBER', 'DATE', 'EMAIL'],
    })
  ).body.ReferenceSummaryList;

describe('UpdateContact: serialization', () => {
  serialization(subject, [
    ['/Name', 5, 'a string'],
    ['/Description', {}, 'a string'],
    ['/References', ['a'], 'an object'],
    ['/References/key', 'value', 'an object'],
    ['/References/key/Value', 5, 'a string'],
    ['/References/key/Type', 5, 'a string'],
    ['/References/key/Status', true, 'a string'],
    ['/References/key/Arn', [], 'a string'],
    ['/References/key/StatusReason', 1, 'a string'],
    ['/SegmentAttributes', [], 'an object'],
    ['/SegmentAttributes/key', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueString', 5, 'a string'],
    ['/SegmentAttributes/key/ValueMap', [], 'an object'],
    ['/SegmentAttributes/key/ValueMap/key', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueInteger', '5', 'a whole number'],
    ['/SegmentAttributes/key/ValueList', {}, 'a list'],
    ['/SegmentAttributes/key/ValueList/0', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueArn', 5, 'a string'],
    ['/QueueInfo', 'queue', 'an object'],
    ['/QueueInfo/Id', 5, 'a string'],
    ['/UserInfo', [], 'an object'],
    ['/UserInfo/UserId', 5, 'a string'],
    ...['/CustomerEndpoint', '/SystemEndpoint'].flatMap(
      (path) =>
        [
          [path, 'endpoint', 'an object'],
          [`${path}/Type`, 5, 'a string'],
          [`${path}/Address`, {}, 'a string'],
        ] as const,
    ),
  ]);
});

describe('UpdateContact: validation', () => {
  outside(subject, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
  ]);
  const statuses = 'satisfy enum value set: [AVAILABLE, DELETED, APPROVED, REJECTED, PROCESSING, FAILED]';
  const types =
    'satisfy enum value set: [URL, ATTACHMENT, CONTACT_ANALYSIS, NUMBER, STRING, DATE, EMAIL, EMAIL_MESSAGE, EMAIL_MESSAGE_PLAIN_TEXT, EMAIL_MESSAGE_PLAIN_TEXT_REDACTED, EMAIL_MESSAGE_REDACTED]';
  const endpoints =
    'satisfy enum value set: [TELEPHONE_NUMBER, VOIP, CONTACT_FLOW, CONNECT_PHONENUMBER_ARN, EMAIL_ADDRESS]';
  const url = { key: { Type: 'URL' } };
  validation(
    { ...subject, valid: { ...valid, References: url } },
    [
      ['/Name', 'n'.repeat(1025), 'have length between 0 and 1024, inclusive'],
      ['/Description', 'd'.repeat(4097), 'have length between 0 and 4096, inclusive'],
      ['/References (key)', { '': { Type: 'URL' } }, 'have length between 1 and 4096, inclusive'],
      ['/References/key/Value', 'v'.repeat(4097), 'have length between 0 and 4096, inclusive'],
      ['/References/key/Type', undefined, 'not be null'],
      ['/References/key/Type', 'url', types],
      ['/References/key/Status', 'GONE', statuses],
      ['/References/key/Arn', 'a'.repeat(19), 'have length between 20 and 256, inclusive'],
      ['/References/key/StatusReason', 'r'.repeat(101), 'have length between 0 and 100, inclusive'],
      ['/SegmentAttributes (key)', { '': { ValueString: '' } }, 'have length between 1 and 128, inclusive'],
      ['/SegmentAttributes/key/ValueString', 'v'.repeat(1025), 'have length between 0 and 1024, inclusive'],
      ['/SegmentAttributes/key/ValueMap (key)', { '': {} }, 'have length between 1 and 128, inclusive'],
      ['/SegmentAttributes/key/ValueArn', 'v'.repeat(1025), 'have length between 0 and 1024, inclusive'],
      ['/UserInfo/UserId', '', 'have length between 1 and 256, inclusive'],
      ['/CustomerEndpoint/Type', 'PHONE', endpoints],
      ['/CustomerEndpoint/Address', 'a'.repeat(257), 'have length between 0 and 256, inclusive'],
      ['/SystemEndpoint/Type', 'PHONE', endpoints],
      ['/SystemEndpoint/Address', 'a'.repeat(257), 'have length between 0 and 256, inclusive'],
    ],
    [
      ['/Name', ''],
      ['/Description', 'd'.repeat(4096)],
      ['/References/key/Arn', 'arn:aws:connect:us-east-1:1:x'],
    ],
  );

  it('[UC2] refuses a request that updates nothing', async () => {
    const { ContactId } = await startChat(pipeline);
    const answer = await update(ContactId, {});
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /at least one of Name, Description, References, SegmentAttributes/);
  });

  for (const [member, value] of [
    ['QueueInfo', { Id: 'queue' }],
    ['UserInfo', { UserId: 'user' }],
    ['CustomerEndpoint', { Type: 'VOIP', Address: 'a' }],
    ['SystemEndpoint', {}],
  ] as const) {
    it(`[UC3] refuses ${member}, which is for external audio contacts`, async () => {
      const { ContactId } = await startChat(pipeline);
      const answer = await update(ContactId, { Name: 'Order', [member]: value });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, new RegExp(`^${member} can be updated for external audio contacts only`));
      assert.equal((await described(ContactId)).Name, undefined);
    });
  }

  for (const [given, message] of [
    [{ 'connect:Subtype': { ValueString: 'connect:Guide' } }, /connect:Subtype cannot be changed on a chat/],
    [
      { 'connect:ContactExpiry': { ValueMap: { ExpiryDuration: { ValueInteger: 60 } } } },
      /connect:ContactExpiry cannot be changed on a chat.*ChatDurationInMinutes/,
    ],
    [{ 'a b': { ValueString: 'c' } }, /name 'a b' is not allowed/],
    [{ unit: { ValueInteger: 5 } }, /unit must be a ValueString/],
    [{ unit: {} }, /unit' must have exactly one of ValueString/],
    [{ unit: { ValueString: 'a', ValueInteger: 1 } }, /unit' must have exactly one of ValueString/],
  ] as const) {
    it(`[UC4] refuses the segment attributes ${JSON.stringify(given)}`, async () => {
      const { ContactId } = await startChat(pipeline);
      const answer = await update(ContactId, { SegmentAttributes: { fine: { ValueString: 'x' }, ...given } });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, message);
      assert.deepEqual(Object.keys((await described(ContactId)).SegmentAttributes), ['connect:Subtype']);
    });
  }

  for (const [given, message] of [
    [
      { Type: 'ATTACHMENT', Value: 'a' },
      /'key' has the Type ATTACHMENT, .* use one of URL, STRING, NUMBER, DATE, EMAIL/,
    ],
    [{ Type: 'CONTACT_ANALYSIS' }, /Type CONTACT_ANALYSIS/],
    [{ Type: 'EMAIL_MESSAGE_REDACTED' }, /Type EMAIL_MESSAGE_REDACTED/],
    [{ Type: 'DATE', Value: '2026-01-31' }, /'key' is of Type DATE/],
    [{ Type: 'DATE' }, /'key' is of Type DATE/],
  ] as const) {
    it(`[UC5] refuses the reference ${JSON.stringify(given)}`, async () => {
      const { ContactId } = await startChat(pipeline);
      const answer = await update(ContactId, { References: { fine: { Type: 'URL', Value: 'x' }, key: given } });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, message);
      assert.deepEqual(await references(ContactId), []);
    });
  }

  for (const [member, entry] of [
    ['References', (text: string) => ({ Type: 'STRING', Value: text })],
    ['SegmentAttributes', (text: string) => ({ ValueString: text.slice(0, 1024) })],
  ] as const) {
    it(`[UC6] bounds ${member} after merging: 65,536 bytes`, async () => {
      const { ContactId } = await startChat(pipeline);
      const some = (from: number, count: number) =>
        Object.fromEntries(
          Array.from({ length: count }, (_, index) => [`key${from + index}`, entry('x'.repeat(4000))]),
        );
      const count = member === 'References' ? 8 : 30;
      assert.equal((await update(ContactId, { [member]: some(0, count) })).status, 200);
      assert.equal((await update(ContactId, { [member]: some(0, count) })).status, 200, 'replacing adds nothing');
      assert.equal((await update(ContactId, { [member]: some(count, count) })).status, 200);
      const answer = await update(ContactId, { [member]: some(2 * count, count) });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, new RegExp(`^${member} would be \\d+ bytes long with these`));
    });
  }

  it('[UC7] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await update('unknown', { Name: 'x' })).type, 'ResourceNotFoundException');
    const foreign = await update(ContactId, { InstanceId: otherInstance.id, Name: 'x' });
    assert.equal(foreign.type, 'ResourceNotFoundException');
    assert.equal((await described(ContactId)).Name, undefined);
  });
});

describe('UpdateContact: behaviour', () => {
  it('[UC1] sets what is given, adds to maps, and leaves the rest', async () => {
    const { ContactId } = await startChat(pipeline);
    const first = await update(ContactId, {
      Name: 'Order 7',
      Description: 'Late',
      References: { site: { Type: 'URL', Value: 'https://example.com' }, due: { Type: 'DATE', Value: '1769860800' } },
      SegmentAttributes: { unit: { ValueString: 'sales' } },
    });
    assert.deepEqual([first.status, first.body], [200, {}]);
    await update(ContactId, {
      Description: '',
      References: { due: { Type: 'STRING', Value: 'today' } },
      SegmentAttributes: { floor: { ValueString: '2' } },
    });
    const contact = await described(ContactId);
    assert.deepEqual([contact.Name, contact.Description], ['Order 7', '']);
    assert.deepEqual(contact.SegmentAttributes, {
      'connect:Subtype': { ValueString: 'connect:Chat' },
      unit: { ValueString: 'sales' },
      floor: { ValueString: '2' },
    });
    assert.deepEqual(await references(ContactId), [
      { Url: { Name: 'site', Value: 'https://example.com' } },
      { String: { Name: 'due', Value: 'today' } },
    ]);
  });

  it('[UC1] works on a chat that has ended, and moves LastUpdateTimestamp', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at);
    await at.call('StopContact', { InstanceId, ContactId });
    at.time.now += 5000;
    assert.equal((await at.call('UpdateContact', { InstanceId, ContactId, Name: 'Closed' })).status, 200);
    const { Contact } = (await at.call('DescribeContact', { InstanceId, ContactId })).body;
    assert.deepEqual([Contact.Name, Contact.LastUpdateTimestamp], ['Closed', at.time.now / 1000]);
  });

  it('[UC1] keeps every one of updates that race', async () => {
    const { ContactId } = await startChat(pipeline);
    const keys = Array.from({ length: 10 }, (_, index) => `key${index}`);
    await Promise.all(keys.map((key) => update(ContactId, { References: { [key]: { Type: 'STRING', Value: key } } })));
    assert.equal((await references(ContactId)).length, keys.length);
  });
});
