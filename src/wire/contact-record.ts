import type { Chat, Reference } from '../domain/chat.ts';
import type { ChatMetrics } from '../domain/metrics.ts';
import type { Participant } from '../domain/participant.ts';
import { firstAgent } from '../domain/search.ts';
import { below, type StoredObject } from '../domain/storage.ts';
import { wireMetrics } from './chat-metrics.ts';
import { datePath, isoSecond } from './time.ts';

/** What Amazon calls a contact (trace) record: one contact that has ended, as reports want it. */

/** `<prefix>/2026/01/31/<contactId>.json`, by the start of the contact: written again it takes the same place. */
export function recordKey(prefix: string, { contact }: Chat): string {
  return below(prefix, `${datePath(contact.initiatedAt)}/${contact.id}.json`);
}

/** The record of a chat that has ended. What a chat has no value for is null, as in Amazon's records. */
export function contactRecord(chat: Chat, metrics: ChatMetrics | undefined, transcript: StoredObject | undefined) {
  const { contact, end } = chat;
  const agent = firstAgent(chat);
  return {
    AWSAccountId: chat.account,
    AWSContactTraceRecordFormatVersion: '2017-03-10',
    Agent: agent ? agentOf(agent, chat) : null,
    AgentConnectionAttempts: agent ? 1 : 0,
    Attributes: chat.attributes,
    Channel: 'CHAT',
    ChatMetrics: metrics ? wireMetrics(metrics, isoSecond) : null,
    ConnectedToSystemTimestamp: second(contact.connectedToSystemAt),
    ContactAssociationId: contact.associationId,
    ContactDetails: { Name: contact.name, Description: contact.description },
    ContactId: contact.id,
    CustomerEndpoint: null,
    CustomerId: contact.customerId ?? null,
    DisconnectReason: end?.reason ?? null,
    DisconnectTimestamp: second(end?.at),
    InitialContactId: contact.id === chat.id ? null : chat.id,
    InitiationMethod: contact.initiationMethod,
    InitiationTimestamp: isoSecond(contact.initiatedAt),
    InstanceARN: `arn:aws:connect:${chat.region}:${chat.account}:instance/${chat.instanceId}`,
    LastUpdateTimestamp: isoSecond(contact.updatedAt),
    MediaStreams: [{ Type: 'CHAT' }],
    NextContactId: null,
    PreviousContactId: null,
    Queue: null,
    Recording: null,
    Recordings: transcript ? [recordingOf(chat, transcript)] : null,
    References: Object.entries(contact.references ?? {}).map(([Name, reference]) => referenceOf(Name, reference)),
    RelatedContactId: contact.relatedContactId ?? null,
    RoutingCriteria: null,
    SegmentAttributes: contact.segmentAttributes,
    SystemEndpoint: null,
    Tags: contact.tags ?? {},
    TransferCompletedTimestamp: null,
    TransferredToEndpoint: null,
  };
}

/** The transcript as a recording of the contact: what `DescribeContact` answers of it as well, times as each writes them. */
export function transcriptRecording({ bucket, key }: StoredObject) {
  return {
    StorageType: 'S3',
    Location: `${bucket}/${key}`,
    MediaStreamType: 'CHAT',
    ParticipantType: 'ALL',
    Status: 'AVAILABLE',
  } as const;
}

function recordingOf({ contact, end }: Chat, transcript: StoredObject) {
  return {
    ...transcriptRecording(transcript),
    StartTimestamp: isoSecond(contact.initiatedAt),
    StopTimestamp: second(end?.at),
    DeletionReason: null,
  };
}

/** Whoever put an agent in named no user: the name that is shown is all that it has. */
function agentOf({ displayName, connectedAt = 0, leftAt }: Participant, { end }: Chat) {
  const until = leftAt ?? end?.at ?? connectedAt;
  return {
    ARN: null,
    Username: displayName,
    ConnectedToAgentTimestamp: isoSecond(connectedAt),
    AgentInteractionDuration: Math.max(0, Math.floor((until - connectedAt) / 1000)),
    AfterContactWorkStartTimestamp: null,
    AfterContactWorkEndTimestamp: null,
    AfterContactWorkDuration: 0,
    CustomerHoldDuration: 0,
    NumberOfHolds: 0,
    LongestHoldDuration: 0,
    HierarchyGroups: null,
    RoutingProfile: null,
    StateTransitions: null,
  };
}

function referenceOf(Name: string, { Type, Value, Status, Arn, StatusReason }: Reference) {
  return { Name, Type, Value, Status, Arn, StatusReason };
}

function second(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : isoSecond(milliseconds);
}
