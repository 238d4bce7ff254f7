import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import {
  ContactFlowId,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';

const valid = { InstanceId, ContactId: 'unknown' };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const list = (ContactId: string, more = {}, at = pipeline) =>
  at.call('ListAssociatedContacts', { InstanceId, ContactId, ...more });
const idsOf = (answer: { body: { ContactSummaryList: { ContactId: string }[] } }) =>
  answer.body.ContactSummaryList.map(({ ContactId }) => ContactId);

/** A tree of that many contacts, each related to the one before, a second apart. */
async function tree(size: number, at: TestPipeline): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < size; made += 1) {
    const related = made === 0 ? {} : { RelatedContactId: ids.at(-1) };
    ids.push((await startChat(at, related, false)).ContactId);
    at.time.now += 1000;
  }
  return ids;
}

describe('ListAssociatedContacts: serialization', () => {
  it('[SH2] refuses a MaxResults that is no whole number', async () => {
    for (const MaxResults of ['ten', '1.5', '']) {
      const answer = await list('unknown', { MaxResults });
      assert.equal(answer.type, 'SerializationException');
      assert.equal(answer.body.message, "Value at '/MaxResults' has the wrong type: it must be a whole number.");
    }
  });
});

describe('ListAssociatedContacts: validation', () => {
  outside({ name: 'ListAssociatedContacts', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', undefined, 'not be null'],
    ['/ContactId', '', 'have length between 1 and 256, inclusive'],
    ['/MaxResults', 0, 'be between 1 and 100, inclusive'],
    ['/MaxResults', 101, 'be between 1 and 100, inclusive'],
  ]);

  it('[LC6] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await list('unknown')).type, 'ResourceNotFoundException');
    assert.equal((await list(ContactId, { InstanceId: otherInstance.id })).type, 'ResourceNotFoundException');
  });

  it('[LC3] refuses a NextToken that is not one of this contact’s', async () => {
    const at = await testPipeline();
    const [first = '', second = ''] = await tree(3, at);
    const { NextToken } = (await list(first, { MaxResults: 1 }, at)).body;
    for (const [ContactId, token] of [
      [second, NextToken],
      [first, `${NextToken}x`],
      [first, 'token'],
    ]) {
      const answer = await list(ContactId, { NextToken: token }, at);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /^NextToken is not one that was answered for this contact/);
    }
  });
});

describe('ListAssociatedContacts: behaviour', () => {
  it('[LC1] answers a contact that is related to none, alone', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at);
    at.time.now += 1500;
    await at.call('StopContact', { InstanceId, ContactId });
    assert.deepEqual((await list(ContactId, {}, at)).body, {
      ContactSummaryList: [
        {
          ContactId,
          ContactArn: `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/contact/${ContactId}`,
          InitiationTimestamp: 1_769_860_800,
          DisconnectTimestamp: 1_769_860_801.5,
          InitialContactId: ContactId,
          InitiationMethod: 'API',
          Channel: 'CHAT',
        },
      ],
    });
  });

  it('[LC1, LC2] answers the whole tree for each of its contacts, oldest first', async () => {
    const at = await testPipeline();
    const ids = await tree(4, at);
    const branch = (await startChat(at, { RelatedContactId: ids[1] }, false)).ContactId;
    await startChat(at);
    for (const id of [...ids, branch]) assert.deepEqual(idsOf(await list(id, {}, at)), [...ids, branch]);
    const { ContactSummaryList } = (await list(branch, {}, at)).body;
    assert.deepEqual(
      ContactSummaryList.map((each: { RelatedContactId?: string }) => each.RelatedContactId),
      [undefined, ids[0], ids[1], ids[2], ids[1]],
    );
    const { Contact } = (await at.call('DescribeContact', { InstanceId, ContactId: branch })).body;
    assert.deepEqual([Contact.ContactAssociationId, Contact.RelatedContactId], [ids[0], ids[1]]);
  });

  it('[LC2] refuses to start a chat related to an unknown contact, or to one of another instance', async () => {
    const foreign = await pipeline.call('StartChatContact', {
      InstanceId: otherInstance.id,
      ContactFlowId: otherInstance.flows[0]?.id,
      ParticipantDetails: { DisplayName: 'Eva' },
    });
    for (const RelatedContactId of ['unknown', foreign.body.ContactId]) {
      const answer = await pipeline.call('StartChatContact', {
        InstanceId,
        ContactFlowId,
        ParticipantDetails: { DisplayName: 'Ana' },
        RelatedContactId,
      });
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
      assert.match(answer.body.message, /^RelatedContactId .* was not found in instance /);
    }
  });

  it('[LC3] gives pages that join to the whole, and no NextToken when nothing is left', async () => {
    const at = await testPipeline();
    const ids = await tree(5, at);
    for (const MaxResults of [1, 2, 4, 5, 100]) {
      const joined: string[] = [];
      let NextToken: string | undefined;
      do {
        const page = await list(ids[2] ?? '', { MaxResults, NextToken }, at);
        joined.push(...idsOf(page));
        NextToken = page.body.NextToken;
        assert.equal(NextToken === undefined, joined.length === ids.length);
      } while (NextToken);
      assert.deepEqual(joined, ids);
    }
  });
});
