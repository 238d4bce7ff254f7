import { end } from '../../domain/chat.ts';
import { required, string, structure } from '../../shape/shape.ts';
import { findContact } from '../contact.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { contactId, instanceId, nothing } from '../shapes.ts';

export const StopContact = connectOperation({
  name: 'StopContact',
  route: ['POST', '/contact/stop'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    // For voice contacts only: an unknown chat is ResourceNotFoundException.
    'ContactNotFoundException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    // For instances in traffic distribution groups, which there are none of.
    'InvalidActiveRegionException',
  ],
  input: structure({
    ContactId: required(contactId),
    InstanceId: required(instanceId),
    DisconnectReason: structure({ Code: string() }),
  }),
  output: nothing,
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    if (input.DisconnectReason?.Code !== undefined) {
      throw call.fault(
        'InvalidRequestException',
        'DisconnectReason may be given for contacts of outbound campaigns only; leave it out to stop a chat.',
      );
    }
    await call.writer.attempt({
      now: call.now,
      async decide() {
        const chat = await findContact(call, instance, input.ContactId);
        if (chat.end) return { answer: {} };
        const step = end(chat, 'API', call.now, call.ids.tail);
        return { change: { chat: { before: chat, after: step.chat }, items: step.items }, answer: {} };
      },
    });
    return {};
  },
});
