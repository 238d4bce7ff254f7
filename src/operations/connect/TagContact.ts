import { required, structure } from '../../shape/shape.ts';
import { changeContact } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { contactId, contactTags, instanceId, nothing } from '../shapes.ts';

/** User-defined tags that one contact may have. */
const maxTags = 6;

export const TagContact = connectOperation({
  name: 'TagContact',
  route: ['POST', '/contact/tags'],
  // Without `tags`: Amazon says that these tags do not take part in authorization.
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'InvalidParameterException',
    'ThrottlingException',
    'InvalidActiveRegionException',
  ],
  input: structure({
    ContactId: required(contactId),
    InstanceId: required(instanceId),
    Tags: required(contactTags),
  }),
  output: nothing,
  async handle(call, input) {
    await changeContact(call, input, (chat) => {
      const tags = { ...chat.contact.tags, ...input.Tags };
      const count = Object.keys(tags).length;
      if (count > maxTags) {
        throw call.fault(
          'InvalidRequestException',
          `Contact ${input.ContactId} would have ${count} tags with these; it may have ${maxTags}. Remove some with UntagContact first.`,
        );
      }
      return { ...chat, contact: { ...chat.contact, tags, updatedAt: call.now } };
    });
    return {};
  },
});
