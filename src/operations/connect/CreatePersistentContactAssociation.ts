import type { Chat } from '../../domain/chat.ts';
import { continuing } from '../../domain/past.ts';
import { label, required, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { findContact } from '../contact.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { findSource, rehydrationType } from '../past.ts';
import { clientToken, contactId, instanceId } from '../shapes.ts';

export const CreatePersistentContactAssociation = connectOperation({
  name: 'CreatePersistentContactAssociation',
  route: ['POST', '/contact/persistent-contact-association/{InstanceId}/{InitialContactId}'],
  access: { resource: 'contact/{InitialContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'AccessDeniedException',
    'ThrottlingException',
    'InternalServiceException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    InitialContactId: label(contactId),
    RehydrationType: required(rehydrationType),
    SourceContactId: required(contactId),
    ClientToken: clientToken,
  }),
  output: structure({ ContinuedFromContactId: contactId }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const { ClientToken, ...request } = input;
    return call.writer.attempt({
      now: call.now,
      token: {
        scope: `CreatePersistentContactAssociation ${instance.account} ${instance.id} ${input.InitialContactId}`,
        value: ClientToken,
        request,
        conflict: () =>
          call.fault(
            'InvalidRequestException',
            'This ClientToken was used for another request on this contact; use a new one.',
          ),
      },
      async decide() {
        const chat = await findContact(call, instance, input.InitialContactId);
        if (chat.end) {
          throw call.fault(
            'ResourceNotFoundException',
            `Contact ${chat.id} ended at ${isoTime(chat.end.at)}: only a chat that goes on can continue another.`,
          );
        }
        const problem = problemOf(chat);
        if (problem) throw call.fault('InvalidRequestException', problem);
        const source = await findSource(call, instance, input.SourceContactId);
        const after = continuing(chat, source.chat, source.past);
        return {
          change: { chat: { before: chat, after } },
          answer: { ContinuedFromContactId: source.chat.contact.id },
        };
      },
    });
  },
});

function problemOf({ id, past, contact }: Chat): string | undefined {
  if (past) {
    return `Contact ${id} continues ${contact.relatedContactId} already; a chat continues another once, either from its start or by an association.`;
  }
  if (contact.relatedContactId === undefined) return undefined;
  return `Contact ${id} was started with RelatedContactId ${contact.relatedContactId}, and has no place for another; start a chat with PersistentChat instead.`;
}
