import { enumeration, label, list, required, structure } from '../../shape/shape.ts';
import { findNamed } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { contactId, instanceId, nothing } from '../shapes.ts';

/**
 * Deletes what Amazon keeps of a customer's addresses. A chat of this server has none of these fields, so there is
 * nothing to do once the request is right.
 */
export const DeleteContactData = connectOperation({
  name: 'DeleteContactData',
  route: ['POST', '/contact/delete/{InstanceId}/{ContactId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'ContactNotTerminatedException',
    'InternalServiceException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    ContactId: label(contactId),
    ContactFields: required(list(enumeration(['CUSTOMER_ENDPOINT', 'ADDITIONAL_EMAIL_RECIPIENTS', 'EMAIL_SUBJECT']))),
  }),
  output: nothing,
  async handle(call, input) {
    if (input.ContactFields.length === 0) {
      throw call.fault('InvalidRequestException', 'ContactFields is empty: name at least one field to delete.');
    }
    const { chat } = await findNamed(call, input);
    if (!chat.end) {
      throw call.fault(
        'ContactNotTerminatedException',
        `Contact ${input.ContactId} goes on: its data can be deleted once it has ended. End it with StopContact.`,
      );
    }
    return {};
  },
});
