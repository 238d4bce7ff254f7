import { label, query, required, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { clientToken, instanceId, nothing } from '../shapes.ts';
import {
  associationId,
  changeStorage,
  placeOf,
  resourceType,
  storageAccess,
  storageConfig,
} from '../storage-configs.ts';

export const UpdateInstanceStorageConfig = connectOperation({
  name: 'UpdateInstanceStorageConfig',
  route: ['POST', '/instance/{InstanceId}/storage-config/{AssociationId}'],
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
    StorageConfig: required(storageConfig),
    ClientToken: clientToken,
  }),
  output: nothing,
  async handle(call, input) {
    const { AssociationId: id, StorageConfig } = input;
    return changeStorage(call, 'UpdateInstanceStorageConfig', input, () => {
      const { AssociationId: given = id } = StorageConfig;
      if (given === id) return { config: { id, ...placeOf(call, StorageConfig) }, answer: {} };
      throw call.fault(
        'InvalidRequestException',
        `StorageConfig names the AssociationId ${given}, the request ${id}; leave it out of StorageConfig, or name the same.`,
      );
    });
  },
});
