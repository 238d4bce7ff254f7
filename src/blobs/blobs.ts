import type { Readable } from 'node:stream';
import { isKey, isKeyBeginning, maxKeyLength } from '../domain/object-key.ts';

/**
 * Where bytes are: attachments and transcripts. An object has a key of our own, its bytes and a content type; it is
 * there whole or not at all, and never changes but as a whole. Chapter BL of SPEC.md holds for every implementation.
 */
export interface Blobs extends AsyncDisposable {
  /**
   * Takes an object in from a stream, without holding it in memory. What was there under the key stays until the whole
   * of the new one is; of puts at the same time one wins whole, the last to be done as a rule. When this resolves to
   * 'stored' the object is on disk. It rejects when the store fails; then the object may be there, whole, or not.
   * The source is read no further than it takes to know, and never destroyed: what is left of it is the caller's.
   */
  put(
    key: string,
    source: Readable,
    about: { readonly bytes: number; readonly contentType: string },
  ): Promise<PutOutcome>;
  /** The same for an object that is small enough to be in memory. */
  write(key: string, content: Uint8Array, contentType: string): Promise<void>;
  /** Undefined if there is no such object. One that is being read is read to its end, whatever is put or removed meanwhile. */
  open(key: string): Promise<OpenBlob | undefined>;
  /** Absent is fine. */
  remove(key: string): Promise<void>;
  /**
   * Up to `limit` (1 to 1,000) keys that begin with `prefix` and come after `after`, in the order of their bytes. Fewer
   * than `limit` are the last.
   */
  list(prefix: string, limit: number, after?: string): Promise<string[]>;
}

/** 'wrong-size': other than the bytes that were to come. 'aborted': the source broke off. Both leave nothing behind. */
export type PutOutcome = 'stored' | 'wrong-size' | 'aborted';

export interface OpenBlob {
  readonly bytes: number;
  readonly contentType: string;
  /** To be read to its end or destroyed: it holds a file or a connection. It fails rather than end early. */
  readonly stream: Readable;
}

export const maxPage = 1000;

/** Throws `RangeError` for what no caller of ours may ask: whoever makes a key of a client's text has checked that. */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new RangeError(`not a key of an object: ${JSON.stringify(key.slice(0, maxKeyLength))}`);
}

export function checkList(prefix: string, limit: number, after = ''): void {
  if (!isKeyBeginning(prefix)) {
    throw new RangeError(`not the beginning of a key: ${JSON.stringify(prefix.slice(0, maxKeyLength))}`);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPage) throw new RangeError(`not a limit: ${limit}`);
  if (after !== '') checkKey(after);
}

/** Printable ASCII without blanks around it: what comes back from every store as it was put, and breaks no header. */
export function checkContentType(contentType: string): void {
  if (!/^[!-~]([ -~]{0,253}[!-~])?$/.test(contentType))
    throw new RangeError('not a content type: printable ASCII, 1 to 255');
}

export function checkBytes(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`not a number of bytes: ${bytes}`);
}
