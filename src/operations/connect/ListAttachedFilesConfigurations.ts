import { integer, label, list, query, string, structure } from '../../shape/shape.ts';
import { attachedFilesMembers, attachedFilesOf, wireAttachedFiles } from '../attached-files.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { instanceId } from '../shapes.ts';

export const ListAttachedFilesConfigurations = connectOperation({
  name: 'ListAttachedFilesConfigurations',
  route: ['GET', '/attached-files-configurations/{InstanceId}'],
  access: { resource: '' },
  errors: [
    'InvalidParameterException',
    'ResourceNotFoundException',
    'ThrottlingException',
    'InternalServiceException',
    'AccessDeniedException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    MaxResults: query('maxResults', integer({ min: 1, max: 100 })),
    NextToken: query('nextToken', string()),
  }),
  output: structure({
    AttachedFilesConfigurations: list(
      structure({
        ...attachedFilesMembers,
      }),
    ),
    NextToken: string(),
  }),
  async handle(call, { InstanceId, NextToken }) {
    const { id } = await findInstance(call, InstanceId);
    // There is one scope, and so never a second page.
    if (NextToken) {
      throw call.fault('InvalidParameterException', 'NextToken is never answered here; repeat the request without it.');
    }
    return { AttachedFilesConfigurations: [wireAttachedFiles(id, await attachedFilesOf(call.store, id))] };
  },
});
