import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openDirectory } from '../../src/blobs/directory.ts';
import { openS3, type S3Settings } from '../../src/blobs/s3.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import type { Place } from '../contract/blobs.contract.ts';
import { region, type S3Server } from './s3-server.ts';

/** Where blobs are, in words that a child process can be told. */
export type Where = { readonly directory: string } | { readonly s3: S3Settings };

export function openBlobs(where: Where): Promise<Blobs> {
  return 'directory' in where ? openDirectory(where.directory, systemIds()) : openS3(where.s3);
}

export function directoryPlace(): Place & { readonly directory: string } {
  const directory = join(mkdtempSync(join(tmpdir(), 'tertulia-blobs-')), 'blobs');
  return {
    where: { directory },
    directory,
    open: () => openBlobs({ directory }),
    async held() {
      const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
    remove: async () => rmSync(join(directory, '..'), { recursive: true }),
  };
}

/** A bucket of its own, below a prefix. */
export async function s3Place(server: S3Server): Promise<Place & { readonly settings: S3Settings }> {
  const bucket = await server.bucket();
  const settings = { bucket, prefix: 'chat/', region, endpoint: server.url, forcePathStyle: true };
  return {
    where: { s3: settings },
    settings,
    open: () => openS3(settings),
    held: () => server.keys(bucket),
    async remove() {},
  };
}
