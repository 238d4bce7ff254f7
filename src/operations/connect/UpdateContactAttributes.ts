import { attributesProblem } from '../../domain/limits.ts';
import { required, structure } from '../../shape/shape.ts';
import { changeContact } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { attributes, contactId, instanceId, nothing } from '../shapes.ts';

export const UpdateContactAttributes = connectOperation({
  name: 'UpdateContactAttributes',
  route: ['POST', '/contact/attributes'],
  access: { resource: 'contact/{InitialContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'InvalidActiveRegionException',
  ],
  input: structure({
    InitialContactId: required(contactId),
    InstanceId: required(instanceId),
    Attributes: required(attributes),
  }),
  output: nothing,
  async handle(call, { InstanceId, InitialContactId, Attributes }) {
    const demand = (all: Readonly<Record<string, string>>) => {
      const problem = attributesProblem(all);
      if (problem) throw call.fault('InvalidRequestException', problem);
      return all;
    };
    demand(Attributes);
    await changeContact(call, { InstanceId, ContactId: InitialContactId }, (chat) => ({
      ...chat,
      attributes: demand({ ...chat.attributes, ...Attributes }),
      contact: { ...chat.contact, updatedAt: call.now },
    }));
    return {};
  },
});
