import { ContactFlowId, InstanceId } from './pipeline.ts';

/** A good input for every operation, about that contact. An operation without one fails the tests that go through all. */
export function inputsFor(ContactId: string): Readonly<Record<string, object>> {
  const contact = { InstanceId, ContactId };
  const attachedFiles = { InstanceId, AttachmentScope: 'CHAT' };
  const timeRange = { Type: 'INITIATION_TIMESTAMP', StartTime: 1_769_860_000, EndTime: 1_769_870_000 };
  const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
  return {
    AssociateApprovedOrigin: { InstanceId, Origin: 'https://www.example.com' },
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
    DescribeView: { ViewToken: 'never shown' },
    DisassociateApprovedOrigin: { InstanceId, Origin: 'https://www.example.com' },
    DisconnectParticipant: { ClientToken: 'never shown' },
    GetAttachment: { AttachmentId: 'never shown' },
    GetAuthenticationUrl: { SessionId: ContactId.padEnd(36, '0').slice(0, 36), RedirectUri: '' },
    GetContactAttributes: { InstanceId, InitialContactId: ContactId },
    GetTranscript: {},
    ListApprovedOrigins: { InstanceId },
    ListAssociatedContacts: contact,
    ListAttachedFilesConfigurations: { InstanceId },
    ListContactReferences: { ...contact, ReferenceTypes: ['URL'] },
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
    StopContact: contact,
    TagContact: { ...contact, Tags: { team: 'never shown' } },
    TagResource: { resourceArn: instanceArn, tags: { team: 'never shown' } },
    TransferContact: { ...contact, ContactFlowId },
    UntagContact: { ...contact, TagKeys: ['team'] },
    UntagResource: { resourceArn: instanceArn, tagKeys: ['team'] },
    UpdateAttachedFilesConfiguration: { ...attachedFiles, MaximumSizeLimitInBytes: 20_971_520 },
    UpdateContact: { ...contact, Name: 'never shown' },
    UpdateContactAttributes: { InstanceId, InitialContactId: ContactId, Attributes: { secret: 'never shown' } },
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
