import { disconnect } from '../../domain/participant.ts';
import { structure } from '../../shape/shape.ts';
import { participantOperation } from '../operation.ts';
import { absent, presentChat } from '../presence.ts';
import { bearer, clientToken, nothing } from '../shapes.ts';

export const DisconnectParticipant = participantOperation({
  name: 'DisconnectParticipant',
  route: ['POST', '/participant/disconnect'],
  bearer: 'connection',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({ ClientToken: clientToken, ConnectionToken: bearer }),
  output: nothing,
  async handle(call, input) {
    const { chatId, participantId } = call.caller.identity;
    await call.writer.attempt({
      now: call.now,
      token: {
        scope: `DisconnectParticipant ${chatId} ${participantId}`,
        value: input.ClientToken,
        request: {},
        conflict: () => call.fault('ValidationException', 'This ClientToken was used for another request.'),
      },
      async decide() {
        const chat = await presentChat(call);
        const step = disconnect(chat, participantId, call.now, call.ids.tail);
        if ('refused' in step) throw absent(call, step);
        return { change: { chat: { before: chat, after: step.chat }, items: step.items }, answer: {} };
      },
    });
    return {};
  },
});
