import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ids } from './ids.ts';

/** Secrets that are made once and kept in the data directory, in files that only their owner can read. */

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
