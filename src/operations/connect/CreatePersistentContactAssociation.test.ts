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

const day = 24 * 60 * 60 * 1000;
let pipeline: TestPipeline;
let InitialContactId: string;
let SourceContactId: string;

const stop = (ContactId: string) => pipeline.call('StopContact', { InstanceId, ContactId });
async function endedChat(more: Record<string, unknown> = {}): Promise<string> {
  const { ContactId } = await startChat(pipeline, more);
  await stop(ContactId);
  return ContactId;
}
const associate = (InitialContactId: string, SourceContactId: string, more: Record<string, unknown> = {}) =>
  pipeline.call('CreatePersistentContactAssociation', {
    InstanceId,
    InitialContactId,
    RehydrationType: 'FROM_SEGMENT',
    SourceContactId,
    ...more,
  });
const described = async (ContactId: string) =>
  (await pipeline.call('DescribeContact', { InstanceId, ContactId })).body.Contact;
const tree = async (ContactId: string) =>
  (
    await pipeline.call('ListAssociatedContacts', { InstanceId, ContactId, MaxResults: 100 })
  ).body.ContactSummaryList.map((each: { ContactId: string }) => each.ContactId);

before(async () => {
  pipeline = await testPipeline();
  SourceContactId = await endedChat();
  InitialContactId = (await startChat(pipeline)).ContactId;
});

const subject = {
  name: 'CreatePersistentContactAssociation',
  get valid() {
    return { InstanceId, InitialContactId, RehydrationType: 'FROM_SEGMENT', SourceContactId };
  },
  pipeline: () => pipeline,
};

describe('CreatePersistentContactAssociation: serialization', () => {
  serialization(subject, [
    ['/RehydrationType', 1, 'a string'],
    ['/SourceContactId', ['c'], 'a string'],
    ['/ClientToken', {}, 'a string'],
  ]);
});

describe('CreatePersistentContactAssociation: validation', () => {
  validation(
    subject,
    [
      ['/RehydrationType', undefined, 'not be null'],
      ['/RehydrationType', 'ALL', 'satisfy enum value set: [ENTIRE_PAST_SESSION, FROM_SEGMENT]'],
      ['/SourceContactId', undefined, 'not be null'],
      ['/SourceContactId', '', 'have length between 1 and 256, inclusive'],
      ['/SourceContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
    ],
    [['/SourceContactId', 'c'.repeat(256)]],
  );

  for (const [what, id] of [
    ['unknown', '00000000-0000-4000-8000-000000000000'],
    ['of another instance', undefined],
  ] as const) {
    it(`[PC3] answers 404 for a source that is ${what}, and names it`, async () => {
      const elsewhere = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
      const source = id ?? (await startChat(pipeline, elsewhere)).ContactId;
      const { ContactId } = await startChat(pipeline);
      const { status, type, body } = await associate(ContactId, source);
      assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
      assert.match(body.message, new RegExp(`SourceContactId ${source} was not found in instance ${InstanceId}`));
    });
  }

  it('[PC3] answers 404 for a source that was erased', async () => {
    const source = await endedChat();
    await pipeline.store.erase({ contactId: source }, 1);
    const { ContactId } = await startChat(pipeline);
    assert.equal((await associate(ContactId, source)).status, 404);
  });

  it('[PC3] answers 400 for a source that goes on, the chat itself included', async () => {
    const [chat, open] = [await startChat(pipeline), await startChat(pipeline)];
    for (const source of [open.ContactId, chat.ContactId]) {
      const { status, type, body } = await associate(chat.ContactId, source);
      assert.deepEqual([status, type], [400, 'InvalidRequestException']);
      assert.match(body.message, new RegExp(`${source} is a chat that goes on; only one that has ended`));
    }
  });

  it('[PC5] answers 404 for a contact that is unknown or of another instance', async () => {
    const elsewhere = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
    const { ContactId } = await startChat(pipeline, elsewhere);
    for (const id of ['unknown', ContactId]) {
      const { status, type, body } = await associate(id, SourceContactId);
      assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
      assert.match(body.message, new RegExp(`Contact ${id} was not found in instance`));
    }
  });

  it('[PC5] answers 404 for a contact that has ended, and says when', async () => {
    const { status, type, body } = await associate(await endedChat(), SourceContactId);
    assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
    assert.match(body.message, /ended at 2026-01-31T\S+Z: only a chat that goes on can continue another/);
  });

  it('[PC4] answers 400 for a chat that continues one already, in either way, and names that one', async () => {
    const persistent = { RehydrationType: 'FROM_SEGMENT', SourceContactId };
    const started = await startChat(pipeline, { PersistentChat: persistent });
    const associated = await startChat(pipeline);
    await associate(associated.ContactId, SourceContactId);
    for (const { ContactId } of [started, associated]) {
      for (const source of [SourceContactId, await endedChat()]) {
        const { status, type, body } = await associate(ContactId, source);
        assert.deepEqual([status, type], [400, 'InvalidRequestException']);
        assert.match(body.message, new RegExp(`Contact ${ContactId} continues ${SourceContactId} already`));
      }
    }
  });

  it('[PC4] answers 400 for a chat that was started with RelatedContactId', async () => {
    const { ContactId } = await startChat(pipeline, { RelatedContactId: SourceContactId });
    const { status, type, body } = await associate(ContactId, SourceContactId);
    assert.deepEqual([status, type], [400, 'InvalidRequestException']);
    assert.match(body.message, new RegExp(`was started with RelatedContactId ${SourceContactId}`));
  });

  it('[PC6] answers 400 when the ClientToken was used for another request', async () => {
    const { ContactId } = await startChat(pipeline);
    await associate(ContactId, SourceContactId, { ClientToken: 'once' });
    const { status, type, body } = await associate(ContactId, await endedChat(), { ClientToken: 'once' });
    assert.deepEqual([status, type], [400, 'InvalidRequestException']);
    assert.match(body.message, /used for another request on this contact/);
  });
});

describe('CreatePersistentContactAssociation: behaviour', () => {
  for (const RehydrationType of ['FROM_SEGMENT', 'ENTIRE_PAST_SESSION']) {
    it(`[PC1, PC2] relates the contact to the one it continues from, by ${RehydrationType}`, async () => {
      const { ContactId } = await startChat(pipeline);
      pipeline.time.now += 1000;
      const { status, body } = await associate(ContactId, SourceContactId, { RehydrationType });
      assert.deepEqual([status, body], [200, { ContinuedFromContactId: SourceContactId }]);
      const contact = await described(ContactId);
      assert.equal(contact.RelatedContactId, SourceContactId);
      assert.equal(contact.ContactAssociationId, SourceContactId);
      assert.equal(contact.LastUpdateTimestamp, pipeline.time.now / 1000);
    });
  }

  it('[PC7] puts the contact in the tree of the one it continues from, and leaves there what joined its own before', async () => {
    const source = await endedChat({ RelatedContactId: SourceContactId });
    const { ContactId } = await startChat(pipeline);
    const related = await startChat(pipeline, { RelatedContactId: ContactId });
    await associate(ContactId, source);
    assert.equal((await described(ContactId)).ContactAssociationId, SourceContactId);
    const whole = await tree(SourceContactId);
    assert.ok(whole.includes(source) && whole.includes(ContactId));
    assert.deepEqual(await tree(ContactId), whole);
    assert.deepEqual(await tree(related.ContactId), [related.ContactId]);
  });

  it('[PC6] answers the same for the same ClientToken, also after the chat ended, and for seven days', async () => {
    const { ContactId } = await startChat(pipeline);
    const first = await associate(ContactId, SourceContactId, { ClientToken: 'twice' });
    await stop(ContactId);
    pipeline.time.now += 7 * day - 1000;
    const again = await associate(ContactId, SourceContactId, { ClientToken: 'twice' });
    assert.deepEqual([again.status, again.body], [200, first.body]);
    pipeline.time.now += 2000;
    assert.equal((await associate(ContactId, SourceContactId, { ClientToken: 'twice' })).status, 404);
  });

  it('[PC6] takes a ClientToken of another contact for a new one', async () => {
    for (const { ContactId } of [await startChat(pipeline), await startChat(pipeline)]) {
      const { body } = await associate(ContactId, SourceContactId, { ClientToken: 'of each' });
      assert.deepEqual(body, { ContinuedFromContactId: SourceContactId });
    }
  });

  it('[PC4, PC6] lets exactly one of many win, and those with its token answer as it did', async () => {
    const { ContactId } = await startChat(pipeline);
    const answers = await Promise.all(
      ['a', 'b', 'a', 'b', 'a'].map((ClientToken) => associate(ContactId, SourceContactId, { ClientToken })),
    );
    const won = answers[0]?.status === 200 ? [0, 2, 4] : [1, 3];
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map((_, index) => (won.includes(index) ? 200 : 400)),
    );
  });

  it('[PC15] changes nothing of the chat that is continued, which several may continue', async () => {
    const source = await startChat(pipeline);
    await stop(source.ContactId);
    const before = await pipeline.store.chat({ contactId: source.ContactId });
    for (const { ContactId } of [await startChat(pipeline), await startChat(pipeline)]) {
      assert.equal((await associate(ContactId, source.ContactId)).status, 200);
    }
    assert.deepEqual(await pipeline.store.chat({ contactId: source.ContactId }), before);
    assert.equal((await pipeline.call('GetTranscript', {}, source.token)).status, 403);
    const back = await pipeline.call(
      'CreateParticipantConnection',
      { ConnectParticipant: true },
      source.ParticipantToken,
    );
    assert.equal(back.status, 403);
  });

  it('[PC1] writes no item, and finds the contact that it changes by the ARN of its instance', async () => {
    const { ContactId, token } = await startChat(pipeline);
    const arn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
    const { status } = await associate(ContactId, SourceContactId, { InstanceId: arn });
    assert.equal(status, 200);
    const { body } = await pipeline.call('GetTranscript', {}, token);
    assert.equal(body.Transcript.length, 1);
  });
});
