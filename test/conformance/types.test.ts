import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type * as connect from '@aws-sdk/client-connect';
import type * as participant from '@aws-sdk/client-connectparticipant';
import type { AssociateApprovedOrigin } from '../../src/operations/connect/AssociateApprovedOrigin.ts';
import type { AssociateInstanceStorageConfig } from '../../src/operations/connect/AssociateInstanceStorageConfig.ts';
import type { CreateParticipant } from '../../src/operations/connect/CreateParticipant.ts';
import type { CreatePersistentContactAssociation } from '../../src/operations/connect/CreatePersistentContactAssociation.ts';
import type { DeleteContactData } from '../../src/operations/connect/DeleteContactData.ts';
import type { DescribeAttachedFilesConfiguration } from '../../src/operations/connect/DescribeAttachedFilesConfiguration.ts';
import type { DescribeContact } from '../../src/operations/connect/DescribeContact.ts';
import type { DescribeInstanceStorageConfig } from '../../src/operations/connect/DescribeInstanceStorageConfig.ts';
import type { DisassociateApprovedOrigin } from '../../src/operations/connect/DisassociateApprovedOrigin.ts';
import type { DisassociateInstanceStorageConfig } from '../../src/operations/connect/DisassociateInstanceStorageConfig.ts';
import type { GetContactAttributes } from '../../src/operations/connect/GetContactAttributes.ts';
import type { ListApprovedOrigins } from '../../src/operations/connect/ListApprovedOrigins.ts';
import type { ListAssociatedContacts } from '../../src/operations/connect/ListAssociatedContacts.ts';
import type { ListAttachedFilesConfigurations } from '../../src/operations/connect/ListAttachedFilesConfigurations.ts';
import type { ListContactReferences } from '../../src/operations/connect/ListContactReferences.ts';
import type { ListInstanceStorageConfigs } from '../../src/operations/connect/ListInstanceStorageConfigs.ts';
import type { ListTagsForResource } from '../../src/operations/connect/ListTagsForResource.ts';
import type { SearchContacts } from '../../src/operations/connect/SearchContacts.ts';
import type { StartChatContact } from '../../src/operations/connect/StartChatContact.ts';
import type { StartContactStreaming } from '../../src/operations/connect/StartContactStreaming.ts';
import type { StopContact } from '../../src/operations/connect/StopContact.ts';
import type { StopContactStreaming } from '../../src/operations/connect/StopContactStreaming.ts';
import type { TagContact } from '../../src/operations/connect/TagContact.ts';
import type { TagResource } from '../../src/operations/connect/TagResource.ts';
import type { TransferContact } from '../../src/operations/connect/TransferContact.ts';
import type { UntagContact } from '../../src/operations/connect/UntagContact.ts';
import type { UntagResource } from '../../src/operations/connect/UntagResource.ts';
import type { UpdateAttachedFilesConfiguration } from '../../src/operations/connect/UpdateAttachedFilesConfiguration.ts';
import type { UpdateContact } from '../../src/operations/connect/UpdateContact.ts';
import type { UpdateContactAttributes } from '../../src/operations/connect/UpdateContactAttributes.ts';
import type { UpdateInstanceStorageConfig } from '../../src/operations/connect/UpdateInstanceStorageConfig.ts';
import type { UpdateParticipantRoleConfig } from '../../src/operations/connect/UpdateParticipantRoleConfig.ts';
import type { Input, Output } from '../../src/operations/operation.ts';
import type { CancelParticipantAuthentication } from '../../src/operations/participant/CancelParticipantAuthentication.ts';
import type { CompleteAttachmentUpload } from '../../src/operations/participant/CompleteAttachmentUpload.ts';
import type { CreateParticipantConnection } from '../../src/operations/participant/CreateParticipantConnection.ts';
import type { DescribeView } from '../../src/operations/participant/DescribeView.ts';
import type { DisconnectParticipant } from '../../src/operations/participant/DisconnectParticipant.ts';
import type { GetAttachment } from '../../src/operations/participant/GetAttachment.ts';
import type { GetAuthenticationUrl } from '../../src/operations/participant/GetAuthenticationUrl.ts';
import type { GetTranscript } from '../../src/operations/participant/GetTranscript.ts';
import type { SendEvent } from '../../src/operations/participant/SendEvent.ts';
import type { SendMessage } from '../../src/operations/participant/SendMessage.ts';
import type { StartAttachmentUpload } from '../../src/operations/participant/StartAttachmentUpload.ts';
import { registry } from '../../src/operations/registry.ts';
import type { Shape } from '../../src/shape/shape.ts';
import type { Absent } from '../support/beyond-chat.ts';

/**
 * The types that the shapes infer, held against those that Amazon's SDK exports. What is wrong here does not compile;
 * running it only shows that no operation is left out.
 */

/**
 * The SDK's types and ours as one: it adds undefined to required members and has dates for times. A union is there a
 * choice of objects, each of which has one of its members and names the others as never, besides `$unknown`; here it is
 * one object of optional members, and the handler sees to it that it has one.
 */
type Plain<T> = [T] extends [Date]
  ? number
  : '$unknown' extends keyof T
    ? { -readonly [K in Exclude<keyof T, '$unknown'>]?: Plain<Exclude<T[K], undefined>> }
    : T extends readonly (infer E)[]
      ? Plain<E>[]
      : T extends object
        ? { -readonly [K in keyof T]: Plain<Exclude<T[K], undefined>> }
        : T;

/** Identical, optional members and literals included; types that may be assigned to each other need not be. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Operation = { readonly input: Shape; readonly output: Shape };
type SameOutput<O extends Operation, Theirs> = Same<Plain<Output<O>>, Plain<Omit<Theirs, '$metadata'>>>;
/** `true`, or what is wrong. */
type SameTypes<O extends Operation, TheirInput, TheirOutput> =
  Same<Plain<Input<O>>, Plain<TheirInput>> extends true
    ? SameOutput<O, TheirOutput> extends true
      ? true
      : 'the output differs'
    : 'the input differs';

/** Does not compile unless the proof is `true`. */
function holds<Proof extends true>(): Proof extends true ? 'compared' : never {
  return 'compared' as never;
}

/** Only names that are there may be left out. */
type Without<T, Name extends keyof T> = Omit<T, Name>;
/** The same with another type for one member. */
type With<T, Name extends keyof T, Member> = Omit<T, Name> & { [K in Name]?: Member };

/** Of Amazon's outputs what a chat can fill. */
type Connection = Without<
  participant.CreateParticipantConnectionCommandOutput,
  Absent<'CreateParticipantConnection output'>
>;
type AgentInfo = Without<
  connect.AgentInfo,
  // Newer than the model: for instances in several Regions.
  Absent<'DescribeContact output/Contact/AgentInfo'> | 'ActiveRegion'
>;
type Recording = With<
  Without<connect.RecordingInfo, Absent<'DescribeContact output/Contact/Recordings/0'>>,
  'MediaStreamType',
  // As Amazon's contact records have it.
  connect.MediaStreamType | 'CHAT'
>;
type Contact = With<
  With<Without<connect.Contact, Absent<'DescribeContact output/Contact'>>, 'AgentInfo', AgentInfo>,
  'Recordings',
  Recording[]
>;
type ContactSummary = Without<connect.ContactSearchSummary, Absent<'SearchContacts output/Contacts/0'>>;
// Newer than the model: made by Contact Lens.
type Reference = Without<Plain<connect.ReferenceSummary>, 'ContactAnalysis'>;

/** The SDK makes the token that the service requires. */
type WithToken<T extends { ClientToken?: string | undefined }> = Omit<T, 'ClientToken'> & { ClientToken: string };

const compared = {
  GetAttachment:
    holds<
      SameTypes<typeof GetAttachment, participant.GetAttachmentCommandInput, participant.GetAttachmentCommandOutput>
    >(),
  CompleteAttachmentUpload:
    holds<
      SameTypes<
        typeof CompleteAttachmentUpload,
        WithToken<participant.CompleteAttachmentUploadCommandInput>,
        participant.CompleteAttachmentUploadCommandOutput
      >
    >(),
  StartAttachmentUpload:
    holds<
      SameTypes<
        typeof StartAttachmentUpload,
        WithToken<participant.StartAttachmentUploadCommandInput>,
        participant.StartAttachmentUploadCommandOutput
      >
    >(),
  UpdateAttachedFilesConfiguration:
    holds<
      SameTypes<
        typeof UpdateAttachedFilesConfiguration,
        connect.UpdateAttachedFilesConfigurationCommandInput,
        connect.UpdateAttachedFilesConfigurationCommandOutput
      >
    >(),
  ListAttachedFilesConfigurations:
    holds<
      SameTypes<
        typeof ListAttachedFilesConfigurations,
        connect.ListAttachedFilesConfigurationsCommandInput,
        connect.ListAttachedFilesConfigurationsCommandOutput
      >
    >(),
  DescribeAttachedFilesConfiguration:
    holds<
      SameTypes<
        typeof DescribeAttachedFilesConfiguration,
        connect.DescribeAttachedFilesConfigurationCommandInput,
        connect.DescribeAttachedFilesConfigurationCommandOutput
      >
    >(),
  GetAuthenticationUrl:
    holds<
      SameTypes<
        typeof GetAuthenticationUrl,
        participant.GetAuthenticationUrlCommandInput,
        participant.GetAuthenticationUrlCommandOutput
      >
    >(),
  DescribeView:
    holds<
      SameTypes<typeof DescribeView, participant.DescribeViewCommandInput, participant.DescribeViewCommandOutput>
    >(),
  CancelParticipantAuthentication:
    holds<
      SameTypes<
        typeof CancelParticipantAuthentication,
        participant.CancelParticipantAuthenticationCommandInput,
        participant.CancelParticipantAuthenticationCommandOutput
      >
    >(),
  ListApprovedOrigins:
    holds<
      SameTypes<
        typeof ListApprovedOrigins,
        connect.ListApprovedOriginsCommandInput,
        connect.ListApprovedOriginsCommandOutput
      >
    >(),
  DisassociateApprovedOrigin:
    holds<
      SameTypes<
        typeof DisassociateApprovedOrigin,
        connect.DisassociateApprovedOriginCommandInput,
        connect.DisassociateApprovedOriginCommandOutput
      >
    >(),
  CreatePersistentContactAssociation:
    holds<
      SameTypes<
        typeof CreatePersistentContactAssociation,
        connect.CreatePersistentContactAssociationCommandInput,
        connect.CreatePersistentContactAssociationCommandOutput
      >
    >(),
  AssociateInstanceStorageConfig:
    holds<
      SameTypes<
        typeof AssociateInstanceStorageConfig,
        connect.AssociateInstanceStorageConfigCommandInput,
        connect.AssociateInstanceStorageConfigCommandOutput
      >
    >(),
  DescribeInstanceStorageConfig:
    holds<
      SameTypes<
        typeof DescribeInstanceStorageConfig,
        connect.DescribeInstanceStorageConfigCommandInput,
        connect.DescribeInstanceStorageConfigCommandOutput
      >
    >(),
  DisassociateInstanceStorageConfig:
    holds<
      SameTypes<
        typeof DisassociateInstanceStorageConfig,
        connect.DisassociateInstanceStorageConfigCommandInput,
        connect.DisassociateInstanceStorageConfigCommandOutput
      >
    >(),
  ListInstanceStorageConfigs:
    holds<
      SameTypes<
        typeof ListInstanceStorageConfigs,
        connect.ListInstanceStorageConfigsCommandInput,
        connect.ListInstanceStorageConfigsCommandOutput
      >
    >(),
  UpdateInstanceStorageConfig:
    holds<
      SameTypes<
        typeof UpdateInstanceStorageConfig,
        connect.UpdateInstanceStorageConfigCommandInput,
        connect.UpdateInstanceStorageConfigCommandOutput
      >
    >(),
  AssociateApprovedOrigin:
    holds<
      SameTypes<
        typeof AssociateApprovedOrigin,
        connect.AssociateApprovedOriginCommandInput,
        connect.AssociateApprovedOriginCommandOutput
      >
    >(),
  CreateParticipant:
    holds<
      SameTypes<typeof CreateParticipant, connect.CreateParticipantCommandInput, connect.CreateParticipantCommandOutput>
    >(),
  CreateParticipantConnection:
    holds<
      SameTypes<typeof CreateParticipantConnection, participant.CreateParticipantConnectionCommandInput, Connection>
    >(),
  DeleteContactData:
    holds<
      SameTypes<typeof DeleteContactData, connect.DeleteContactDataCommandInput, connect.DeleteContactDataCommandOutput>
    >(),
  DescribeContact:
    holds<SameTypes<typeof DescribeContact, connect.DescribeContactCommandInput, { Contact?: Contact }>>(),
  DisconnectParticipant:
    holds<
      SameTypes<
        typeof DisconnectParticipant,
        participant.DisconnectParticipantCommandInput,
        participant.DisconnectParticipantCommandOutput
      >
    >(),
  GetContactAttributes:
    holds<
      SameTypes<
        typeof GetContactAttributes,
        connect.GetContactAttributesCommandInput,
        connect.GetContactAttributesCommandOutput
      >
    >(),
  GetTranscript:
    holds<
      SameTypes<typeof GetTranscript, participant.GetTranscriptCommandInput, participant.GetTranscriptCommandOutput>
    >(),
  ListAssociatedContacts:
    holds<
      SameTypes<
        typeof ListAssociatedContacts,
        connect.ListAssociatedContactsCommandInput,
        connect.ListAssociatedContactsCommandOutput
      >
    >(),
  ListContactReferences:
    holds<
      SameTypes<
        typeof ListContactReferences,
        connect.ListContactReferencesCommandInput,
        With<connect.ListContactReferencesCommandOutput, 'ReferenceSummaryList', Reference[]>
      >
    >(),
  ListTagsForResource:
    holds<
      SameTypes<
        typeof ListTagsForResource,
        connect.ListTagsForResourceCommandInput,
        connect.ListTagsForResourceCommandOutput
      >
    >(),
  SearchContacts:
    holds<
      SameTypes<
        typeof SearchContacts,
        connect.SearchContactsCommandInput,
        Omit<connect.SearchContactsCommandOutput, 'Contacts'> & { Contacts: ContactSummary[] }
      >
    >(),
  SendEvent:
    holds<SameTypes<typeof SendEvent, participant.SendEventCommandInput, participant.SendEventCommandOutput>>(),
  SendMessage:
    holds<SameTypes<typeof SendMessage, participant.SendMessageCommandInput, participant.SendMessageCommandOutput>>(),
  StartChatContact:
    holds<
      SameTypes<typeof StartChatContact, connect.StartChatContactCommandInput, connect.StartChatContactCommandOutput>
    >(),
  StartContactStreaming:
    holds<
      SameTypes<
        typeof StartContactStreaming,
        WithToken<connect.StartContactStreamingCommandInput>,
        connect.StartContactStreamingCommandOutput
      >
    >(),
  StopContactStreaming:
    holds<
      SameTypes<
        typeof StopContactStreaming,
        connect.StopContactStreamingCommandInput,
        connect.StopContactStreamingCommandOutput
      >
    >(),
  StopContact:
    holds<SameTypes<typeof StopContact, connect.StopContactCommandInput, connect.StopContactCommandOutput>>(),
  TagContact: holds<SameTypes<typeof TagContact, connect.TagContactCommandInput, connect.TagContactCommandOutput>>(),
  TagResource:
    holds<SameTypes<typeof TagResource, connect.TagResourceCommandInput, connect.TagResourceCommandOutput>>(),
  TransferContact:
    holds<
      SameTypes<typeof TransferContact, connect.TransferContactCommandInput, connect.TransferContactCommandOutput>
    >(),
  UntagContact:
    holds<SameTypes<typeof UntagContact, connect.UntagContactCommandInput, connect.UntagContactCommandOutput>>(),
  UntagResource:
    holds<SameTypes<typeof UntagResource, connect.UntagResourceCommandInput, connect.UntagResourceCommandOutput>>(),
  UpdateContact:
    holds<SameTypes<typeof UpdateContact, connect.UpdateContactCommandInput, connect.UpdateContactCommandOutput>>(),
  UpdateContactAttributes:
    holds<
      SameTypes<
        typeof UpdateContactAttributes,
        connect.UpdateContactAttributesCommandInput,
        connect.UpdateContactAttributesCommandOutput
      >
    >(),
  UpdateParticipantRoleConfig:
    holds<
      SameTypes<
        typeof UpdateParticipantRoleConfig,
        connect.UpdateParticipantRoleConfigCommandInput,
        connect.UpdateParticipantRoleConfigCommandOutput
      >
    >(),
};

interface Left {
  One: string;
  Two?: never;
  $unknown?: never;
}
interface Right {
  One?: never;
  Two: Date;
  $unknown?: never;
}
interface Unknown {
  One?: never;
  Two?: never;
  $unknown: [string, unknown];
}
type Union = Left | Right | Unknown;

/** The comparison itself: each of these differs in one way, and must be told apart. */
type Differences = [
  Same<Plain<{ a: string | undefined }>, Plain<{ a?: string }>>,
  Same<Plain<{ a: string }>, Plain<{ a: string; b?: string }>>,
  Same<Plain<{ a?: 'x' | 'y' }>, Plain<{ a?: 'x' }>>,
  Same<Plain<{ a?: 'x' }>, Plain<{ a?: string }>>,
  Same<Plain<{ a?: { b: Date }[] }>, Plain<{ a?: { b?: number }[] }>>,
  Same<Plain<{ a: Record<string, string> }>, Plain<{ a: Record<string, number> }>>,
  Same<Plain<{ a: Union }>, Plain<{ a: { One?: string } }>>,
  Same<Plain<{ a: Union }>, Plain<{ a: { One?: string; Two?: number; Three?: string } }>>,
  Same<Plain<{ a: Union }>, Plain<{ a: { One?: string; Two?: string } }>>,
  Same<Plain<{ a: Union }>, Plain<{ a: { One: string; Two?: number } }>>,
];
const differences: Differences = [false, false, false, false, false, false, false, false, false, false];
holds<
  Same<
    Plain<{ a: Date | undefined; b?: readonly string[]; c?: Union[] }>,
    Plain<{ readonly a: number } & { b?: string[] | undefined; c?: { One?: string; Two?: number }[] }>
  >
>();

describe('the types of inputs and outputs', () => {
  it('[SH1] are those of Amazon’s SDK, for every operation', () => {
    assert.deepEqual(Object.keys(compared).sort(), registry.map(({ name }) => name).sort());
    assert.equal(differences.includes(true as never), false);
  });
});
