import { label, query, required, structure } from '../../shape/shape.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { instanceId } from '../shapes.ts';
import {
  associationId,
  notAssociated,
  resourceType,
  storageAccess,
  storageConfig,
  storageConfigOf,
  wireStorageConfig,
} from '../storage-configs.ts';

export const DescribeInstanceStorageConfig = connectOperation({
  name: 'DescribeInstanceStorageConfig',
  route: ['GET', '/instance/{InstanceId}/storage-config/{AssociationId}'],
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
  }),
  output: structure({ StorageConfig: storageConfig }),
  async handle(call, { InstanceId, AssociationId, ResourceType }) {
    const instance = await findInstance(call, InstanceId);
    const config = await storageConfigOf(call.store, instance.id, ResourceType);
    if (config?.id !== AssociationId) throw notAssociated(call, ResourceType, AssociationId);
    return { StorageConfig: wireStorageConfig(config) };
  },
});
