import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  CompleteAttachmentUploadCommand,
  GetAttachmentCommand,
  StartAttachmentUploadCommand,
} from '@aws-sdk/client-connectparticipant';
import type { Api, Connection } from './server.ts';

/** Files by the unmodified SDK and plain HTTP, over real sockets. */

type Who = Pick<Connection, 'token'>;

export interface Started {
  readonly id: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

export async function startUpload(
  { participant }: Api,
  { token }: Who,
  size: number,
  name = 'a.pdf',
  ContentType = 'application/pdf',
) {
  const { AttachmentId: id = '', UploadMetadata } = await participant.send(
    new StartAttachmentUploadCommand({
      ConnectionToken: token,
      AttachmentName: name,
      AttachmentSizeInBytes: size,
      ContentType,
    }),
  );
  return { id, url: UploadMetadata?.Url ?? '', headers: UploadMetadata?.HeadersToInclude ?? {} } satisfies Started;
}

export async function put({ url, headers }: Started, body: Uint8Array): Promise<Response> {
  return fetch(url, { method: 'PUT', headers, body: body as Uint8Array<ArrayBuffer> });
}

export async function completeUpload({ participant }: Api, { token }: Who, id: string, ClientToken?: string) {
  await participant.send(
    new CompleteAttachmentUploadCommand({ ConnectionToken: token, AttachmentIds: [id], ClientToken }),
  );
}

export async function upload(api: Api, who: Who, body: Uint8Array, name?: string, type?: string): Promise<string> {
  const started = await startUpload(api, who, body.length, name, type);
  const { status } = await put(started, body);
  assert.equal(status, 200);
  await completeUpload(api, who, started.id);
  return started.id;
}

export async function downloadUrl({ participant }: Api, { token }: Who, id: string): Promise<string> {
  const { Url = '' } = await participant.send(new GetAttachmentCommand({ ConnectionToken: token, AttachmentId: id }));
  return Url;
}

export async function download(api: Api, who: Who, id: string): Promise<Buffer> {
  const response = await fetch(await downloadUrl(api, who, id));
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

/** An upload that the test writes piece by piece. */
export function openUpload({ url, headers }: Started, size: number) {
  const request = httpRequest(url, { method: 'PUT', headers: { ...headers, 'content-length': size }, agent: false });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  // A test that breaks it off does not wait for an answer.
  answered.catch(() => {});
  return {
    request,
    write: (chunk: Uint8Array) => new Promise<void>((resolve) => request.write(chunk, () => resolve())),
    async answer() {
      request.end();
      const [response] = await answered;
      return { status: response.statusCode, body: await text(response) };
    },
  };
}

/** Puts so many bytes, the same chunk again and again: what memory grows by is the server's. */
export async function putLarge(started: Started, size: number): Promise<string> {
  const sent = openUpload(started, size);
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(65_536, 'tertulia');
  for (let left = size; left > 0; left -= chunk.length) {
    const part = chunk.subarray(0, left);
    hash.update(part);
    await sent.write(part);
  }
  assert.equal((await sent.answer()).status, 200);
  return hash.digest('hex');
}

export async function hashOf(url: string): Promise<string> {
  const request = httpRequest(url, { agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  for await (const chunk of response) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
