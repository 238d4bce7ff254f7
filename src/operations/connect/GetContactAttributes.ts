import { label, structure } from '../../shape/shape.ts';
import { findNamed } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { attributes, contactId, instanceId } from '../shapes.ts';

export const GetContactAttributes = connectOperation({
  name: 'GetContactAttributes',
  route: ['GET', '/contact/attributes/{InstanceId}/{InitialContactId}'],
  access: { resource: 'contact/{InitialContactId}' },
  errors: ['InvalidRequestException', 'ResourceNotFoundException', 'InternalServiceException'],
  input: structure({ InstanceId: label(instanceId), InitialContactId: label(contactId) }),
  output: structure({ Attributes: attributes }),
  async handle(call, { InstanceId, InitialContactId }) {
    const { chat } = await findNamed(call, { InstanceId, ContactId: InitialContactId });
    return { Attributes: { ...chat.attributes } };
  },
});
