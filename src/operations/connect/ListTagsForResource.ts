import { label, map, string, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { tagKey, tagValue } from '../shapes.ts';
import { findTagged, tagsOf } from '../tagged.ts';

export const ListTagsForResource = connectOperation({
  name: 'ListTagsForResource',
  route: ['GET', '/tags/{resourceArn}'],
  access: { resource: '{resourceArn}', isWholeArn: true },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'InternalServiceException',
    'ResourceNotFoundException',
    'ThrottlingException',
  ],
  input: structure({ resourceArn: label(string()) }),
  // The model's least is 1; a resource without tags is answered with an empty map all the same.
  output: structure({ tags: map(tagKey, tagValue, { max: 50 }) }),
  async handle(call, { resourceArn }) {
    return { tags: { ...tagsOf(await findTagged(call, resourceArn)) } };
  },
});
