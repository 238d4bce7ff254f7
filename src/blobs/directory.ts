import {
  type FileHandle,
  mkdir,
  opendir,
  open as openFile,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isKey } from '../domain/object-key.ts';
import { machineTime } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import { type Blobs, checkBytes, checkContentType, checkKey, checkList } from './blobs.ts';
import { exactly, Unfit } from './exactly.ts';

/** How objects are files. */
interface Form {
  /** Where files are while they are written, and where they are then, below the folder. */
  readonly incoming: string;
  readonly objects: string;
  readonly suffix: string;
  /** Whether a file begins with its content type; else that follows from the end of its name. */
  readonly hasHeader: boolean;
}

const own: Form = { incoming: 'incoming', objects: 'objects', suffix: '@', hasHeader: true };

/**
 * Files that other programs read as they are, by their keys: for objects of ours with an extension. Object `a` and object
 * `a/b` cannot both be there.
 */
export const plainFiles: Form = { incoming: '.incoming', objects: '.', suffix: '', hasHeader: false };

/**
 * Objects as files below a folder, readable by the owner alone. Each is one file, so that it appears and goes by one
 * step of the file system: its content type in a header block, an empty line, its bytes. It is written under `incoming`,
 * synced, and renamed to where its key says below `objects`. A file's name ends in a character that no key has: object
 * `a` and folder `a` are different names.
 */
export async function openDirectory(directory: string, ids: Ids, form: Form = own): Promise<Blobs> {
  const [incoming, objects] = [join(directory, form.incoming), join(directory, form.objects)];
  const { suffix } = form;
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await mkdir(objects, { recursive: true, mode: 0o700 });
  await clearLeftovers(incoming);

  async function take(
    key: string,
    contentType: string,
    content: AsyncIterable<Uint8Array> | Uint8Array,
  ): Promise<void> {
    const draft = join(incoming, ids.secret(12).toString('hex'));
    try {
      await writeSynced(draft, form.hasHeader ? headerOf(contentType) : '', content);
      await moveIn(draft, objects, `${key}${suffix}`);
    } catch (failure) {
      // What cannot be removed now is removed by a later start.
      await rm(draft, { force: true }).catch(() => {});
      throw failure;
    }
  }

  return {
    async put(key, source, { bytes, contentType }) {
      checkKey(key);
      checkBytes(bytes);
      checkContentType(contentType);
      try {
        await take(key, contentType, exactly(source, bytes));
        return 'stored';
      } catch (failure) {
        if (failure instanceof Unfit) return failure.outcome;
        throw failure;
      }
    },
    async write(key, content, contentType) {
      checkKey(key);
      checkContentType(contentType);
      await take(key, contentType, content);
    },
    async open(key) {
      checkKey(key);
      const file = await unlessAbsent(openFile(join(objects, `${key}${suffix}`), 'r'));
      if (!file) return undefined;
      try {
        const found = await file.stat();
        if (!found.isFile()) {
          await file.close();
          return undefined;
        }
        const { contentType, length } = form.hasHeader ? await readHeader(file, key) : plainHeader(key);
        return { bytes: found.size - length, contentType, stream: file.createReadStream({ start: length }) };
      } catch (failure) {
        await file.close();
        throw failure;
      }
    },
    async remove(key) {
      checkKey(key);
      const file = join(objects, `${key}${suffix}`);
      await unlessAbsent(unlink(file));
      await syncFolder(dirname(file));
      await removeEmpty(objects, dirname(key));
    },
    async list(prefix, limit, after = '') {
      checkList(prefix, limit, after);
      const found: string[] = [];
      for await (const key of keysIn(
        { objects, suffix },
        prefix.slice(0, prefix.lastIndexOf('/') + 1),
        prefix,
        after,
      )) {
        found.push(key);
        if (found.length === limit) break;
      }
      return found;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** An upload writes all the time; a file that nobody wrote to for so long belongs to a process that is gone. */
const leftoverAge = 3_600_000;
/** How many files a start looks at: those that were under way when a process died are few. */
const mostLeftovers = 1000;

async function clearLeftovers(incoming: string): Promise<void> {
  let seen = 0;
  for await (const { name } of await opendir(incoming)) {
    const file = join(incoming, name);
    const found = await unlessAbsent(stat(file));
    // Another process may be at work here, on a folder that several share.
    if (found && machineTime() - found.mtimeMs > leftoverAge) await rm(file, { force: true });
    seen += 1;
    if (seen === mostLeftovers) return;
  }
}

function headerOf(contentType: string): string {
  return `Content-Type: ${contentType}\n\n`;
}

const longestHeader = headerOf('x'.repeat(255)).length;

async function readHeader(file: FileHandle, key: string): Promise<{ contentType: string; length: number }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(longestHeader), 0, longestHeader, 0);
  const [header = '', contentType] = /^Content-Type: (.+)\n\n/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
  if (contentType === undefined) throw new Error(`the file of object ${key} does not begin with its content type`);
  return { contentType, length: header.length };
}

function plainHeader(key: string): { contentType: string; length: number } {
  return { contentType: key.endsWith('.json') ? 'application/json' : 'application/octet-stream', length: 0 };
}

async function writeSynced(
  path: string,
  header: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const file = await openFile(path, 'wx', 0o600);
  try {
    await file.writeFile(header);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A removal may take an empty folder away between its making and its use, so often in a row as never happens. */
const mostTries = 10;

async function moveIn(draft: string, objects: string, path: string): Promise<void> {
  const file = join(objects, path);
  for (let tries = 1; ; tries += 1) {
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await rename(draft, file);
      break;
    } catch (failure) {
      if (!isAbsence(failure) || tries === mostTries) throw failure;
    }
  }
  // All of them: a folder that is there may have been made by a put that has not synced it yet.
  await syncFolder(objects);
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) await syncFolder(join(objects, folder));
}

async function removeEmpty(objects: string, folder: string): Promise<void> {
  for (let each = folder; each !== '.'; each = dirname(each)) {
    try {
      await rmdir(join(objects, each));
    } catch (failure) {
      const { code = '' } = failure as NodeJS.ErrnoException;
      if (['ENOTEMPTY', 'EEXIST'].includes(code)) return;
      if (code !== 'ENOENT') throw failure;
    }
  }
}

/** Keys below `folder`, in order: its names are sorted with a slash at the end of those that are folders. */
async function* keysIn(
  at: { readonly objects: string; readonly suffix: string },
  folder: string,
  prefix: string,
  after: string,
): AsyncGenerator<string> {
  const entries = (await unlessAbsent(readdir(join(at.objects, folder), { withFileTypes: true }))) ?? [];
  const nameOf = (name: string) => name.slice(0, name.length - at.suffix.length);
  const paths = entries
    .filter((entry) => entry.isDirectory() || entry.name.endsWith(at.suffix))
    .map((entry) => `${folder}${entry.isDirectory() ? `${entry.name}/` : nameOf(entry.name)}`)
    .sort();
  for (const path of paths) {
    if (path.endsWith('/')) {
      const isAhead = path >= after.slice(0, path.length);
      if (isAhead && path.startsWith(prefix.slice(0, path.length))) yield* keysIn(at, path, prefix, after);
    } else if (path > after && path.startsWith(prefix) && isKey(path)) yield path;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await unlessAbsent(openFile(path, 'r'));
  try {
    await folder?.sync();
  } finally {
    await folder?.close();
  }
}

async function unlessAbsent<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (failure) {
    if (isAbsence(failure)) return undefined;
    throw failure;
  }
}

function isAbsence(failure: unknown): boolean {
  return (failure as NodeJS.ErrnoException).code === 'ENOENT';
}
