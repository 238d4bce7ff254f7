import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chatAt, newChatAt } from '../../test/support/chat.ts';
import type { Chat } from '../domain/chat.ts';
import type { ContactEvent } from '../domain/contact-events.ts';
import type { Participant } from '../domain/participant.ts';
import { wireContactEvent } from './contact-event.ts';

const start = Date.parse('2026-01-31T12:00:00.123Z');
const instanceArn = 'arn:aws:connect:us-east-1:123456789012:instance/instance';
const id = '6f1c9c5e-0d5b-4a53-8f0e-1c1a8f2b3c4d';

function agent(name: string, connectedAt: number): Participant {
  return { id: name, role: 'AGENT', displayName: name, createdAt: start, connectedAt };
}

/** As it arrives. */
function sent(event: ContactEvent, chat: Parameters<typeof wireContactEvent>[1]): Record<string, unknown> {
  return JSON.parse(JSON.stringify(wireContactEvent(event, chat, id)));
}

const detailOf = (event: ContactEvent, chat: Chat) => sent(event, chat).detail as Record<string, unknown>;

describe('a contact event on the wire', () => {
  test('[CE9, CE10] is an event of EventBridge, and has nothing that has no value', () => {
    assert.deepEqual(sent({ type: 'INITIATED', time: start }, newChatAt(start)), {
      version: '0',
      id,
      'detail-type': 'Amazon Connect Contact Event',
      source: 'aws.connect',
      account: '123456789012',
      time: '2026-01-31T12:00:00Z',
      region: 'us-east-1',
      resources: [`${instanceArn}/contact/chat`, instanceArn],
      detail: {
        eventType: 'INITIATED',
        contactId: 'chat',
        initialContactId: 'chat',
        channel: 'CHAT',
        instanceArn,
        initiationMethod: 'API',
        initiationTimestamp: '2026-01-31T12:00:00.123Z',
        segmentAttributes: {},
      },
    });
  });

  test('[CE10, CE11] tells all that the contact has, but for the values of its attributes', () => {
    const { contact } = newChatAt(start);
    const nested = { ValueMap: { ValueKey: { ValueInteger: 1 } } };
    const chat = chatAt(start, {
      attributes: { secret: 'the value' },
      participants: [agent('late', start + 3), agent('early', start + 2)],
      end: { at: start + 9, reason: 'AGENT_DISCONNECT' },
      contact: {
        ...contact,
        connectedToSystemAt: start + 1,
        customerId: 'customer-7',
        relatedContactId: 'other',
        tags: { team: 'a' },
        segmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' }, Values: { ValueList: [nested] } },
      },
    });
    const updatedProperties = ['UserDefinedAttributes', 'Tags'] as const;
    const event = sent({ type: 'CONTACT_DATA_UPDATED', time: start + 10, updatedProperties }, chat);
    assert.equal(JSON.stringify(event).includes('the value'), false);
    assert.deepEqual(event.detail, {
      eventType: 'CONTACT_DATA_UPDATED',
      contactId: 'chat',
      initialContactId: 'chat',
      relatedContactId: 'other',
      channel: 'CHAT',
      instanceArn,
      initiationMethod: 'API',
      initiationTimestamp: '2026-01-31T12:00:00.123Z',
      connectedToSystemTimestamp: '2026-01-31T12:00:00.124Z',
      disconnectTimestamp: '2026-01-31T12:00:00.132Z',
      disconnectReason: 'AGENT_DISCONNECT',
      agentInfo: { connectedToAgentTimestamp: '2026-01-31T12:00:00.125Z' },
      updatedProperties: ['UserDefinedAttributes', 'Tags'],
      customerId: 'customer-7',
      segmentAttributes: {
        'connect:Subtype': { valueString: 'connect:Chat' },
        Values: { valueList: [{ valueMap: { ValueKey: { valueInteger: 1 } } }] },
      },
      tags: { team: 'a' },
    });
  });

  test('[CE11] names the agent that it is about', () => {
    const chat = chatAt(start, { participants: [agent('early', start + 2), agent('late', start + 3)] });
    const { agentInfo } = detailOf({ type: 'CONNECTED_TO_AGENT', time: start + 3, participantId: 'late' }, chat);
    assert.deepEqual(agentInfo, { connectedToAgentTimestamp: '2026-01-31T12:00:00.126Z' });
  });
});
