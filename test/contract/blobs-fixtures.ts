import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Blobs, OpenBlob, PutOutcome } from '../../src/blobs/blobs.ts';

/** Bytes for the contract of blobs: made from a name, so that a failure repeats and no two objects are alike. */

export const text = 'text/plain; charset=utf-8';

/** A pattern of a prime number of bytes, so that no chunk looks like another. */
export function content(bytes: number, name = 'any'): Buffer {
  return Buffer.alloc(bytes, createHash('shake256', { outputLength: 4093 }).update(name).digest());
}

const chunkLength = 65_536;

/** A stream as a socket would give it: chunk by chunk, when asked. `then` comes after the last. */
export function streamOf(bytes: Buffer, then: () => Promise<void> = async () => {}): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkLength) yield bytes.subarray(at, at + chunkLength);
    await then();
  }
  return Readable.from(chunks(), { objectMode: false });
}

export function put(blobs: Blobs, key: string, bytes: Buffer, contentType = text): Promise<PutOutcome> {
  return blobs.put(key, streamOf(bytes), { bytes: bytes.length, contentType });
}

export async function opened(blobs: Blobs, key: string): Promise<OpenBlob> {
  return (await blobs.open(key)) ?? assert.fail(`there is no ${key}`);
}

/** What is under a key, whole. */
export async function read(blobs: Blobs, key: string): Promise<{ content: Buffer; contentType: string }> {
  const { bytes, contentType, stream } = await opened(blobs, key);
  const found = await buffer(stream);
  assert.equal(found.length, bytes, `${key} has as many bytes as it says`);
  return { content: found, contentType };
}

export async function has(blobs: Blobs, key: string, bytes: Buffer, contentType = text): Promise<void> {
  const found = await read(blobs, key);
  // Not deepEqual: it would print megabytes.
  assert(found.content.equals(bytes), `${key} has other bytes than were put`);
  assert.equal(found.contentType, contentType);
}
