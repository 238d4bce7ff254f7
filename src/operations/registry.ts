import { AssociateApprovedOrigin } from './connect/AssociateApprovedOrigin.ts';
import { AssociateInstanceStorageConfig } from './connect/AssociateInstanceStorageConfig.ts';
import { CreateParticipant } from './connect/CreateParticipant.ts';
import { CreatePersistentContactAssociation } from './connect/CreatePersistentContactAssociation.ts';
import { DeleteContactData } from './connect/DeleteContactData.ts';
import { DescribeAttachedFilesConfiguration } from './connect/DescribeAttachedFilesConfiguration.ts';
import { DescribeContact } from './connect/DescribeContact.ts';
import { DescribeInstanceStorageConfig } from './connect/DescribeInstanceStorageConfig.ts';
import { DisassociateApprovedOrigin } from './connect/DisassociateApprovedOrigin.ts';
import { DisassociateInstanceStorageConfig } from './connect/DisassociateInstanceStorageConfig.ts';
import { GetContactAttributes } from './connect/GetContactAttributes.ts';
import { ListApprovedOrigins } from './connect/ListApprovedOrigins.ts';
import { ListAssociatedContacts } from './connect/ListAssociatedContacts.ts';
import { ListAttachedFilesConfigurations } from './connect/ListAttachedFilesConfigurations.ts';
import { ListContactReferences } from './connect/ListContactReferences.ts';
import { ListInstanceStorageConfigs } from './connect/ListInstanceStorageConfigs.ts';
import { ListTagsForResource } from './connect/ListTagsForResource.ts';
import { SearchContacts } from './connect/SearchContacts.ts';
import { StartChatContact } from './connect/StartChatContact.ts';
import { StartContactStreaming } from './connect/StartContactStreaming.ts';
import { StopContact } from './connect/StopContact.ts';
import { StopContactStreaming } from './connect/StopContactStreaming.ts';
import { TagContact } from './connect/TagContact.ts';
import { TagResource } from './connect/TagResource.ts';
import { TransferContact } from './connect/TransferContact.ts';
import { UntagContact } from './connect/UntagContact.ts';
import { UntagResource } from './connect/UntagResource.ts';
import { UpdateAttachedFilesConfiguration } from './connect/UpdateAttachedFilesConfiguration.ts';
import { UpdateContact } from './connect/UpdateContact.ts';
import { UpdateContactAttributes } from './connect/UpdateContactAttributes.ts';
import { UpdateInstanceStorageConfig } from './connect/UpdateInstanceStorageConfig.ts';
import { UpdateParticipantRoleConfig } from './connect/UpdateParticipantRoleConfig.ts';
import type { Operation } from './operation.ts';
import { CancelParticipantAuthentication } from './participant/CancelParticipantAuthentication.ts';
import { CompleteAttachmentUpload } from './participant/CompleteAttachmentUpload.ts';
import { CreateParticipantConnection } from './participant/CreateParticipantConnection.ts';
import { DescribeView } from './participant/DescribeView.ts';
import { DisconnectParticipant } from './participant/DisconnectParticipant.ts';
import { GetAttachment } from './participant/GetAttachment.ts';
import { GetAuthenticationUrl } from './participant/GetAuthenticationUrl.ts';
import { GetTranscript } from './participant/GetTranscript.ts';
import { SendEvent } from './participant/SendEvent.ts';
import { SendMessage } from './participant/SendMessage.ts';
import { StartAttachmentUpload } from './participant/StartAttachmentUpload.ts';

/** Every operation that is built, one line each. */
export const registry: readonly Operation[] = [
  AssociateApprovedOrigin,
  AssociateInstanceStorageConfig,
  CancelParticipantAuthentication,
  CompleteAttachmentUpload,
  CreateParticipant,
  CreateParticipantConnection,
  CreatePersistentContactAssociation,
  DeleteContactData,
  DescribeAttachedFilesConfiguration,
  DescribeContact,
  DescribeInstanceStorageConfig,
  DescribeView,
  DisassociateApprovedOrigin,
  DisassociateInstanceStorageConfig,
  DisconnectParticipant,
  GetAttachment,
  GetAuthenticationUrl,
  GetContactAttributes,
  GetTranscript,
  ListApprovedOrigins,
  ListAssociatedContacts,
  ListAttachedFilesConfigurations,
  ListContactReferences,
  ListInstanceStorageConfigs,
  ListTagsForResource,
  SearchContacts,
  SendEvent,
  SendMessage,
  StartAttachmentUpload,
  StartChatContact,
  StartContactStreaming,
  StopContact,
  StopContactStreaming,
  TagContact,
  TagResource,
  TransferContact,
  UntagContact,
  UntagResource,
  UpdateAttachedFilesConfiguration,
  UpdateContact,
  UpdateContactAttributes,
  UpdateInstanceStorageConfig,
  UpdateParticipantRoleConfig,
];
