/**
 * Keys of stored objects: a path of parts between slashes, none empty and none that begins with a dot, so that it leads
 * nowhere but down. Capitals and the colon are there for Amazon's layout of transcripts; nothing else that a file system
 * or a URL takes for something of its own.
 */

/** The longest that is made: 72 of `buckets/<name>/`, 128 of a prefix, 72 of a layout. With S3's own prefix still below its 1,024. */
export const maxKeyLength = 400;

/** A part is a file's name, which has 255 bytes: room is left for what a driver adds. */
const part = '[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,199}';
const keyPattern = new RegExp(`^${part}(/${part})*$`);
const beginningPattern = new RegExp(`^(${part}/)*(${part})?$`);

export function isKey(text: string): boolean {
  return text.length <= maxKeyLength && keyPattern.test(text) && !text.includes('..');
}

/** Whether keys can begin so. */
export function isKeyBeginning(text: string): boolean {
  return text.length <= maxKeyLength && beginningPattern.test(text) && !text.includes('..');
}
