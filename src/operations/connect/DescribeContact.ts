import type { Chat } from '../../domain/chat.ts';
import { addItems, type ChatMetrics, maxMeasured, metricsOf, openTally } from '../../domain/metrics.ts';
import { firstAgent } from '../../domain/search.ts';
import { boolean, enumeration, integer, label, list, long, string, structure, timestamp } from '../../shape/shape.ts';
import { wireMetrics } from '../../wire/chat-metrics.ts';
import { transcriptRecording } from '../../wire/contact-record.ts';
import { findNamed } from '../contact.ts';
import { contactArn } from '../instance.ts';
import { type Call, connectOperation } from '../operation.ts';
import {
  agentId,
  attributes,
  channel,
  contactDescription,
  contactId,
  contactName,
  contactTags,
  initiationMethod,
  instanceId,
  participantId,
  type SegmentAttributeValue,
  segmentAttributes,
} from '../shapes.ts';
import { storageType } from '../storage-configs.ts';

const milliseconds = long({ min: 0 });
const participantType = enumeration(['ALL', 'MANAGER', 'AGENT', 'CUSTOMER', 'THIRDPARTY']);
const participantMetrics = structure({
  ParticipantId: participantId,
  ParticipantType: participantType,
  ConversationAbandon: boolean(),
  MessagesSent: integer(),
  NumResponses: integer(),
  MessageLengthInChars: integer(),
  TotalResponseTimeInMillis: milliseconds,
  MaxResponseTimeInMillis: milliseconds,
  LastMessageTimestamp: timestamp(),
});
const chatMetrics = structure({
  ChatContactMetrics: structure({
    MultiParty: boolean(),
    TotalMessages: integer(),
    TotalBotMessages: integer(),
    TotalBotMessageLengthInChars: integer(),
    ConversationCloseTimeInMillis: milliseconds,
    ConversationTurnCount: integer(),
    AgentFirstResponseTimestamp: timestamp(),
    AgentFirstResponseTimeInMillis: milliseconds,
  }),
  AgentMetrics: participantMetrics,
  CustomerMetrics: participantMetrics,
});

const recording = structure({
  StorageType: storageType,
  Location: string({ min: 0, max: 1024 }),
  MediaStreamType: enumeration(['AUDIO', 'VIDEO', 'CHAT']),
  ParticipantType: participantType,
  StartTimestamp: timestamp(),
  StopTimestamp: timestamp(),
  Status: enumeration(['AVAILABLE', 'DELETED']),
});

/** Of the members of Amazon's Contact those that a chat can fill; the others are absent there too. */
const contact = structure({
  Arn: string(),
  Id: contactId,
  InitialContactId: contactId,
  ContactAssociationId: contactId,
  RelatedContactId: contactId,
  InitiationMethod: initiationMethod,
  Name: contactName,
  Description: contactDescription,
  Channel: channel,
  AgentInfo: structure({ Id: agentId, ConnectedToAgentTimestamp: timestamp() }),
  InitiationTimestamp: timestamp(),
  ConnectedToSystemTimestamp: timestamp(),
  DisconnectTimestamp: timestamp(),
  LastUpdateTimestamp: timestamp(),
  CustomerId: string({ min: 0, max: 128 }),
  QueuePriority: long({ min: 1, max: 2 ** 63 }),
  Tags: contactTags,
  ChatMetrics: chatMetrics,
  Recordings: list(recording),
  DisconnectReason: string(),
  SegmentAttributes: segmentAttributes,
  Attributes: attributes,
});

/** Amazon's default. */
const queuePriority = 5;
const batch = 500;

export const DescribeContact = connectOperation({
  name: 'DescribeContact',
  route: ['GET', '/contacts/{InstanceId}/{ContactId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'ThrottlingException',
  ],
  input: structure({ InstanceId: label(instanceId), ContactId: label(contactId) }),
  output: structure({ Contact: contact }),
  async handle(call, input) {
    const { chat } = await findNamed(call, input);
    const { contact } = chat;
    const agent = firstAgent(chat);
    const metrics = await measured(call, chat);
    return {
      Contact: {
        Arn: contactArn(chat, contact.id),
        Id: contact.id,
        InitialContactId: chat.id,
        ContactAssociationId: contact.associationId,
        RelatedContactId: contact.relatedContactId,
        InitiationMethod: contact.initiationMethod,
        Name: contact.name,
        Description: contact.description,
        Channel: 'CHAT' as const,
        // Who put it in says no user: the agent has no Id.
        AgentInfo: agent && { ConnectedToAgentTimestamp: agent.connectedAt },
        InitiationTimestamp: contact.initiatedAt,
        ConnectedToSystemTimestamp: contact.connectedToSystemAt,
        DisconnectTimestamp: chat.end?.at,
        LastUpdateTimestamp: contact.updatedAt,
        CustomerId: contact.customerId,
        QueuePriority: queuePriority,
        Tags: contact.tags && { ...contact.tags },
        ChatMetrics: metrics && wireMetrics(metrics, (time) => time),
        Recordings: recordingsOf(chat),
        DisconnectReason: chat.end?.reason,
        SegmentAttributes: contact.segmentAttributes as Record<string, SegmentAttributeValue>,
        Attributes: { ...chat.attributes },
      },
    };
  },
});

/** The metrics of a chat that has ended. */
async function measured({ store }: Pick<Call, 'store'>, chat: Chat): Promise<ChatMetrics | undefined> {
  if (!chat.end || chat.last > maxMeasured) return undefined;
  let tally = openTally(chat);
  let after: number | undefined;
  for (;;) {
    const page = await store.items(chat.key, { after, newestFirst: false, limit: batch });
    tally = addItems(chat, tally, page);
    if (page.length < batch) return metricsOf(chat, tally);
    after = page.at(-1)?.time;
  }
}

/** The transcript, once it is in the instance's bucket. */
function recordingsOf({ contact, end, archived }: Chat) {
  const transcript = archived?.transcript;
  return (
    transcript && [{ ...transcriptRecording(transcript), StartTimestamp: contact.initiatedAt, StopTimestamp: end?.at }]
  );
}
