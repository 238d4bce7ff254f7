import { defaultFileLimits } from '../../domain/attached-files.ts';
import { type Infer, label, structure, timestamp } from '../../shape/shape.ts';
import {
  attachedFilesIn,
  attachedFilesKind,
  attachedFilesMembers,
  attachmentScope,
  chatScope,
  demandChatScope,
  extensionConfiguration,
  maximumSize,
  wireAttachedFiles,
} from '../attached-files.ts';
import { findInstance } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { instanceId } from '../shapes.ts';

/** Ours: Amazon names no limit, and a list without end would be read with every upload. */
const maxExtensions = 500;

const input = structure({
  InstanceId: label(instanceId),
  AttachmentScope: label(attachmentScope),
  MaximumSizeLimitInBytes: maximumSize,
  ExtensionConfiguration: extensionConfiguration,
});

export const UpdateAttachedFilesConfiguration = connectOperation({
  name: 'UpdateAttachedFilesConfiguration',
  route: ['POST', '/attached-files-configurations/{InstanceId}/{AttachmentScope}'],
  access: { resource: '' },
  errors: [
    'InvalidParameterException',
    'ResourceNotFoundException',
    'ThrottlingException',
    'InternalServiceException',
    'AccessDeniedException',
  ],
  input,
  output: structure({
    ...attachedFilesMembers,
    LastModifiedTime: timestamp(),
  }),
  async handle(call, given) {
    const { id } = await findInstance(call, given.InstanceId);
    demandChatScope(call, given.AttachmentScope);
    const extensions = extensionsOf(given);
    if (extensions && extensions.length > maxExtensions) {
      throw call.fault(
        'InvalidParameterException',
        `AllowedExtensions has ${extensions.length} extensions; it may have ${maxExtensions}.`,
      );
    }
    const none = { kind: attachedFilesKind, instance: id, id: chatScope, name: chatScope, document: defaults };
    const configured = await call.writer.attempt({
      now: call.now,
      async decide() {
        const stored = (await call.store.resource(attachedFilesKind, id, chatScope)) ?? { ...none, revision: 1 };
        const before = attachedFilesIn(stored);
        const document = {
          maximumBytes: given.MaximumSizeLimitInBytes ?? before.maximumBytes,
          extensions: extensions ?? before.extensions,
          modifiedAt: call.now,
        };
        // The defaults are put where there is nothing, so that of two first changes neither is lost.
        return { change: { resources: [none], replaced: [{ ...stored, document }] }, answer: document };
      },
    });
    return { ...wireAttachedFiles(id, configured), LastModifiedTime: configured.modifiedAt };
  },
});

const defaults = { ...defaultFileLimits };

/** In lower case, as names are compared with them, and each once. */
function extensionsOf({ ExtensionConfiguration }: Infer<typeof input>): string[] | undefined {
  const given = ExtensionConfiguration?.AllowedExtensions.map(({ Extension }) => Extension.toLowerCase());
  return given && [...new Set(given)];
}
