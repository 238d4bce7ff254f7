import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import {
  addBot,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const describeContact = (ContactId: string, more: Record<string, unknown> = {}) =>
  pipeline.call('DescribeContact', { InstanceId, ContactId, ...more });

describe('DescribeContact: serialization', () => {
  it('[SH2] has no body to be wrong: one that is sent all the same is not looked at', async () => {
    const chat = await startChat(pipeline);
    const answer = await pipeline.raw('GET', `/contacts/${InstanceId}/${chat.ContactId}`, '{"InstanceId":');
    assert.equal(answer.status, 200);
  });
});

describe('DescribeContact: validation', () => {
  for (const [path, more, must] of [
    ['/InstanceId', { InstanceId: 'i'.repeat(101) }, 'have length between 1 and 100, inclusive'],
    ['/ContactId', { ContactId: 'c'.repeat(257) }, 'have length between 1 and 256, inclusive'],
    ['/ContactId', { ContactId: 'c'.repeat(8000) }, 'have length between 1 and 256, inclusive'],
    ['/ContactId', { ContactId: 'c\0' }, 'be text without U+0000 and without unpaired surrogates'],
  ] as const) {
    it(`[SH1] refuses a label ${path} that must ${must} (${JSON.stringify(more).length})`, async () => {
      const answer = await describeContact('unknown', more);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.equal(
        answer.body.message,
        `1 validation error detected: Value at '${path}' failed to satisfy constraint: Member must ${must}`,
      );
    });
  }

  it('[SH1] takes labels of the longest lengths, counted in code points', async () => {
    assert.equal((await describeContact('😀'.repeat(256))).type, 'ResourceNotFoundException');
    assert.equal((await describeContact('c', { InstanceId: '😀'.repeat(100) })).type, 'ResourceNotFoundException');
  });

  it('[DC4] answers 404 to an unknown contact, and to one of another instance', async () => {
    const chat = await startChat(pipeline);
    for (const answer of [
      await describeContact('unknown'),
      await describeContact(chat.ContactId, { InstanceId: otherInstance.id }),
      await describeContact(chat.ContactId.toUpperCase()),
    ]) {
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
      assert.match(answer.body.message, /^Contact .* was not found in instance /);
    }
  });

  it('[DC4] answers 404 to an unknown instance', async () => {
    const answer = await describeContact('unknown', { InstanceId: 'nowhere' });
    assert.equal(answer.type, 'ResourceNotFoundException');
    assert.match(answer.body.message, /^Instance nowhere was not found/);
  });

  it('[SH8, HT8] takes the ARN of the instance, whose slash is encoded in the path', async () => {
    const chat = await startChat(pipeline);
    const arn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
    assert.equal((await describeContact(chat.ContactId, { InstanceId: arn })).status, 200);
    const foreign = arn.replace('123456789012', otherInstance.account);
    assert.equal((await describeContact(chat.ContactId, { InstanceId: foreign })).status, 404);
  });
});

describe('DescribeContact: behaviour', () => {
  it('[DC3, DC9] describes a chat that has just begun', async () => {
    const at = await testPipeline();
    at.time.now += 123;
    const { ContactId } = await startChat(at, {}, false);
    const { body } = await at.call('DescribeContact', { InstanceId, ContactId });
    assert.deepEqual(body, {
      Contact: {
        Arn: `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/contact/${ContactId}`,
        Id: ContactId,
        InitialContactId: ContactId,
        ContactAssociationId: ContactId,
        InitiationMethod: 'API',
        Channel: 'CHAT',
        InitiationTimestamp: 1_769_860_800.123,
        LastUpdateTimestamp: 1_769_860_800.123,
        QueuePriority: 5,
        SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
        Attributes: {},
      },
    });
  });

  it('[DC3, SH10] fills every member that a chat can fill, times as epoch seconds', async () => {
    const at = await testPipeline();
    const related = (await startChat(at, {}, false)).ContactId;
    const { ContactId, ParticipantId, ParticipantToken } = await startChat(
      at,
      { CustomerId: 'customer', RelatedContactId: related, Attributes: { plan: 'gold' } },
      false,
    );
    await at.call('UpdateContact', { InstanceId, ContactId, Name: 'Order 7', Description: 'Late' });
    await at.call('TagContact', { InstanceId, ContactId, Tags: { team: 'red' } });
    at.time.now += 1500;
    await at.call('CreateParticipantConnection', { ConnectParticipant: true }, ParticipantToken);
    at.time.now += 2500;
    await at.call('StopContact', { InstanceId, ContactId });
    const { body } = await at.call('DescribeContact', { InstanceId, ContactId });
    const begun = 1_769_860_800;
    assert.deepEqual(body.Contact, {
      Arn: `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/contact/${ContactId}`,
      Id: ContactId,
      InitialContactId: ContactId,
      ContactAssociationId: related,
      RelatedContactId: related,
      InitiationMethod: 'API',
      Name: 'Order 7',
      Description: 'Late',
      Channel: 'CHAT',
      InitiationTimestamp: begun,
      ConnectedToSystemTimestamp: begun + 1.5,
      DisconnectTimestamp: begun + 4,
      LastUpdateTimestamp: begun + 4,
      CustomerId: 'customer',
      QueuePriority: 5,
      Tags: { team: 'red' },
      ChatMetrics: {
        ChatContactMetrics: {
          MultiParty: false,
          TotalMessages: 0,
          TotalBotMessages: 0,
          TotalBotMessageLengthInChars: 0,
          ConversationTurnCount: 0,
        },
        CustomerMetrics: {
          ParticipantId,
          ParticipantType: 'CUSTOMER',
          ConversationAbandon: false,
          MessagesSent: 0,
          NumResponses: 0,
          MessageLengthInChars: 0,
          TotalResponseTimeInMillis: 0,
          MaxResponseTimeInMillis: 0,
        },
      },
      DisconnectReason: 'API',
      SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
      Attributes: { plan: 'gold' },
    });
  });

  it('[DC3] tells the customer’s connection, not a bot’s', async () => {
    const chat = await startChat(pipeline, {}, false);
    await addBot(pipeline, chat.ContactId);
    const { body } = await describeContact(chat.ContactId);
    assert.equal(body.Contact.ConnectedToSystemTimestamp, undefined);
  });

  it('[DC6] measures a chat that has ended, over all of its items', async () => {
    const at = await testPipeline();
    const customer = await startChat(at);
    const say = (token: string, Content: string) => {
      at.time.now += 1000;
      return at.call('SendMessage', { ContentType: 'text/plain', Content }, token);
    };
    const bot = await addBot(at, customer.ContactId);
    await say(customer.token, 'Hello');
    await say(bot.token, 'Hi 😀');
    at.time.now += 1000;
    const agent = await addAgent(at, customer.ContactId);
    await say(customer.token, 'Help');
    for (let sent = 0; sent < 600; sent += 1) await say(agent.token, 'x');
    const ongoing = await at.call('DescribeContact', { InstanceId, ContactId: customer.ContactId });
    assert.equal(ongoing.body.Contact.ChatMetrics, undefined);
    at.time.now += 5000;
    await at.call('StopContact', { InstanceId, ContactId: customer.ContactId });
    const { Contact } = (await at.call('DescribeContact', { InstanceId, ContactId: customer.ContactId })).body;
    const begun = 1_769_860_800;
    assert.deepEqual(Contact.AgentInfo, { ConnectedToAgentTimestamp: begun + 3 });
    assert.deepEqual(Contact.ChatMetrics, {
      ChatContactMetrics: {
        MultiParty: false,
        TotalMessages: 603,
        TotalBotMessages: 1,
        TotalBotMessageLengthInChars: 4,
        ConversationCloseTimeInMillis: 605_000,
        ConversationTurnCount: 4,
        AgentFirstResponseTimestamp: begun + 5,
        AgentFirstResponseTimeInMillis: 2000,
      },
      AgentMetrics: {
        ParticipantId: agent.ParticipantId,
        ParticipantType: 'AGENT',
        ConversationAbandon: false,
        MessagesSent: 600,
        NumResponses: 1,
        MessageLengthInChars: 600,
        TotalResponseTimeInMillis: 1000,
        MaxResponseTimeInMillis: 1000,
        LastMessageTimestamp: begun + 604,
      },
      CustomerMetrics: {
        ParticipantId: customer.ParticipantId,
        ParticipantType: 'CUSTOMER',
        ConversationAbandon: false,
        MessagesSent: 2,
        NumResponses: 1,
        MessageLengthInChars: 9,
        TotalResponseTimeInMillis: 2000,
        MaxResponseTimeInMillis: 2000,
        LastMessageTimestamp: begun + 4,
      },
    });
  });

  it('[DC8] tells when the first agent connected, also while the chat goes on; a supervisor is none', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at);
    await addAgent(at, ContactId, 'SUPERVISOR');
    const info = async () => (await at.call('DescribeContact', { InstanceId, ContactId })).body.Contact.AgentInfo;
    assert.equal(await info(), undefined);
    at.time.now += 1000;
    const first = at.time.now / 1000;
    await addAgent(at, ContactId);
    at.time.now += 1000;
    await addAgent(at, ContactId);
    assert.deepEqual(await info(), { ConnectedToAgentTimestamp: first });
  });

  it('[DC6] measures no chat of more than 10,000 items', async () => {
    const at = await testPipeline();
    for (const count of [10_000, 10_001]) {
      const { ContactId } = await startChat(at, {}, false);
      const chat = await at.store.chat({ contactId: ContactId });
      assert(chat);
      const items = Array.from({ length: count }, () => ({
        tail: at.ids.tail(),
        type: 'MESSAGE' as const,
        content: 'x',
      }));
      const end = { at: at.time.now, reason: 'API' as const };
      await at.store.commit({ now: at.time.now, chat: { expected: chat.revision, after: { ...chat, end } }, items });
      const { ChatMetrics } = (await at.call('DescribeContact', { InstanceId, ContactId })).body.Contact;
      assert.equal(ChatMetrics?.ChatContactMetrics.TotalMessages, count > 10_000 ? undefined : count);
    }
  });
});
