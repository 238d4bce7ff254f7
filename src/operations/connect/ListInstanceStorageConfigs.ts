import { integer, label, list, query, required, string, structure } from '../../shape/shape.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { instanceId } from '../shapes.ts';
import { resourceType, storageAccess, storageConfig, storageConfigOf, wireStorageConfig } from '../storage-configs.ts';

export const ListInstanceStorageConfigs = connectOperation({
  name: 'ListInstanceStorageConfigs',
  route: ['GET', '/instance/{InstanceId}/storage-configs'],
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
    ResourceType: required(query('resourceType', resourceType)),
    NextToken: query('nextToken', string()),
    MaxResults: query('maxResults', integer({ min: 1, max: 10 })),
  }),
  output: structure({ StorageConfigs: list(storageConfig), NextToken: string() }),
  async handle(call, { InstanceId, ResourceType, NextToken }) {
    const instance = await findInstance(call, InstanceId);
    // There is one of a type at most, and so never a second page.
    if (NextToken) {
      throw call.fault('InvalidRequestException', 'NextToken is never answered here; repeat the request without it.');
    }
    const config = await storageConfigOf(call.store, instance.id, ResourceType);
    return { StorageConfigs: config ? [wireStorageConfig(config)] : [] };
  },
});
