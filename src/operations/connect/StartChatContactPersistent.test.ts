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

let pipeline: TestPipeline;
let SourceContactId: string;

const start = (PersistentChat: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  pipeline.call('StartChatContact', {
    InstanceId,
    ContactFlowId,
    ParticipantDetails: { DisplayName: 'Ana' },
    PersistentChat: { RehydrationType: 'FROM_SEGMENT', ...PersistentChat },
    ...more,
  });
const stop = (ContactId: string) => pipeline.call('StopContact', { InstanceId, ContactId });
const described = async (ContactId: string) =>
  (await pipeline.call('DescribeContact', { InstanceId, ContactId })).body.Contact;

before(async () => {
  pipeline = await testPipeline();
  SourceContactId = (await startChat(pipeline)).ContactId;
  await stop(SourceContactId);
});

describe('StartChatContact with PersistentChat: validation', () => {
  it('[PC3] answers 404 for a source that is unknown, erased or of another instance', async () => {
    const erased = await startChat(pipeline);
    await stop(erased.ContactId);
    await pipeline.store.erase({ contactId: erased.ContactId }, 1);
    const elsewhere = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
    const other = await startChat(pipeline, elsewhere);
    for (const id of ['unknown', erased.ContactId, other.ContactId]) {
      const { status, type, body } = await start({ SourceContactId: id });
      assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
      assert.match(body.message, new RegExp(`SourceContactId ${id} was not found in instance ${InstanceId}`));
    }
  });

  it('[PC3] answers 400 for a source that goes on, and starts no chat', async () => {
    const open = await startChat(pipeline);
    const before = await pipeline.store.openChats(InstanceId, 1000);
    const { status, type, body } = await start({ SourceContactId: open.ContactId });
    assert.deepEqual([status, type], [400, 'InvalidRequestException']);
    assert.match(body.message, new RegExp(`${open.ContactId} is a chat that goes on`));
    assert.equal(await pipeline.store.openChats(InstanceId, 1000), before);
  });
});

describe('StartChatContact with PersistentChat: behaviour', () => {
  for (const RehydrationType of ['FROM_SEGMENT', 'ENTIRE_PAST_SESSION']) {
    it(`[PC1, PC2, PC7] relates the contact to the one it continues from, by ${RehydrationType}`, async () => {
      const { status, body } = await start({ RehydrationType, SourceContactId });
      assert.deepEqual([status, body.ContinuedFromContactId], [200, SourceContactId]);
      const contact = await described(body.ContactId);
      assert.equal(contact.InitialContactId, body.ContactId);
      assert.equal(contact.RelatedContactId, SourceContactId);
      assert.equal(contact.ContactAssociationId, SourceContactId);
    });
  }

  it('[PC1] answers no ContinuedFromContactId without PersistentChat', async () => {
    const answers = [
      await start({}, { PersistentChat: undefined }),
      await start({}, { PersistentChat: undefined, RelatedContactId: SourceContactId }),
    ];
    for (const { status, body } of answers) {
      assert.deepEqual([status, 'ContinuedFromContactId' in body], [200, false]);
    }
  });

  it('[PC7] joins the tree of a source that is in another’s', async () => {
    const second = await start({ SourceContactId });
    await stop(second.body.ContactId);
    const third = await start({ SourceContactId: second.body.ContactId });
    const contact = await described(third.body.ContactId);
    assert.equal(contact.RelatedContactId, second.body.ContactId);
    assert.equal(contact.ContactAssociationId, SourceContactId);
    const { body } = await pipeline.call('ListAssociatedContacts', { InstanceId, ContactId: third.body.ContactId });
    const listed = body.ContactSummaryList.map((each: { ContactId: string }) => each.ContactId);
    for (const id of [SourceContactId, second.body.ContactId, third.body.ContactId]) assert.ok(listed.includes(id));
  });

  it('[PC1, SC9] answers a repeated ClientToken the same, also after the source was erased', async () => {
    const source = await startChat(pipeline);
    await stop(source.ContactId);
    const first = await start({ SourceContactId: source.ContactId }, { ClientToken: 'again' });
    await pipeline.store.erase({ contactId: source.ContactId }, 1);
    const again = await start({ SourceContactId: source.ContactId }, { ClientToken: 'again' });
    assert.deepEqual([again.status, again.body], [200, first.body]);
    assert.equal(again.body.ContinuedFromContactId, source.ContactId);
  });

  it('[PC15] changes nothing of the chat that is continued', async () => {
    const before = await pipeline.store.chat({ contactId: SourceContactId });
    await start({ SourceContactId });
    assert.deepEqual(await pipeline.store.chat({ contactId: SourceContactId }), before);
  });
});
