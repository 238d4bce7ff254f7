import { type Chat, type NewChat, participantOf } from '../domain/chat.ts';
import type { ContactEvent } from '../domain/contact-events.ts';
import { firstAgent } from '../domain/search.ts';
import { isoTime } from './time.ts';

/**
 * A contact event as EventBridge delivers those of Amazon Connect; members without a value are absent. `chat` is the
 * chat as the change left it, `id` a UUID that is the same in every attempt. The values of user attributes are not part
 * of it, nor are metrics, which would need the items.
 */
export function wireContactEvent(event: ContactEvent, chat: Chat | NewChat, id: string) {
  const { contact } = chat;
  const instanceArn = `arn:aws:connect:${chat.region}:${chat.account}:instance/${chat.instanceId}`;
  const agent = event.participantId === undefined ? firstAgent(chat) : participantOf(chat, event.participantId);
  return {
    version: '0',
    id,
    'detail-type': 'Amazon Connect Contact Event',
    source: 'aws.connect',
    account: chat.account,
    time: isoTime(event.time).replace(/\.\d+Z$/, 'Z'),
    region: chat.region,
    resources: [`${instanceArn}/contact/${contact.id}`, instanceArn],
    detail: {
      eventType: event.type,
      contactId: contact.id,
      initialContactId: chat.id,
      relatedContactId: contact.relatedContactId,
      channel: 'CHAT',
      instanceArn,
      initiationMethod: contact.initiationMethod,
      initiationTimestamp: isoTime(contact.initiatedAt),
      connectedToSystemTimestamp: wireTime(contact.connectedToSystemAt),
      disconnectTimestamp: wireTime(chat.end?.at),
      disconnectReason: chat.end?.reason,
      // Who put it in says no user: the agent has no ARN.
      agentInfo: agent && { connectedToAgentTimestamp: wireTime(agent.connectedAt) },
      updatedProperties: event.updatedProperties,
      customerId: contact.customerId,
      segmentAttributes: mapped(contact.segmentAttributes, wireValue),
      tags: contact.tags,
    },
  };
}

function wireTime(time: number | undefined): string | undefined {
  return time === undefined ? undefined : isoTime(time);
}

function mapped(all: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, change(value)]));
}

/** The API's SegmentAttributeValue, its members in lowerCamel as all of the detail; keys of a map stay as they are. */
function wireValue(value: unknown): unknown {
  const given = value as { ValueMap?: Record<string, unknown>; ValueList?: unknown[] };
  const changed = {
    ...given,
    ...(given.ValueMap && { ValueMap: mapped(given.ValueMap, wireValue) }),
    ...(given.ValueList && { ValueList: given.ValueList.map(wireValue) }),
  };
  return Object.fromEntries(Object.entries(changed).map(([name, each]) => [name.replace(/^V/, 'v'), each]));
}
