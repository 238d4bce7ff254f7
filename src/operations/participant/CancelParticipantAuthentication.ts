import { required, structure } from '../../shape/shape.ts';
import { sessionId, unknownSession } from '../authentication.ts';
import { participantOperation } from '../operation.ts';
import { bearer, nothing } from '../shapes.ts';

export const CancelParticipantAuthentication = participantOperation({
  name: 'CancelParticipantAuthentication',
  route: ['POST', '/participant/cancel-authentication'],
  bearer: 'connection',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({ SessionId: required(sessionId), ConnectionToken: bearer }),
  output: nothing,
  async handle(call) {
    throw await unknownSession(call);
  },
});
