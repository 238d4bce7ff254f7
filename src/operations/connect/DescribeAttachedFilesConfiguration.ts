import { label, required, structure, timestamp } from '../../shape/shape.ts';
import {
  attachedFilesMembers,
  attachedFilesOf,
  attachmentScope,
  demandChatScope,
  wireAttachedFiles,
} from '../attached-files.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { instanceId } from '../shapes.ts';

export const DescribeAttachedFilesConfiguration = connectOperation({
  name: 'DescribeAttachedFilesConfiguration',
  route: ['GET', '/attached-files-configurations/{InstanceId}/{AttachmentScope}'],
  access: { resource: '' },
  errors: [
    'InvalidParameterException',
    'ResourceNotFoundException',
    'ThrottlingException',
    'InternalServiceException',
    'AccessDeniedException',
  ],
  input: structure({ InstanceId: label(instanceId), AttachmentScope: label(attachmentScope) }),
  output: structure({
    AttachedFilesConfiguration: required(
      structure({
        ...attachedFilesMembers,
        LastModifiedTime: timestamp(),
      }),
    ),
  }),
  async handle(call, { InstanceId, AttachmentScope }) {
    const { id } = await findInstance(call, InstanceId);
    demandChatScope(call, AttachmentScope);
    const configured = await attachedFilesOf(call.store, id);
    return {
      AttachedFilesConfiguration: { ...wireAttachedFiles(id, configured), LastModifiedTime: configured.modifiedAt },
    };
  },
});
