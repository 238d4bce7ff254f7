import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openDirectory } from '../../src/blobs/directory.ts';
import { systemIds } from '../../src/runtime/ids.ts';

let opened: Promise<Blobs> | undefined;

/** One folder for all the files of a test process: chats have ids of their own, and it goes with the process. */
export function sharedBlobs(): Promise<Blobs> {
  opened ??= open();
  return opened;
}

function open(): Promise<Blobs> {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-files-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return openDirectory(directory, systemIds());
}
