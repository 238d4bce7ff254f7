import { required, string, structure } from '../../shape/shape.ts';
import { sessionId, unknownSession } from '../authentication.ts';
import { participantOperation } from '../operation.ts';
import { bearer } from '../shapes.ts';

export const GetAuthenticationUrl = participantOperation({
  name: 'GetAuthenticationUrl',
  route: ['POST', '/participant/authentication-url'],
  bearer: 'connection',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({
    SessionId: required(sessionId),
    // The model says at least one character; the chat widget sends none where it has no address to come back to.
    RedirectUri: required(string({ min: 0, max: 1024 })),
    ConnectionToken: bearer,
  }),
  output: structure({ AuthenticationUrl: string({ min: 1, max: 2083 }) }),
  async handle(call) {
    throw await unknownSession(call);
  },
});
