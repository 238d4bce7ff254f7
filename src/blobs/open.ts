import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ids } from '../runtime/ids.ts';
import type { Blobs } from './blobs.ts';
import { openDirectory } from './directory.ts';
import { openS3, type S3Settings } from './s3.ts';

/** Opens the objects of a server: in S3, or in a folder below its data, which goes with data that are in memory. */
export async function openBlobs(dataDir: string, s3: S3Settings | undefined, ids: Ids): Promise<Blobs> {
  if (s3) return openS3(s3);
  if (dataDir !== ':memory:') return openDirectory(join(dataDir, 'blobs'), ids);
  const directory = await mkdtemp(join(tmpdir(), 'tertulia-'));
  const blobs = await openDirectory(directory, ids);
  return {
    ...blobs,
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
