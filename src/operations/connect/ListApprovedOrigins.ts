import { integer, label, list, query, string, structure } from '../../shape/shape.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { approvedOrigins } from '../origins.ts';
import { approvedOrigin, instanceId } from '../shapes.ts';

/** Amazon names no default; this is the most. */
const defaultPage = 25;

export const ListApprovedOrigins = connectOperation({
  name: 'ListApprovedOrigins',
  route: ['GET', '/instance/{InstanceId}/approved-origins'],
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
    NextToken: query('nextToken', string()),
    MaxResults: query('maxResults', integer({ min: 1, max: 25 })),
  }),
  output: structure({ Origins: list(approvedOrigin), NextToken: string() }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const purpose = `ListApprovedOrigins ${instance.id}`;
    const past = input.NextToken ? call.tokens.unseal(purpose, input.NextToken) : '';
    if (typeof past !== 'string') {
      throw call.fault(
        'InvalidRequestException',
        'NextToken is not one that was answered for this instance; repeat the request without it.',
      );
    }
    // By alphabet, so that a page goes on where the one before ended, whatever came or went meanwhile.
    const left = (await approvedOrigins(call.store, instance.id)).filter((each) => each > past).sort();
    const page = left.slice(0, input.MaxResults ?? defaultPage);
    return {
      Origins: page,
      NextToken: page.length < left.length ? call.tokens.seal(purpose, page.at(-1)) : undefined,
    };
  },
});
