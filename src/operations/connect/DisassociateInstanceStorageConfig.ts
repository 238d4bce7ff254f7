import { label, query, required, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { clientToken, instanceId, nothing } from '../shapes.ts';
import { associationId, changeStorage, resourceType, storageAccess } from '../storage-configs.ts';

export const DisassociateInstanceStorageConfig = connectOperation({
  name: 'DisassociateInstanceStorageConfig',
  route: ['DELETE', '/instance/{InstanceId}/storage-config/{AssociationId}'],
  access: storageAccess,
  errors: [
    'ResourceNotFoundException',
    'InternalServiceException',
    'InvalidRequestException',
    'InvalidParameterException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    AssociationId: label(associationId),
    ResourceType: required(query('resourceType', resourceType)),
    ClientToken: query('clientToken', clientToken),
  }),
  output: nothing,
  // The resource stays, without a config: the next start would seed one that is absent.
  handle: (call, input) =>
    changeStorage(call, 'DisassociateInstanceStorageConfig', input, () => ({ config: undefined, answer: {} })),
});
