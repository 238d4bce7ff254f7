import { stopStream } from '../../domain/streams.ts';
import { required, structure } from '../../shape/shape.ts';
import { findContact } from '../contact.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { contactId, instanceId, nothing, streamingId } from '../shapes.ts';

export const StopContactStreaming = connectOperation({
  name: 'StopContactStreaming',
  route: ['POST', '/contact/stop-streaming'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
  ],
  input: structure({
    InstanceId: required(instanceId),
    ContactId: required(contactId),
    StreamingId: required(streamingId),
  }),
  output: nothing,
  async handle(call, { InstanceId, ContactId, StreamingId }) {
    const instance = await findInstance(call, InstanceId);
    await call.writer.attempt({
      now: call.now,
      async decide() {
        const chat = await findContact(call, instance, ContactId);
        const after = stopStream(chat, StreamingId, call.now);
        if (!after) {
          throw call.fault(
            'ResourceNotFoundException',
            `Contact ${ContactId} has no stream ${StreamingId}; use the StreamingId that StartContactStreaming answered for it.`,
          );
        }
        return { change: after === chat ? undefined : { chat: { before: chat, after } }, answer: {} };
      },
    });
    return {};
  },
});
