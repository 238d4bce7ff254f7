import { attachmentOf, type ChatAttachment } from '../../domain/attachments.ts';
import { type Chat, participantOf } from '../../domain/chat.ts';
import { integer, long, required, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { transferUrl } from '../attachment-urls.ts';
import { type Call, participantOperation } from '../operation.ts';
import { presentChat } from '../presence.ts';
import { attachmentId, bearer } from '../shapes.ts';

const defaultExpirySeconds = 300;

export const GetAttachment = participantOperation({
  name: 'GetAttachment',
  route: ['POST', '/participant/attachment'],
  bearer: 'connection',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({
    AttachmentId: required(attachmentId),
    UrlExpiryInSeconds: integer({ min: 5, max: 300 }),
    ConnectionToken: bearer,
  }),
  output: structure({
    Url: string({ min: 1, max: 2000 }),
    UrlExpiry: string(),
    AttachmentSizeInBytes: required(long({ min: 1 })),
  }),
  async handle(call, { AttachmentId: id, UrlExpiryInSeconds = defaultExpirySeconds }) {
    const chat = await presentChat(call);
    if (participantOf(chat, call.caller.identity.participantId)?.role === 'CUSTOM_BOT') {
      throw call.fault('AccessDeniedException', 'A custom participant may not fetch attachments.');
    }
    const found = await find(call, chat, id);
    const problem = absenceOf(found?.attachment);
    if (!found || problem) throw call.fault('ValidationException', `Attachment ${id} ${problem}`);
    const { of, attachment } = found;
    const until = call.now + UrlExpiryInSeconds * 1000;
    return {
      Url: transferUrl(call, 'download', id, { chatKey: of.key, chatId: of.id, until }),
      UrlExpiry: isoTime(until),
      AttachmentSizeInBytes: attachment.bytes,
    };
  },
});

/** The attachment of the chat, or of one that it continues: those are in its transcript as well. */
async function find({ store }: Pick<Call, 'store'>, chat: Chat, id: string) {
  const own = attachmentOf(chat, id);
  if (own) return { of: chat, attachment: own };
  for (const { key } of chat.past?.chats ?? []) {
    const past = await store.chat({ key });
    const attachment = past && attachmentOf(past, id);
    if (attachment) return { of: past, attachment };
  }
  return undefined;
}

/** Why there is nothing to fetch; undefined if there is. */
function absenceOf(attachment: ChatAttachment | undefined): string | undefined {
  if (!attachment) return 'is not one of this chat.';
  switch (attachment.status) {
    case undefined:
      return 'is not completed: its sender has yet to call CompleteAttachmentUpload.';
    case 'IN_PROGRESS':
      return 'is still being scanned; an item of the transcript will tell the result.';
    case 'REJECTED':
      return 'was rejected by the scanner and cannot be fetched.';
    case 'APPROVED':
      return undefined;
  }
}
