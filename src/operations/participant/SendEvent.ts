import * as contentType from '../../domain/content-type.ts';
import { itemId } from '../../domain/item.ts';
import { type ReceiptKind, takesReceipts } from '../../domain/receipts.ts';
import { required, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { type Bearer, type Call, participantOperation } from '../operation.ts';
import { connectCaller, presentChat } from '../presence.ts';
import { bearer, chatContentType, chatItemId, clientToken, instant } from '../shapes.ts';
import { itemOf } from '../transcript.ts';

const errors = [
  'AccessDeniedException',
  'InternalServerException',
  'ThrottlingException',
  'ValidationException',
  'ConflictException',
] as const;

const receiptKinds: ReadonlyMap<string, ReceiptKind> = new Map([
  [contentType.delivered, 'delivered'],
  [contentType.read, 'read'],
]);

export const SendEvent = participantOperation({
  name: 'SendEvent',
  route: ['POST', '/participant/event'],
  bearer: 'connection',
  errors,
  input: structure({
    ContentType: required(chatContentType),
    // The model says at least one character; Amazon's own native SDKs send none.
    Content: string({ min: 0, max: 16384, sensitive: true }),
    // Kept for the model's sake: chatjs sends the same constant with every receipt, so it can mean nothing.
    ClientToken: clientToken,
    ConnectionToken: bearer,
  }),
  output: structure({ Id: chatItemId, AbsoluteTime: instant }),
  async handle(call, input) {
    const kind = receiptKinds.get(input.ContentType);
    if (kind) return receipt(call, kind, input.Content);
    switch (input.ContentType) {
      case contentType.typing:
        return typing(call);
      case contentType.acknowledged:
        await connectCaller(call);
        return placed(call.now, call.ids.tail());
      default:
        throw call.fault(
          'ValidationException',
          `ContentType is not an event that a participant can send; use ${[contentType.typing, contentType.acknowledged, contentType.delivered, contentType.read].join(', ')}.`,
        );
    }
  },
});

type Sender = Call<Bearer, (typeof errors)[number]>;

function placed(time: number, tail: Uint8Array) {
  return { Id: itemId(time, tail), AbsoluteTime: isoTime(time) };
}

async function typing(call: Sender) {
  const { participantId } = call.caller.identity;
  const chat = await presentChat(call);
  const answer = placed(call.now, call.ids.tail());
  await call.writer.pass(chat, { id: answer.Id, time: call.now, contentType: contentType.typing, participantId });
  return answer;
}

async function receipt(call: Sender, kind: ReceiptKind, content: string | undefined) {
  const { chatKey, participantId } = call.caller.identity;
  const chat = await presentChat(call);
  const messageId = messageIdIn(content);
  if (messageId === undefined) {
    throw call.fault(
      'ValidationException',
      'Content of a receipt must be JSON such as {"messageId":"<Id of the message>"}.',
    );
  }
  if (!takesReceipts(chat)) {
    throw call.fault(
      'ConflictException',
      'Operation can not be performed due to the state of the contact. Receipts are for chats of two: send none while more participants, or a supervisor, are connected. In chatjs: features.messageReceipts.shouldSendMessageReceipts: false.',
    );
  }
  const item = await itemOf(call.store, chatKey, messageId);
  if (!item || item.type === 'EVENT') {
    throw call.fault('ValidationException', 'Content names a messageId that is not a message of this chat.');
  }
  const mark = { chat: chatKey, reader: participantId, kind, number: item.number };
  const outcome = await call.store.commit({ now: call.now, mark });
  if ('done' in outcome) {
    call.writer.tell({ kind: 'mark', chat: chatKey, mark: { ...mark, time: call.now }, messageId });
  }
  return placed(call.now, call.ids.tail());
}

/** Unknown members are for clients to put there: the widget sends `disableThrottle`. */
function messageIdIn(content: string | undefined): string | undefined {
  try {
    const parsed: unknown = JSON.parse(content ?? '');
    const id = (parsed as { messageId?: unknown } | null)?.messageId;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
