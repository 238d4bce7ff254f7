import type { Readable } from 'node:stream';
import type { PutOutcome } from './blobs.ts';

/** Thrown into whatever writes the bytes, so that it stops and leaves nothing. */
export class Unfit extends Error {
  readonly outcome: Exclude<PutOutcome, 'stored'>;
  constructor(outcome: Exclude<PutOutcome, 'stored'>, options?: ErrorOptions) {
    super(`the source is unfit: ${outcome}`, options);
    this.outcome = outcome;
  }
}

/**
 * The chunks of a source that has exactly so many bytes; throws `Unfit` for any other. The chunk that completes them is
 * given out only after the source has ended: whoever counts bytes to know an object complete, as S3 does, never has all
 * of an object that turns out too long. The source is left as it is, so that whoever owns it can still answer on it.
 */
export async function* exactly(source: Readable, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let taken = 0;
  let last: Uint8Array | undefined;
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      // A stream of objects may have empty ones; none of them completes anything.
      if (chunk.length === 0) continue;
      taken += chunk.length;
      if (taken > bytes) break;
      if (taken === bytes) last = chunk;
      else yield chunk;
    }
  } catch (failure) {
    throw new Unfit('aborted', { cause: failure });
  }
  if (taken !== bytes) throw new Unfit('wrong-size');
  if (last) yield last;
}
