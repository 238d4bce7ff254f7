import { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import { isKey } from '../domain/object-key.ts';
import { type Blobs, checkBytes, checkContentType, checkKey, checkList, type PutOutcome } from './blobs.ts';
import { exactly, Unfit } from './exactly.ts';

/** Credentials are found by the SDK's own chain: environment, profile, role of the machine. */
export interface S3Settings {
  readonly bucket: string;
  /** Put before every key as it is, so it ends in a slash as a rule. Empty: the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  /** Of a store that is not Amazon's. */
  readonly endpoint?: string | undefined;
  /** The bucket in the path and not in the host name, as most stores that are not Amazon's want it. */
  readonly forcePathStyle: boolean;
}

/** An object up to this size is collected and sent as one, so that the SDK can try again: a stream goes by only once. */
const collected = 65_536;
const connectTimeout = 5_000;
/** Without a byte in either direction. Also how long a reader may pause. */
const idleTimeout = 60_000;
const mostConnections = 200;
const mostAttempts = 3;

/**
 * Any store that speaks S3. The library is loaded here, so that a server without one never loads it. Needs the
 * permissions to get, put and delete objects and to list the bucket: without that last one S3 answers 403, not 404,
 * for what is absent.
 */
export async function openS3({ bucket, prefix, region, endpoint, forcePathStyle }: S3Settings): Promise<Blobs> {
  const s3 = await import('@aws-sdk/client-s3');
  const client = connect(s3, { region, endpoint, forcePathStyle });
  const at = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });

  async function write(key: string, content: Uint8Array, contentType: string): Promise<void> {
    await client.send(new s3.PutObjectCommand({ ...at(key), Body: content, ContentType: contentType }));
  }

  async function stream(key: string, source: Readable, bytes: number, contentType: string): Promise<PutOutcome> {
    const body = Readable.from(exactly(source, bytes), { objectMode: false });
    // The SDK pipes the body and does not hear it fail. A request that is cut before its last byte stores nothing.
    const cut = new AbortController();
    body.once('error', () => cut.abort());
    const put = { ...at(key), Body: body, ContentLength: bytes, ContentType: contentType };
    try {
      await client.send(new s3.PutObjectCommand(put), { abortSignal: cut.signal });
      return 'stored';
    } catch (failure) {
      if (body.errored instanceof Unfit) return body.errored.outcome;
      // Refused before all of it was sent: what is left would hold its connection until the idle timeout.
      cut.abort();
      body.destroy();
      throw failure;
    }
  }

  return {
    async put(key, source, { bytes, contentType }) {
      checkKey(key);
      checkBytes(bytes);
      checkContentType(contentType);
      if (bytes > collected) return stream(key, source, bytes, contentType);
      const content = await collect(source, bytes);
      if (!Buffer.isBuffer(content)) return content;
      await write(key, content, contentType);
      return 'stored';
    },
    async write(key, content, contentType) {
      checkKey(key);
      checkContentType(contentType);
      await write(key, content, contentType);
    },
    async open(key) {
      checkKey(key);
      try {
        const { Body: body, ContentLength: bytes, ContentType } = await client.send(new s3.GetObjectCommand(at(key)));
        if (!(body instanceof Readable)) throw new Error('S3 answered without a body');
        if (bytes === undefined) throw new Error('S3 answered without the length of the body');
        return { bytes, contentType: ContentType ?? 'application/octet-stream', stream: body };
      } catch (failure) {
        if (failure instanceof s3.NoSuchKey) return undefined;
        throw failure;
      }
    },
    async remove(key) {
      checkKey(key);
      try {
        await client.send(new s3.DeleteObjectCommand(at(key)));
      } catch (failure) {
        // Amazon's answers 204 for what is absent; not every other store does.
        if (!(failure instanceof s3.NoSuchKey)) throw failure;
      }
    },
    async list(beginning, limit, after = '') {
      checkList(beginning, limit, after);
      const found: string[] = [];
      let token: string | undefined;
      do {
        const start = after === '' ? {} : { StartAfter: `${prefix}${after}` };
        const asked = { Bucket: bucket, Prefix: `${prefix}${beginning}`, ...start, MaxKeys: limit - found.length };
        const page = await client.send(new s3.ListObjectsV2Command({ ...asked, ContinuationToken: token }));
        found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(prefix.length)).filter(isKey));
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (token !== undefined && found.length < limit);
      return found;
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}

function connect(
  s3: typeof Sdk,
  { region, endpoint, forcePathStyle }: Omit<S3Settings, 'bucket' | 'prefix'>,
): Sdk.S3Client {
  const agent = { keepAlive: true, maxSockets: mostConnections };
  return new s3.S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle,
    maxAttempts: mostAttempts,
    // The SDK's default frames streams as chunks with a checksum behind them, which many stores refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Asking first would take a connection of its own for each upload, outside of the limit.
    expectContinueHeader: false,
    // What fails is thrown to the caller; the SDK would also write it to the console.
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    requestHandler: {
      connectionTimeout: connectTimeout,
      socketTimeout: idleTimeout,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}

async function collect(source: Readable, bytes: number): Promise<Buffer | Unfit['outcome']> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of exactly(source, bytes)) chunks.push(chunk);
  } catch (failure) {
    if (failure instanceof Unfit) return failure.outcome;
    throw failure;
  }
  return Buffer.concat(chunks);
}
