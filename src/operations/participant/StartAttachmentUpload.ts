import { fileProblem } from '../../domain/attached-files.ts';
import { maxAttachments, startAttachment, uploadLife } from '../../domain/attachments.ts';
import { plainDisposition } from '../../domain/file-name.ts';
import { long, map, required, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { attachedFilesOf } from '../attached-files.ts';
import { transferUrl } from '../attachment-urls.ts';
import { participantOperation } from '../operation.ts';
import { presentChat } from '../presence.ts';
import { attachmentContentType, attachmentId, attachmentName, bearer, nonEmptyClientToken } from '../shapes.ts';

/** The model's limit of a header's value. */
const longestHeader = 256;

export const StartAttachmentUpload = participantOperation({
  name: 'StartAttachmentUpload',
  route: ['POST', '/participant/start-attachment-upload'],
  bearer: 'connection',
  errors: [
    'AccessDeniedException',
    'InternalServerException',
    'ThrottlingException',
    'ValidationException',
    'ServiceQuotaExceededException',
  ],
  input: structure({
    ContentType: required(attachmentContentType),
    AttachmentSizeInBytes: required(long({ min: 1 })),
    AttachmentName: required(attachmentName),
    ClientToken: required(nonEmptyClientToken),
    ConnectionToken: bearer,
  }),
  output: structure({
    AttachmentId: attachmentId,
    UploadMetadata: structure({
      Url: string({ min: 1, max: 2000 }),
      UrlExpiry: string(),
      HeadersToInclude: map(string({ min: 1, max: 128 }), string({ min: 1, max: longestHeader })),
    }),
  }),
  async handle(call, input) {
    const { chatKey, chatId, instanceId, participantId } = call.caller.identity;
    const { ContentType: contentType, AttachmentSizeInBytes: bytes, AttachmentName: name } = input;
    // The answer has all that the URL is made of, so that a repeat gets the very same one.
    const { id, startedAt } = await call.writer.attempt({
      now: call.now,
      token: {
        scope: `StartAttachmentUpload ${chatId} ${participantId}`,
        value: input.ClientToken,
        request: { contentType, bytes, name },
        conflict: () =>
          call.fault(
            'ValidationException',
            'This ClientToken was used for another attachment; use a new one for each.',
          ),
      },
      async decide() {
        const chat = await presentChat(call);
        const problem = fileProblem({ name, contentType, bytes }, await attachedFilesOf(call.store, instanceId));
        if (problem) throw call.fault('ValidationException', problem);
        const started = { id: call.ids.uuid(), name, contentType, bytes, participantId, startedAt: call.now };
        const step = startAttachment(chat, started);
        if ('refused' in step) {
          throw call.fault(
            'ServiceQuotaExceededException',
            `The chat ${chatId} has ${maxAttachments} attachments, the most that one chat may have.`,
          );
        }
        return {
          change: { chat: { before: chat, after: step.chat } },
          answer: { id: started.id, startedAt: call.now },
        };
      },
    });
    const until = startedAt + uploadLife;
    return {
      AttachmentId: id,
      UploadMetadata: {
        Url: transferUrl(call, 'upload', id, { chatKey, chatId, until }),
        UrlExpiry: isoTime(until),
        // Without Content-Length: browsers send their own and drop a given one, and the bytes are counted anyway.
        HeadersToInclude: { 'Content-Type': contentType, 'Content-Disposition': plainDisposition(name, longestHeader) },
      },
    };
  },
});
