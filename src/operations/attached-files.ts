import { defaultFileLimits, type FileLimits } from '../domain/attached-files.ts';
import { enumeration, list, long, required, string, structure } from '../shape/shape.ts';
import type { Resource, Store } from '../store/store.ts';
import type { Call, Principal } from './operation.ts';
import { instanceId } from './shapes.ts';

/** Which files an instance takes, as its administrator configured it: a resource of the store, absent until it is changed. */

export const attachedFilesKind = 'attached-files';
/** The one scope there is here; Amazon has attachments of emails, cases and tasks as well. */
export const chatScope = 'CHAT';

export const attachmentScope = enumeration(['EMAIL', 'CHAT', 'CASE', 'TASK']);
export const maximumSize = long({ min: 1, max: 104_857_600 });
export const extensionConfiguration = structure({
  AllowedExtensions: required(
    list(structure({ Extension: required(string({ min: 1, max: 10, pattern: /^[a-zA-Z0-9-_]+$/ })) })),
  ),
});

/** The members that every answer about a configuration has. */
export const attachedFilesMembers = {
  InstanceId: required(instanceId),
  AttachmentScope: required(attachmentScope),
  MaximumSizeLimitInBytes: maximumSize,
  ExtensionConfiguration: extensionConfiguration,
};

export interface AttachedFiles extends FileLimits {
  /** Undefined as long as nothing was changed. */
  readonly modifiedAt?: number | undefined;
}

export async function attachedFilesOf(store: Pick<Store, 'resource'>, instanceId: string): Promise<AttachedFiles> {
  const stored = await store.resource(attachedFilesKind, instanceId, chatScope);
  return stored ? attachedFilesIn(stored) : defaultFileLimits;
}

export function attachedFilesIn({ document }: Pick<Resource, 'document'>): AttachedFiles {
  return document as unknown as AttachedFiles;
}

/** The values of `attachedFilesMembers`. */
export function wireAttachedFiles(instanceId: string, { maximumBytes, extensions }: FileLimits) {
  return {
    InstanceId: instanceId,
    AttachmentScope: chatScope,
    MaximumSizeLimitInBytes: maximumBytes,
    ExtensionConfiguration: { AllowedExtensions: extensions.map((Extension) => ({ Extension })) },
  } as const;
}

export function demandChatScope(call: Call<Principal, 'InvalidParameterException'>, scope: string): void {
  if (scope === chatScope) return;
  throw call.fault(
    'InvalidParameterException',
    `AttachmentScope ${scope} is not for chats, and only chats have attachments here; use ${chatScope}.`,
  );
}
