import { extensionOf } from './file-name.ts';

/** Which files the chats of an instance take. */
export interface FileLimits {
  readonly maximumBytes: number;
  /** In lower case, without a dot. */
  readonly extensions: readonly string[];
}

/** Amazon's documented defaults. */
export const defaultFileLimits: FileLimits = {
  maximumBytes: 20 * 1024 * 1024,
  extensions: [
    ...['csv', 'doc', 'docx', 'heic', 'jfif', 'jpeg', 'jpg', 'mov', 'mp4'],
    ...['pdf', 'png', 'ppt', 'pptx', 'rtf', 'txt', 'wav', 'xls', 'xlsx'],
  ],
};

/** Printable ASCII in the form of a media type: it is a header of the download. */
const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;[ -~]*[!-~])?$/;

/** What is wrong with a file that somebody wants to send; undefined if nothing. */
export function fileProblem(
  { name, contentType, bytes }: { readonly name: string; readonly contentType: string; readonly bytes: number },
  { maximumBytes, extensions }: FileLimits,
): string | undefined {
  if (bytes > maximumBytes) {
    return `AttachmentSizeInBytes is ${bytes}; an attachment of this instance may have ${maximumBytes} bytes (MaximumSizeLimitInBytes of UpdateAttachedFilesConfiguration).`;
  }
  const extension = extensionOf(name);
  if (!extensions.includes(extension)) {
    const given = /^[\w-]{1,10}$/.test(extension) ? `ends in .${extension}` : 'has no extension that can be allowed';
    return `AttachmentName ${given}; this instance takes ${extensions.map((each) => `.${each}`).join(', ') || 'no files'} (AllowedExtensions of UpdateAttachedFilesConfiguration).`;
  }
  if (!mediaType.test(contentType)) return 'ContentType must be a media type in ASCII, such as image/png.';
  return undefined;
}

/** Whether two content types are one: the case of letters and blanks around `;` mean nothing. */
export function isSameType(one: string, other: string): boolean {
  const plain = (type: string) =>
    type
      .toLowerCase()
      .replaceAll(/\s*;\s*/g, ';')
      .trim();
  return plain(one) === plain(other);
}
