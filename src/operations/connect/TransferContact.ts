import { required, string, structure } from '../../shape/shape.ts';
import { findNamed } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import { agentId, clientToken, contactFlowId, contactId, instanceId } from '../shapes.ts';

/** For tasks and emails; agents transfer chats with quick connects. There are only chats here. */
export const TransferContact = connectOperation({
  name: 'TransferContact',
  route: ['POST', '/contact/transfer'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'IdempotencyException',
    'AccessDeniedException',
    'ResourceNotFoundException',
    'ServiceQuotaExceededException',
    'ThrottlingException',
    'InternalServiceException',
  ],
  input: structure({
    InstanceId: required(instanceId),
    ContactId: required(contactId),
    QueueId: string(),
    UserId: agentId,
    ContactFlowId: required(contactFlowId),
    ClientToken: clientToken,
  }),
  output: structure({ ContactId: contactId, ContactArn: string() }),
  async handle(call, input) {
    await findNamed(call, input);
    throw call.fault(
      'InvalidRequestException',
      `Contact ${input.ContactId} is a chat: TransferContact is for TASK and EMAIL contacts only. Agents transfer chats with a quick connect.`,
    );
  },
});
