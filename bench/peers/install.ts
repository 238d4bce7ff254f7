/** What the peers need, and whether it is there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { project } from '../measure.ts';

const folder = join(project, 'bench/peers');
const command = 'npm ci --ignore-scripts';

const manifest = (path: string) => JSON.parse(readFileSync(join(folder, path, 'package.json'), 'utf8'));

export const npmVersion = (name: string): string => manifest(join('node_modules', name)).version;

function isThere(): boolean {
  try {
    const wanted = Object.entries(manifest('').dependencies);
    return wanted.every(([name, version]) => npmVersion(name) === version);
  } catch {
    return false;
  }
}

/** Installs Socket.IO and better-sqlite3 beside the measurement if they are not there; answers what to run if it cannot. */
export function installSocketIo(progress: (text: string) => void): string | undefined {
  if (isThere()) return undefined;
  progress(`peers: ${command} in bench/peers`);
  const { status } = spawnSync('npm', command.split(' ').slice(1), {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    timeout: 120_000,
  });
  return status === 0 && isThere() ? undefined : `${command} in bench/peers`;
}

/** Undefined where it is not installed, or where this is no Debian. */
export function debianVersion(name: string): string | undefined {
  try {
    const known = execFileSync('dpkg', ['-s', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [, version] = /^Status: install ok installed$[\s\S]*?^Version: (.+)$/m.exec(known) ?? [];
    return version;
  } catch {
    return undefined;
  }
}

/** What to run if one of them is missing. */
export function debianMissing(...names: readonly string[]): string | undefined {
  return names.every((name) => debianVersion(name)) ? undefined : `apt-get install ${names.join(' ')}`;
}
