import { label, map, required, string, structure } from '../../shape/shape.ts';
import { connectOperation } from '../operation.ts';
import { nothing, tagKey, tagValue } from '../shapes.ts';
import { changeTags } from '../tagged.ts';

/** Amazon's limit for any resource. */
const maxTags = 50;

export const TagResource = connectOperation({
  name: 'TagResource',
  route: ['POST', '/tags/{resourceArn}'],
  access: { resource: '{resourceArn}', isWholeArn: true, tags: 'tags' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'InternalServiceException',
    'ResourceNotFoundException',
    'ThrottlingException',
  ],
  input: structure({
    resourceArn: label(string()),
    tags: required(map(tagKey, tagValue, { min: 1, max: maxTags })),
  }),
  output: nothing,
  async handle(call, { resourceArn, tags }) {
    await changeTags(call, resourceArn, (before) => {
      const after = { ...before, ...tags };
      const count = Object.keys(after).length;
      if (count <= maxTags) return after;
      throw call.fault(
        'InvalidRequestException',
        `The resource would have ${count} tags with these; it may have ${maxTags}. Remove some with UntagResource first.`,
      );
    });
    return {};
  },
});
