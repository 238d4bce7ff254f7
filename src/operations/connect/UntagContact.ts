import { label, list, query, required, structure } from '../../shape/shape.ts';
import { changeContact } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { contactId, contactTagKey, instanceId, nothing } from '../shapes.ts';

export const UntagContact = connectOperation({
  name: 'UntagContact',
  route: ['DELETE', '/contact/tags/{InstanceId}/{ContactId}'],
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
    ContactId: label(contactId),
    InstanceId: label(instanceId),
    TagKeys: required(query('TagKeys', list(contactTagKey, { min: 1, max: 6 }))),
  }),
  output: nothing,
  async handle(call, input) {
    await changeContact(call, input, (chat) => {
      const kept = Object.entries(chat.contact.tags ?? {}).filter(([key]) => !input.TagKeys.includes(key));
      const tags = kept.length > 0 ? Object.fromEntries(kept) : undefined;
      return { ...chat, contact: { ...chat.contact, tags, updatedAt: call.now } };
    });
    return {};
  },
});
