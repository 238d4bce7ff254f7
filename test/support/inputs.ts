import { developmentStorage } from '../../src/domain/storage.ts';
import { ContactFlowId, InstanceId } from './pipeline.ts';

/** A good input for every operation, about that contact. An operation without one fails the tests that go through all. */
export function inputsFor(ContactId: string): Readonly<Record<string, object>> {
  const contact = { InstanceId, ContactId };
  const attachedFiles = { InstanceId, AttachmentScope: 'CHAT' };
  const timeRange = { Type: 'INITIATION_TIMESTAMP', StartTime: 1_769_860_000, EndTime: 1_769_870_000 };
  const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
  const storage = { InstanceId, ResourceType: 'CHAT_TRANSCRIPTS' };
  const association = { ...storage, AssociationId: developmentStorage.CHAT_TRANSCRIPTS.id };
  const StorageConfig = { StorageType: 'S3', S3Config: { BucketName: 'never-shown', BucketPrefix: 'never/shown' } };
  return {
    AssociateApprovedOrigin: { InstanceId, Origin: 'https://www.example.com' },
    AssociateInstanceStorageConfig: { ...storage, StorageConfig },
    CancelParticipantAuthentication: { SessionId: ContactId.padEnd(36, '0').slice(0, 36) },
    CompleteAttachmentUpload: { AttachmentIds: ['never shown'], ClientToken: 'never shown' },
    CreateParticipant: {
      ...contact,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'never shown' },
    },
    CreateParticipantConnection: { ConnectParticipant: true },
    CreatePersistentContactAssociation: {
      InstanceId,
      InitialContactId: ContactId,
      RehydrationType: 'FROM_SEGMENT',
      SourceContactId: ContactId,
    },
    DeleteContactData: { ...contact, ContactFields: ['CUSTOMER_ENDPOINT'] },
    DescribeAttachedFilesConfiguration: attachedFiles,
    DescribeContact: contact,
    DescribeInstanceStorageConfig: association,
    DescribeView: { ViewToken: 'never shown' },
    DisassociateApprovedOrigin: { InstanceId, Origin: 'https://www.example.com' },
    DisassociateInstanceStorageConfig: association,
    DisconnectParticipant: { ClientToken: 'never shown' },
    GetAttachment: { AttachmentId: 'never shown' },
    GetAuthenticationUrl: { SessionId: ContactId.padEnd(36, '0').slice(0, 36), RedirectUri: '' },
    GetContactAttributes: { InstanceId, InitialContactId: ContactId },
    GetTranscript: {},
    ListApprovedOrigins: { InstanceId },
    ListAssociatedContacts: contact,
    ListAttachedFilesConfigurations: { InstanceId },
    ListContactReferences: { ...contact, ReferenceTypes: ['URL'] },
    ListInstanceStorageConfigs: storage,
    ListTagsForResource: { resourceArn: instanceArn },
    SearchContacts: { InstanceId, TimeRange: timeRange },
    SendEvent: {
      ContentType: 'application/vnd.amazonaws.connect.event.message.read',
      Content: '{"messageId":"never shown"}',
    },
    SendMessage: { ContentType: 'text/plain', Content: 'never shown', ClientToken: 'never shown' },
    StartAttachmentUpload: {
      AttachmentName: 'never shown.txt',
      AttachmentSizeInBytes: 1,
      ContentType: 'text/plain',
      ClientToken: 'never shown',
    },
    StartChatContact: {
      InstanceId,
      ContactFlowId,
      ParticipantDetails: { DisplayName: 'Ana' },
      CustomerId: 'never shown',
      Attributes: { secret: 'never shown' },
    },
    StartContactStreaming: {
      ...contact,
      ChatStreamingConfiguration: { StreamingEndpointArn: 'arn:aws:sns:us-east-1:123456789012:tertulia-dev' },
      ClientToken: 'never shown',
    },
    StopContact: contact,
    StopContactStreaming: { ...contact, StreamingId: 'never shown' },
    TagContact: { ...contact, Tags: { team: 'never shown' } },
    TagResource: { resourceArn: instanceArn, tags: { team: 'never shown' } },
    TransferContact: { ...contact, ContactFlowId },
    UntagContact: { ...contact, TagKeys: ['team'] },
    UntagResource: { resourceArn: instanceArn, tagKeys: ['team'] },
    UpdateAttachedFilesConfiguration: { ...attachedFiles, MaximumSizeLimitInBytes: 20_971_520 },
    UpdateContact: { ...contact, Name: 'never shown' },
    UpdateContactAttributes: { InstanceId, InitialContactId: ContactId, Attributes: { secret: 'never shown' } },
    UpdateInstanceStorageConfig: { ...association, StorageConfig },
    UpdateParticipantRoleConfig: {
      ...contact,
      ChannelConfiguration: {
        Chat: {
          ParticipantTimerConfigList: [
            { ParticipantRole: 'CUSTOMER', TimerType: 'IDLE', TimerValue: { ParticipantTimerDurationInMinutes: 2 } },
          ],
        },
      },
    },
  };
}
