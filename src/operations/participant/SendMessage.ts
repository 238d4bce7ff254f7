import { itemId } from '../../domain/item.ts';
import { messageProblem } from '../../domain/limits.ts';
import { enumeration, required, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { participantOperation } from '../operation.ts';
import { connectCaller, ownChat, presentChat } from '../presence.ts';
import { bearer, chatContent, chatContentType, chatItemId, clientToken, instant } from '../shapes.ts';

export const SendMessage = participantOperation({
  name: 'SendMessage',
  route: ['POST', '/participant/message'],
  bearer: 'connection',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({
    ContentType: required(chatContentType),
    Content: required(chatContent),
    ClientToken: clientToken,
    ConnectionToken: bearer,
  }),
  output: structure({
    Id: chatItemId,
    AbsoluteTime: instant,
    MessageMetadata: structure({ MessageProcessingStatus: enumeration(['PROCESSING', 'FAILED', 'REJECTED']) }),
  }),
  async handle(call, input) {
    const { chatKey, participantId } = call.caller.identity;
    const { ContentType: contentType, Content: content } = input;
    // text/plain is supported by every chat: only other types need to know what this chat supports. It may be over:
    // the repeat of a message that was taken is answered all the same.
    const supported =
      contentType === 'text/plain' ? [contentType] : (await ownChat(call)).settings.supportedContentTypes;
    const problem = messageProblem({ contentType, content }, supported, call.settings.maxContentBytes);
    if (problem) throw call.fault('ValidationException', problem);

    const append = {
      chat: chatKey,
      author: participantId,
      now: call.now,
      item: { tail: call.ids.tail(), type: 'MESSAGE' as const, contentType, content, participantId },
      token: { value: input.ClientToken || call.ids.uuid(), request: `${contentType}\0${content}` },
    };
    let outcome = await call.writer.append(append);
    if ('refused' in outcome && outcome.refused !== 'token-conflict') {
      // Not connected, left or ended. Who holds bare credentials connects by its first message; the others get their 403.
      await connectCaller(call);
      outcome = await call.writer.append(append);
    }
    if ('refused' in outcome) {
      if (outcome.refused === 'token-conflict') {
        throw call.fault(
          'ValidationException',
          'This ClientToken was used for another message; use a new one for each message.',
        );
      }
      await presentChat(call);
      throw new Error(`an append was refused as ${outcome.refused} by a chat that its author is in`);
    }
    return { Id: itemId(outcome.time, outcome.tail), AbsoluteTime: isoTime(outcome.time) };
  },
});
