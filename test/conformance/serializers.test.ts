import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { developmentStorage } from '../../src/domain/storage.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { registry } from '../../src/operations/registry.ts';
import { decode, parseBody } from '../../src/shape/decode.ts';
import { encode } from '../../src/shape/encode.ts';
import type { Shape } from '../../src/shape/shape.ts';
import { addAgent } from '../support/agents.ts';
import { hello, sendFile, uploadFile } from '../support/attachments.ts';
import { inputsFor } from '../support/inputs.ts';
import { ContactFlowId, InstanceId } from '../support/pipeline.ts';
import { sdk } from '../support/sdk.ts';
import { begun, instanceArn, openWorld, text, type World } from '../support/sdk-world.ts';

/**
 * Every operation through the serializers of the installed SDK: what clients write arrives, and what is answered is what
 * they read. Its errors are next door, in `errors.test.ts`.
 */

const StreamingEndpointArn = 'arn:aws:sns:us-east-1:123456789012:tertulia-dev';
const Origin = 'https://www.example.com';
const files = { InstanceId, AttachmentScope: 'CHAT' };
const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
const AssociationId = developmentStorage.CHAT_TRANSCRIPTS.id;
const StorageConfig = { StorageType: 'S3', S3Config: { BucketName: 'acme-chats', BucketPrefix: 'Acme/chats' } };

/** Good calls of each operation, whose outputs are compared as a whole; or why none succeeds. */
const goodCalls: Readonly<Record<string, ((at: World) => Promise<void>) | string>> = {
  async CompleteAttachmentUpload({ done, system, ConnectionToken }) {
    const { AttachmentId } = await uploadFile(system, ConnectionToken);
    const input = { ConnectionToken, AttachmentIds: [AttachmentId], ClientToken: 'complete' };
    assert.deepEqual(await done('CompleteAttachmentUpload', input), {});
  },
  async GetAttachment({ done, system, ConnectionToken }) {
    const AttachmentId = await sendFile(system, ConnectionToken);
    const output = await done('GetAttachment', { ConnectionToken, AttachmentId });
    const { Url, UrlExpiry } = output;
    assert.deepEqual(output, { Url: text(Url), UrlExpiry: text(UrlExpiry), AttachmentSizeInBytes: hello.length });
  },
  async StartAttachmentUpload({ done, ConnectionToken }) {
    const file = { AttachmentName: 'a.txt', AttachmentSizeInBytes: 3, ContentType: 'text/plain', ClientToken: 'start' };
    const { AttachmentId, UploadMetadata, ...rest } = await done('StartAttachmentUpload', { ConnectionToken, ...file });
    assert.deepEqual([text(AttachmentId), rest], [AttachmentId, {}]);
    assert.deepEqual(Object.keys(UploadMetadata).sort(), ['HeadersToInclude', 'Url', 'UrlExpiry']);
    assert.equal(UploadMetadata.HeadersToInclude['Content-Type'], 'text/plain');
  },
  async DescribeAttachedFilesConfiguration({ done }) {
    const { AttachedFilesConfiguration: output } = await done('DescribeAttachedFilesConfiguration', files);
    assert.equal(output.MaximumSizeLimitInBytes, 20 * 1024 * 1024);
    assert.ok(output.ExtensionConfiguration.AllowedExtensions.length > 10);
  },
  async ListAttachedFilesConfigurations({ done }) {
    const output = await done('ListAttachedFilesConfigurations', { InstanceId });
    assert.equal(output.AttachedFilesConfigurations.length, 1);
    assert.equal(output.AttachedFilesConfigurations[0].AttachmentScope, 'CHAT');
  },
  async UpdateAttachedFilesConfiguration({ done }) {
    await done('UpdateAttachedFilesConfiguration', { ...files, MaximumSizeLimitInBytes: 1000 });
    const { AttachedFilesConfiguration } = await done('DescribeAttachedFilesConfiguration', files);
    assert.equal(AttachedFilesConfiguration.MaximumSizeLimitInBytes, 1000);
  },
  async AssociateApprovedOrigin({ done }) {
    assert.deepEqual(await done('AssociateApprovedOrigin', { InstanceId, Origin }), {});
  },
  async DisassociateApprovedOrigin({ done }) {
    await done('AssociateApprovedOrigin', { InstanceId, Origin });
    assert.deepEqual(await done('DisassociateApprovedOrigin', { InstanceId, Origin }), {});
    assert.deepEqual(await done('ListApprovedOrigins', { InstanceId }), { Origins: [] });
  },
  async ListApprovedOrigins({ done }) {
    await done('AssociateApprovedOrigin', { InstanceId, Origin });
    assert.deepEqual(await done('ListApprovedOrigins', { InstanceId }), { Origins: [Origin] });
  },
  async AssociateInstanceStorageConfig({ done }) {
    await done('DisassociateInstanceStorageConfig', { ...storage, AssociationId });
    const output = await done('AssociateInstanceStorageConfig', { ...storage, StorageConfig });
    assert.deepEqual(output, { AssociationId: text(output.AssociationId) });
  },
  async DescribeInstanceStorageConfig({ done }) {
    const output = await done('DescribeInstanceStorageConfig', { ...storage, AssociationId });
    const S3Config = { BucketName: 'tertulia-dev', BucketPrefix: 'connect/tertulia-dev/ChatTranscripts' };
    assert.deepEqual(output, { StorageConfig: { AssociationId, StorageType: 'S3', S3Config } });
  },
  async DisassociateInstanceStorageConfig({ done }) {
    assert.deepEqual(await done('DisassociateInstanceStorageConfig', { ...storage, AssociationId }), {});
    assert.deepEqual(await done('ListInstanceStorageConfigs', storage), { StorageConfigs: [] });
  },
  async ListInstanceStorageConfigs({ done }) {
    const { StorageConfigs, ...rest } = await done('ListInstanceStorageConfigs', { ...storage, MaxResults: 10 });
    assert.deepEqual([StorageConfigs.length, StorageConfigs[0].AssociationId, rest], [1, AssociationId, {}]);
  },
  async UpdateInstanceStorageConfig({ done }) {
    const input = { ...storage, AssociationId, StorageConfig };
    assert.deepEqual(await done('UpdateInstanceStorageConfig', input), {});
    const output = await done('DescribeInstanceStorageConfig', { ...storage, AssociationId });
    assert.deepEqual(output, { StorageConfig: { AssociationId, ...StorageConfig } });
  },
  async CreatePersistentContactAssociation({ done, ContactId }) {
    await done('StopContact', { InstanceId, ContactId });
    const ParticipantDetails = { DisplayName: 'Ana' };
    const next = await done('StartChatContact', { InstanceId, ContactFlowId, ParticipantDetails });
    const output = await done('CreatePersistentContactAssociation', {
      InstanceId,
      InitialContactId: next.ContactId,
      RehydrationType: 'FROM_SEGMENT',
      SourceContactId: ContactId,
    });
    assert.deepEqual(output, { ContinuedFromContactId: ContactId });
  },
  CancelParticipantAuthentication: 'no flow begins an authentication',
  DescribeView: 'no flow hands out a view',
  GetAuthenticationUrl: 'no flow begins an authentication',
  async CreateParticipant(at) {
    const output = await at.done('CreateParticipant', {
      InstanceId,
      ContactId: at.ContactId,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' },
    });
    assert.deepEqual(output, {
      ParticipantId: text(output.ParticipantId),
      ParticipantCredentials: {
        ParticipantToken: text(output.ParticipantCredentials.ParticipantToken),
        Expiry: '2026-02-01T13:00:00.000Z',
      },
    });
  },
  async CreateParticipantConnection({ done, ParticipantToken }) {
    const both = await done('CreateParticipantConnection', {
      ParticipantToken,
      Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'],
    });
    assert.deepEqual(both, {
      Websocket: { Url: text(both.Websocket.Url), ConnectionExpiry: '2026-01-31T12:01:40.000Z' },
      ConnectionCredentials: {
        ConnectionToken: text(both.ConnectionCredentials.ConnectionToken),
        Expiry: '2026-02-01T12:00:00.000Z',
      },
    });
    const none = await done('CreateParticipantConnection', { ParticipantToken, ConnectParticipant: true });
    assert.deepEqual(none, {});
  },
  async DeleteContactData({ done, ContactId }) {
    await done('StopContact', { InstanceId, ContactId });
    const output = await done('DeleteContactData', { InstanceId, ContactId, ContactFields: ['CUSTOMER_ENDPOINT'] });
    assert.deepEqual(output, {});
  },
  DescribeContact: describeEnded,
  async DisconnectParticipant({ done, ConnectionToken }) {
    assert.deepEqual(await done('DisconnectParticipant', { ConnectionToken }), {});
  },
  async GetContactAttributes({ done, start }) {
    const Attributes = { plan: 'gold', note: '', smile: '😀' };
    const { ContactId } = await start({ Attributes });
    const output = await done('GetContactAttributes', { InstanceId, InitialContactId: ContactId });
    assert.deepEqual(output, { Attributes });
  },
  GetTranscript: readTranscript,
  async ListAssociatedContacts({ done, start, system, ContactId }) {
    system.time.now += 1500;
    const related = await start({ RelatedContactId: ContactId });
    await done('StopContact', { InstanceId, ContactId });
    const first = await done('ListAssociatedContacts', { InstanceId, ContactId, MaxResults: 1 });
    const known = { InitiationMethod: 'API', Channel: 'CHAT' };
    const { NextToken } = first;
    assert.deepEqual(first, {
      ContactSummaryList: [
        {
          ...known,
          ContactId,
          ContactArn: `${instanceArn}/contact/${ContactId}`,
          InitialContactId: ContactId,
          InitiationTimestamp: new Date(begun),
          DisconnectTimestamp: new Date(begun + 1500),
        },
      ],
      NextToken: text(NextToken),
    });
    assert.deepEqual(await done('ListAssociatedContacts', { InstanceId, ContactId, MaxResults: 1, NextToken }), {
      ContactSummaryList: [
        {
          ...known,
          ContactId: related.ContactId,
          ContactArn: `${instanceArn}/contact/${related.ContactId}`,
          InitialContactId: related.ContactId,
          InitiationTimestamp: new Date(begun + 1500),
          RelatedContactId: ContactId,
        },
      ],
    });
  },
  async ListContactReferences({ done, ContactId }) {
    const References = {
      web: { Type: 'URL', Value: 'https://example.com/?a=b&c' },
      note: { Type: 'STRING', Value: '' },
      count: { Type: 'NUMBER', Value: '7' },
      day: { Type: 'DATE', Value: '1769860800' },
      mail: { Type: 'EMAIL', Value: 'ana@example.com' },
    };
    await done('UpdateContact', { InstanceId, ContactId, References });
    const list = (ReferenceTypes: string[]) => done('ListContactReferences', { InstanceId, ContactId, ReferenceTypes });
    assert.deepEqual(await list(['URL', 'STRING', 'NUMBER', 'DATE', 'EMAIL']), {
      ReferenceSummaryList: [
        { Url: { Name: 'web', Value: 'https://example.com/?a=b&c' } },
        { String: { Name: 'note', Value: '' } },
        { Number: { Name: 'count', Value: '7' } },
        { Date: { Name: 'day', Value: '1769860800' } },
        { Email: { Name: 'mail', Value: 'ana@example.com' } },
      ],
    });
    assert.deepEqual(await list(['EMAIL_MESSAGE']), { ReferenceSummaryList: [] });
  },
  async ListTagsForResource({ done }) {
    assert.deepEqual(await done('ListTagsForResource', { resourceArn: instanceArn }), { tags: {} });
    const tags = { team: 'red', 'näme of it': '' };
    await done('TagResource', { resourceArn: instanceArn, tags });
    assert.deepEqual(await done('ListTagsForResource', { resourceArn: instanceArn }), { tags });
  },
  SearchContacts: searchContacts,
  async SendEvent({ done, ConnectionToken }) {
    const ContentType = 'application/vnd.amazonaws.connect.event.typing';
    const output = await done('SendEvent', { ConnectionToken, ContentType });
    assert.deepEqual(output, { Id: text(output.Id), AbsoluteTime: '2026-01-31T12:00:00.000Z' });
  },
  async SendMessage({ done, ConnectionToken }) {
    const output = await done('SendMessage', { ConnectionToken, ContentType: 'text/plain', Content: 'Ünïcode 😀' });
    // A millisecond after the item before it.
    assert.deepEqual(output, { Id: text(output.Id), AbsoluteTime: '2026-01-31T12:00:00.001Z' });
  },
  async StartChatContact({ start }) {
    const output = await start({ Attributes: { plan: 'gold' }, ChatDurationInMinutes: 60 });
    assert.deepEqual(output, {
      ContactId: text(output.ContactId),
      ParticipantId: text(output.ParticipantId),
      ParticipantToken: text(output.ParticipantToken),
    });
  },
  async StartContactStreaming({ done, ContactId }) {
    const { StreamingId } = await done('StartContactStreaming', {
      InstanceId,
      ContactId,
      ChatStreamingConfiguration: { StreamingEndpointArn },
    });
    assert.match(text(StreamingId), /^[0-9a-f-]{36}$/);
  },
  async StopContactStreaming({ done, ContactId }) {
    const { StreamingId } = await done('StartContactStreaming', {
      InstanceId,
      ContactId,
      ChatStreamingConfiguration: { StreamingEndpointArn },
    });
    assert.deepEqual(await done('StopContactStreaming', { InstanceId, ContactId, StreamingId }), {});
  },
  async StopContact({ done, ContactId }) {
    assert.deepEqual(await done('StopContact', { InstanceId, ContactId }), {});
  },
  async TagContact({ done, ContactId }) {
    assert.deepEqual(await done('TagContact', { InstanceId, ContactId, Tags: { team: 'red', note: '' } }), {});
    const { Contact } = await done('DescribeContact', { InstanceId, ContactId });
    assert.deepEqual(Contact.Tags, { team: 'red', note: '' });
  },
  async TagResource({ done }) {
    assert.deepEqual(await done('TagResource', { resourceArn: instanceArn, tags: { team: 'red' } }), {});
  },
  TransferContact: 'for tasks and emails; there are only chats',
  async UntagContact({ done, ContactId }) {
    await done('TagContact', { InstanceId, ContactId, Tags: { a: '1', 'b/c+=': '2', d: '3' } });
    assert.deepEqual(await done('UntagContact', { InstanceId, ContactId, TagKeys: ['a', 'b/c+='] }), {});
    const { Contact } = await done('DescribeContact', { InstanceId, ContactId });
    assert.deepEqual(Contact.Tags, { d: '3' });
  },
  async UntagResource({ done }) {
    await done('TagResource', { resourceArn: instanceArn, tags: { a: '1', 'b/c +é': '2', d: '3' } });
    assert.deepEqual(await done('UntagResource', { resourceArn: instanceArn, tagKeys: ['a', 'b/c +é'] }), {});
    assert.deepEqual(await done('ListTagsForResource', { resourceArn: instanceArn }), { tags: { d: '3' } });
  },
  async UpdateContact({ done, ContactId }) {
    assert.deepEqual(await done('UpdateContact', { InstanceId, ContactId, Name: 'Order 7', Description: '' }), {});
    const { Contact } = await done('DescribeContact', { InstanceId, ContactId });
    assert.deepEqual([Contact.Name, Contact.Description], ['Order 7', '']);
  },
  async UpdateContactAttributes({ done, ContactId: InitialContactId }) {
    const Attributes = { plan: 'gold' };
    assert.deepEqual(await done('UpdateContactAttributes', { InstanceId, InitialContactId, Attributes }), {});
    assert.deepEqual(await done('GetContactAttributes', { InstanceId, InitialContactId }), { Attributes });
  },
  async UpdateParticipantRoleConfig({ done, ContactId }) {
    const set = (TimerValue: object) =>
      done('UpdateParticipantRoleConfig', {
        InstanceId,
        ContactId,
        ChannelConfiguration: {
          Chat: { ParticipantTimerConfigList: [{ ParticipantRole: 'CUSTOMER', TimerType: 'IDLE', TimerValue }] },
        },
      });
    assert.deepEqual(await set({ ParticipantTimerDurationInMinutes: 2 }), {});
    assert.deepEqual(await set({ ParticipantTimerAction: 'Unset' }), {});
  },
};

/** A chat with all that a chat can have, after its end. */
async function describeEnded({ done, start, connect, system, ContactId: related }: World): Promise<void> {
  const chat = await start({ RelatedContactId: related, CustomerId: 'customer', Attributes: { plan: 'gold' } });
  const { ContactId } = chat;
  await done('UpdateContact', { InstanceId, ContactId, Name: 'Order 7', Description: 'Late' });
  await done('TagContact', { InstanceId, ContactId, Tags: { team: 'red' } });
  const customerToken = await connect(chat.ParticipantToken);
  const later = (seconds: number) => new Date(begun + seconds * 1000);
  const say = (ConnectionToken: string) => {
    system.time.now += 1000;
    return done('SendMessage', { ConnectionToken, ContentType: 'text/plain', Content: 'Hi' });
  };
  system.time.now += 1000;
  const agent = await addAgent(system, ContactId);
  await say(customerToken);
  await say(agent.token);
  system.time.now += 500;
  await done('StopContact', { InstanceId, ContactId });
  const spoke = {
    ConversationAbandon: false,
    MessagesSent: 1,
    MessageLengthInChars: 2,
  };
  assert.deepEqual(await done('DescribeContact', { InstanceId, ContactId }), {
    Contact: {
      Arn: `${instanceArn}/contact/${ContactId}`,
      Id: ContactId,
      InitialContactId: ContactId,
      ContactAssociationId: related,
      RelatedContactId: related,
      InitiationMethod: 'API',
      Name: 'Order 7',
      Description: 'Late',
      Channel: 'CHAT',
      AgentInfo: { ConnectedToAgentTimestamp: later(1) },
      InitiationTimestamp: later(0),
      ConnectedToSystemTimestamp: later(0),
      DisconnectTimestamp: later(3.5),
      LastUpdateTimestamp: later(3.5),
      CustomerId: 'customer',
      QueuePriority: 5,
      Tags: { team: 'red' },
      ChatMetrics: {
        ChatContactMetrics: {
          MultiParty: false,
          TotalMessages: 2,
          TotalBotMessages: 0,
          TotalBotMessageLengthInChars: 0,
          ConversationCloseTimeInMillis: 1500,
          ConversationTurnCount: 2,
          AgentFirstResponseTimestamp: later(3),
          AgentFirstResponseTimeInMillis: 2000,
        },
        AgentMetrics: {
          ...spoke,
          ParticipantId: agent.ParticipantId,
          ParticipantType: 'AGENT',
          NumResponses: 1,
          TotalResponseTimeInMillis: 1000,
          MaxResponseTimeInMillis: 1000,
          LastMessageTimestamp: later(3),
        },
        CustomerMetrics: {
          ...spoke,
          ParticipantId: chat.ParticipantId,
          ParticipantType: 'CUSTOMER',
          NumResponses: 0,
          TotalResponseTimeInMillis: 0,
          MaxResponseTimeInMillis: 0,
          LastMessageTimestamp: later(2),
        },
      },
      DisconnectReason: 'API',
      SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
      Attributes: { plan: 'gold' },
    },
  });
}

/** A message that was read, and what came before it. */
async function readTranscript({ done, system, ContactId, ParticipantId, ConnectionToken }: World): Promise<void> {
  const agent = await addAgent(system, ContactId);
  system.time.now += 1000;
  const sent = await done('SendMessage', { ConnectionToken, ContentType: 'text/plain', Content: 'Hi' });
  await done('SendEvent', {
    ConnectionToken: agent.token,
    ContentType: 'application/vnd.amazonaws.connect.event.message.read',
    Content: JSON.stringify({ messageId: sent.Id }),
  });
  const first = await done('GetTranscript', { ConnectionToken, MaxResults: 2, SortOrder: 'ASCENDING' });
  const [joined] = first.Transcript;
  const AbsoluteTime = '2026-01-31T12:00:01.000Z';
  const inChat = { ContactId };
  const event = { ...inChat, Type: 'EVENT', ContentType: 'application/vnd.amazonaws.connect.event.participant.joined' };
  const customer = { ParticipantId, DisplayName: 'Ana', ParticipantRole: 'CUSTOMER' };
  assert.deepEqual(first, {
    InitialContactId: ContactId,
    Transcript: [
      {
        ...event,
        Id: text(joined.Id),
        AbsoluteTime: '2026-01-31T12:00:00.001Z',
        ParticipantId: agent.ParticipantId,
        DisplayName: 'Eva',
        ParticipantRole: 'AGENT',
      },
      {
        ...inChat,
        ...customer,
        Id: sent.Id,
        AbsoluteTime,
        Type: 'MESSAGE',
        ContentType: 'text/plain',
        Content: 'Hi',
        MessageMetadata: {
          MessageId: sent.Id,
          Receipts: [
            {
              DeliveredTimestamp: AbsoluteTime,
              ReadTimestamp: AbsoluteTime,
              RecipientParticipantId: agent.ParticipantId,
            },
          ],
        },
      },
    ],
    NextToken: text(first.NextToken),
  });
  const { NextToken } = first;
  const second = await done('GetTranscript', { ConnectionToken, MaxResults: 2, SortOrder: 'ASCENDING', NextToken });
  assert.deepEqual(second, {
    InitialContactId: ContactId,
    Transcript: [
      { ...event, ...customer, Id: text(second.Transcript[0].Id), AbsoluteTime: '2026-01-31T12:00:00.000Z' },
    ],
  });
}

async function searchContacts({ done, start, ContactId: oldest, system }: World): Promise<void> {
  await addAgent(system, oldest);
  system.time.now += 1000;
  const { ContactId } = await start({ Attributes: { plan: 'gold' } });
  await done('UpdateContact', { InstanceId, ContactId, Name: 'Order 7' });
  await done('TagContact', { InstanceId, ContactId, Tags: { team: 'red' } });
  await done('StopContact', { InstanceId, ContactId });
  const search = {
    InstanceId,
    TimeRange: { Type: 'INITIATION_TIMESTAMP', StartTime: new Date(begun), EndTime: new Date(begun + 1000) },
  };
  const summary = (id: string, initiated: number) => ({
    Arn: `${instanceArn}/contact/${id}`,
    Id: id,
    InitialContactId: id,
    InitiationMethod: 'API',
    Channel: 'CHAT',
    InitiationTimestamp: new Date(initiated),
    SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
  });
  const newer = {
    ...summary(ContactId, begun + 1000),
    DisconnectTimestamp: new Date(begun + 1000),
    Name: 'Order 7',
    Tags: { team: 'red' },
  };
  const older = { ...summary(oldest, begun), AgentInfo: { ConnectedToAgentTimestamp: new Date(begun) } };
  assert.deepEqual(await done('SearchContacts', search), { Contacts: [newer, older], TotalCount: 2 });
  const first = await done('SearchContacts', { ...search, MaxResults: 1 });
  assert.deepEqual(first, { Contacts: [newer], NextToken: text(first.NextToken) });
  const { NextToken } = first;
  assert.deepEqual(await done('SearchContacts', { ...search, MaxResults: 1, NextToken }), { Contacts: [older] });
  const criteria = { SearchableContactAttributes: { Criteria: [{ Key: 'plan', Values: ['gold'] }] } };
  const found = await done('SearchContacts', { ...search, SearchCriteria: criteria });
  assert.deepEqual(found, { Contacts: [newer], TotalCount: 1 });
}

/** What is hard to carry: in a path, in a query, in JSON. */
const hard = 'a/b c+d&e=%2F"\\é😀';

/** A value with every member there is, times as the given one. Members of unions are all there: nobody minds. */
function sample(shape: Shape, time: unknown, depth = 0): unknown {
  switch (shape.kind) {
    case 'string':
      return shape.values?.at(-1) ?? hard;
    case 'integer':
    case 'long':
      return 7;
    case 'float':
      return 1.5;
    case 'boolean':
      return true;
    case 'timestamp':
      return time;
    case 'list':
      return shape.of ? [sample(shape.of, time, depth + 1), sample(shape.of, time, depth + 1)] : [];
    case 'map':
      return shape.of ? { [hard]: sample(shape.of, time, depth + 1) } : {};
    case 'structure': {
      // Segment attributes contain themselves.
      const members = depth > 8 ? [] : Object.entries(shape.members ?? {});
      return Object.fromEntries(
        // A header holds no text but plain.
        members.map(([name, each]) => [name, each.place === 'header' ? 'plain' : sample(each.shape, time, depth + 1)]),
      );
    }
  }
}

/** Sends every member of the input by the SDK, and reads every member of the output by it. */
async function carriesAll(operation: Operation): Promise<void> {
  const time = begun + 123;
  let arrived: unknown;
  const raw = async (
    method: string,
    target: string,
    body: string | Buffer = '',
    headers: Record<string, string> = {},
  ) => {
    assert.equal(method, operation.method);
    const [path = '', query = ''] = target.split('?');
    const labels = new RegExp(`^${operation.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(path);
    assert.ok(labels, `${path} is not ${operation.path}`);
    arrived = decode(operation.input, {
      body: parseBody(Buffer.from(body)),
      labels: Object.fromEntries(
        Object.entries(labels.groups ?? {}).map(([name, label]) => [name, decodeURIComponent(label)]),
      ),
      query: new URLSearchParams(query),
      header: (name) => Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1],
    });
    const answered = JSON.stringify(encode(operation.output, sample(operation.output, time)));
    const reply = { status: 200, headers: { 'content-type': 'application/json' }, body: answered };
    return { status: 200, type: undefined, body: undefined, reply };
  };
  const { output } = await sdk({ raw })(operation.name, sample(operation.input, new Date(time)) as object);
  assert.deepEqual(arrived, sample(operation.input, time));
  assert.deepEqual(output, sample(operation.output, new Date(time)));
}

describe('every operation', () => {
  it('[SH1] has good calls here, and nothing else has', () => {
    assert.deepEqual(Object.keys(goodCalls).sort(), registry.map(({ name }) => name).sort());
  });

  for (const operation of registry) {
    const { name } = operation;
    const good = goodCalls[name];

    it(`[SH1, SH10] carries all members of ${name} from the SDK and to it`, () => carriesAll(operation));

    if (typeof good === 'function') {
      it(`[SH1, SH5, SH10] answers to ${name} what the SDK reads: times as dates, one member of a union, nothing undefined`, async () =>
        good(await openWorld()));
    } else {
      it(`[SH1] refuses any ${name}: ${good}`, async () => {
        const { call, ContactId, ConnectionToken } = await openWorld();
        const token = operation.bearer ? { ConnectionToken } : {};
        const { status } = await call(name, { ...inputsFor(ContactId)[name], ...token });
        assert.equal(status, name === 'DescribeView' ? 404 : 400);
      });
    }
  }
});
