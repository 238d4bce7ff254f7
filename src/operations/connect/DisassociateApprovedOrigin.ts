import { label, query, required, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { canonicalOrigin, changeOrigins } from '../origins.ts';
import { approvedOrigin, clientToken, instanceId, nothing } from '../shapes.ts';

export const DisassociateApprovedOrigin = connectOperation({
  name: 'DisassociateApprovedOrigin',
  route: ['DELETE', '/instance/{InstanceId}/approved-origin'],
  access: { resource: '' },
  errors: [
    'ResourceNotFoundException',
    'InternalServiceException',
    'InvalidRequestException',
    'InvalidParameterException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    Origin: required(query('origin', approvedOrigin)),
    ClientToken: query('clientToken', clientToken),
  }),
  output: nothing,
  async handle(call, input) {
    const { Origin } = input;
    await changeOrigins(call, 'DisassociateApprovedOrigin', input, (before) => {
      const wanted = canonicalOrigin(Origin);
      const after = before.filter((each) => canonicalOrigin(each) !== wanted);
      if (after.length < before.length) return after;
      throw call.fault(
        'ResourceNotFoundException',
        `Origin ${Origin} is not an approved origin of this instance; ListApprovedOrigins names those that are.`,
      );
    });
    return {};
  },
});
