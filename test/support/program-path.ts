import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is; undefined on machines without it. Debian puts servers into sbin, which is not in everybody's PATH. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders
    .map((folder) => join(folder, name))
    .find((place) => {
      try {
        accessSync(place, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why tests that need it are skipped; in CI they are not, and fail where it is missing. */
export function missing(name: string, packages = name): string | false {
  if (programPath(name) !== undefined || process.env.CI === 'true') return false;
  return `no ${name} here (apt-get install ${packages})`;
}
