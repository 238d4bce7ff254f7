import { label, list, query, required, string, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { nothing, tagKey } from '../shapes.ts';
import { changeTags } from '../tagged.ts';

export const UntagResource = connectOperation({
  name: 'UntagResource',
  route: ['DELETE', '/tags/{resourceArn}'],
  access: { resource: '{resourceArn}', isWholeArn: true, tags: 'tagKeys' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'InternalServiceException',
    'ResourceNotFoundException',
    'ThrottlingException',
  ],
  input: structure({
    resourceArn: label(string()),
    tagKeys: required(query('tagKeys', list(tagKey, { min: 1, max: 50 }))),
  }),
  output: nothing,
  async handle(call, { resourceArn, tagKeys }) {
    await changeTags(call, resourceArn, (tags) =>
      Object.fromEntries(Object.entries(tags).filter(([key]) => !tagKeys.includes(key))),
    );
    return {};
  },
});
