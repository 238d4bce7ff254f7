import assert from 'node:assert/strict';
import type { TestPipeline } from './pipeline.ts';

/** A small file for tests that are not about its bytes. */
export const hello = Buffer.from('Hello, file\n');

export const helloFile = {
  AttachmentName: 'hello.txt',
  ContentType: 'text/plain',
  AttachmentSizeInBytes: hello.length,
  ClientToken: 'hello',
};

type System = Pick<TestPipeline, 'call' | 'ids' | 'transfer'>;

/** Starts an upload; `Url` is where its bytes go. */
export async function startFile({ call, ids }: Pick<System, 'call' | 'ids'>, token: string, more: object = {}) {
  const started = await call('StartAttachmentUpload', { ...helloFile, ClientToken: ids.uuid(), ...more }, token);
  assert.equal(started.status, 200, started.body.Message);
  const { AttachmentId, UploadMetadata } = started.body;
  return { AttachmentId, ...UploadMetadata } as {
    AttachmentId: string;
    Url: string;
    UrlExpiry: string;
    HeadersToInclude: Record<string, string>;
  };
}

/** Starts an upload and sends its bytes. */
export async function uploadFile(system: System, token: string, bytes = hello, more: object = {}) {
  const started = await startFile(system, token, { AttachmentSizeInBytes: bytes.length, ...more });
  const put = await system.transfer('PUT', started.Url, bytes, started.HeadersToInclude);
  assert.equal(put.status, 200, put.message);
  return started;
}

export function complete(
  { call, ids }: Pick<System, 'call' | 'ids'>,
  token: string,
  id: string,
  ClientToken = ids.uuid(),
) {
  return call('CompleteAttachmentUpload', { AttachmentIds: [id], ClientToken }, token);
}

/** The whole way of a file into a chat. */
export async function sendFile(system: System, token: string, bytes = hello, more: object = {}): Promise<string> {
  const { AttachmentId } = await uploadFile(system, token, bytes, more);
  const done = await complete(system, token, AttachmentId);
  assert.equal(done.status, 200, done.body.Message);
  return AttachmentId;
}

/** The keys of all that is kept of a chat. */
export function filesOf({ blobs }: Pick<TestPipeline, 'blobs'>, chatId: string): Promise<string[]> {
  return blobs.list(`attachments/${chatId}/`, 1000);
}
