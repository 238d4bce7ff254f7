import { type CompleteRefusal, completeAttachment } from '../../domain/attachments.ts';
import type { Chat, Step } from '../../domain/chat.ts';
import { returned } from '../../domain/idle.ts';
import { connect } from '../../domain/participant.ts';
import { list, required, structure } from '../../shape/shape.ts';
import { type Bearer, type Call, participantOperation } from '../operation.ts';
import { absent, presentChat } from '../presence.ts';
import { attachmentId, bearer, nonEmptyClientToken, nothing } from '../shapes.ts';

const errors = [
  'AccessDeniedException',
  'InternalServerException',
  'ThrottlingException',
  'ValidationException',
  'ServiceQuotaExceededException',
  'ConflictException',
] as const;

export const CompleteAttachmentUpload = participantOperation({
  name: 'CompleteAttachmentUpload',
  route: ['POST', '/participant/complete-attachment-upload'],
  bearer: 'connection',
  errors,
  input: structure({
    AttachmentIds: required(list(attachmentId, { min: 1, max: 1 })),
    ClientToken: required(nonEmptyClientToken),
    ConnectionToken: bearer,
  }),
  output: nothing,
  async handle(call, { AttachmentIds, ClientToken }) {
    const { chatId, participantId } = call.caller.identity;
    await call.writer.attempt({
      now: call.now,
      token: {
        scope: `CompleteAttachmentUpload ${chatId} ${participantId}`,
        value: ClientToken,
        request: { AttachmentIds },
        conflict: () =>
          call.fault('ConflictException', 'This ClientToken was used for another attachment; use a new one for each.'),
      },
      async decide() {
        const chat = await presentChat(call);
        const { chat: after, items, events } = completed(call, chat, AttachmentIds[0] ?? '');
        return { change: { chat: { before: chat, after }, items }, events, answer: {} };
      },
    });
    return {};
  },
});

type Completer = Call<Bearer, (typeof errors)[number]>;

/** Who sends a file is there, as with a message: connected if it was not yet, and no longer idle. */
function completed(call: Completer, chat: Chat, id: string): Step {
  const { participantId } = call.caller.identity;
  const { now, ids } = call;
  const connected = connect(chat, participantId, now, ids.tail);
  if ('refused' in connected) throw absent(call, connected);
  const back = returned(connected.chat, participantId, now);
  const { hasScanner } = call.settings;
  const step = completeAttachment(back.chat, { id, participantId, hasScanner }, now, ids.tail);
  if ('refused' in step) throw refusal(call, id, step);
  return { chat: step.chat, items: [...connected.items, ...step.items], events: back.events };
}

function refusal(call: Completer, id: string, { refused }: CompleteRefusal) {
  switch (refused) {
    case 'no-attachment':
      return call.fault(
        'ValidationException',
        `AttachmentIds names ${id}, which is not an attachment that this participant started in this chat within the last hour.`,
      );
    case 'not-uploaded':
      return call.fault(
        'ValidationException',
        `The bytes of attachment ${id} have not arrived: PUT them to the Url of StartAttachmentUpload first.`,
      );
    case 'completed':
      return call.fault('ConflictException', `Attachment ${id} was completed before, with another ClientToken.`);
  }
}
