import { label, required, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { canonicalOrigin, changeOrigins, isApproved, maxOrigins } from '../origins.ts';
import { approvedOrigin, clientToken, instanceId, nothing } from '../shapes.ts';

export const AssociateApprovedOrigin = connectOperation({
  name: 'AssociateApprovedOrigin',
  route: ['PUT', '/instance/{InstanceId}/approved-origin'],
  access: { resource: '' },
  errors: [
    'ResourceNotFoundException',
    'ResourceConflictException',
    'InternalServiceException',
    'InvalidRequestException',
    'InvalidParameterException',
    'ServiceQuotaExceededException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    Origin: required(approvedOrigin),
    ClientToken: clientToken,
  }),
  output: nothing,
  async handle(call, input) {
    const { Origin } = input;
    if (canonicalOrigin(Origin) === undefined) {
      throw call.fault(
        'InvalidRequestException',
        'Origin must be http:// or https://, a host and perhaps a port, without a path or a slash at its end, such as https://www.example.com or http://localhost:3000.',
      );
    }
    await changeOrigins(call, 'AssociateApprovedOrigin', input, (before) => {
      if (isApproved(before, Origin)) {
        throw call.fault('ResourceConflictException', `Origin ${Origin} is approved for this instance already.`);
      }
      if (before.length < maxOrigins) return [...before, Origin];
      throw call.fault(
        'ServiceQuotaExceededException',
        `The instance has ${maxOrigins} approved origins, which is the most; remove one with DisassociateApprovedOrigin first.`,
      );
    });
    return {};
  },
});
