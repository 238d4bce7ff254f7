import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ids } from './ids.ts';

/** Where a service keeps what it makes once and nobody else may know: its keys. */
export interface Keeper {
  /** Undefined before it is made. */
  read(name: string): Promise<string | undefined>;
  /** What is kept under that name; made if absent. Of several who make it at once all get the same. */
  keep(name: string, make: () => string | Promise<string>): Promise<string>;
  /** False if it is `before` no more. */
  replace(name: string, before: string, after: string): Promise<boolean>;
}

/** In the data directory, in files that only their owner can read. A throw-away directory keeps nothing. */
export function fileKeeper(directory: string, ids: Ids): Keeper {
  return {
    read: async (name) => readKept(directory, name),
    keep: async (name, make) => readKept(directory, name) ?? keep(directory, name, await make(), ids),
    async replace(name, before, after) {
      if (readKept(directory, name) !== before) return false;
      const draft = join(directory, `.${name}.${ids.secret(6).toString('hex')}`);
      writeFileSync(draft, after, { mode: 0o600, flag: 'wx', flush: true });
      renameSync(draft, join(directory, name));
      return true;
    },
  };
}

/** The text of such a file; undefined before it is made, and always for a data directory that is `:memory:`. */
export function readKept(directory: string, name: string): string | undefined {
  if (directory === ':memory:') return undefined;
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ENOENT') throw failure;
    return undefined;
  }
}

/** Makes the file, whole or not at all; answers its text, which is another process's if that was faster. */
export function keep(directory: string, name: string, text: string, ids: Ids): string {
  if (directory === ':memory:') return text;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, name);
  const draft = join(directory, `.${name}.${ids.secret(6).toString('hex')}`);
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(draft, file);
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'EEXIST') throw failure;
  } finally {
    unlinkSync(draft);
  }
  return readFileSync(file, 'utf8');
}
