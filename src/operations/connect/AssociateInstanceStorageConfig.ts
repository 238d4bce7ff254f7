import { label, required, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { clientToken, instanceId } from '../shapes.ts';
import {
  associationId,
  changeStorage,
  placeOf,
  resourceType,
  storageAccess,
  storageConfig,
} from '../storage-configs.ts';

export const AssociateInstanceStorageConfig = connectOperation({
  name: 'AssociateInstanceStorageConfig',
  route: ['PUT', '/instance/{InstanceId}/storage-config'],
  access: storageAccess,
  errors: [
    'ResourceNotFoundException',
    'ResourceConflictException',
    'InternalServiceException',
    'InvalidRequestException',
    'InvalidParameterException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    ResourceType: required(resourceType),
    StorageConfig: required(storageConfig),
    ClientToken: clientToken,
  }),
  output: structure({ AssociationId: associationId }),
  async handle(call, input) {
    return changeStorage(call, 'AssociateInstanceStorageConfig', input, (before) => {
      const place = placeOf(call, input.StorageConfig);
      if (before) {
        throw call.fault(
          'ResourceConflictException',
          `The instance has a storage configuration for ${input.ResourceType} already, ${before.id}; change it with UpdateInstanceStorageConfig, or take it away with DisassociateInstanceStorageConfig first.`,
        );
      }
      const id = call.ids.uuid();
      return { config: { id, ...place }, answer: { AssociationId: id } };
    });
  },
});
