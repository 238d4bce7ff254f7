import type { Ids } from './ids.ts';
import { keep, readKept } from './kept.ts';

interface KeyOnDisk {
  readonly id: string;
  readonly secret: string;
  readonly from: number;
}

/**
 * The token signing keys of a data directory: made once, readable by the owner alone. A throw-away store gets a new
 * key each time.
 */
export function signingKeys(directory: string, ids: Ids): { id: string; secret: Buffer; from: number }[] {
  const made: KeyOnDisk[] = [
    { id: ids.secret(6).toString('base64url'), secret: ids.secret(32).toString('base64'), from: 0 },
  ];
  const text = kept(directory, 'signing-keys.json', `${JSON.stringify(made, null, 2)}\n`, ids);
  return (JSON.parse(text) as KeyOnDisk[]).map((each) => ({ ...each, secret: Buffer.from(each.secret, 'base64') }));
}

/** The key under which the secrets of access keys are sealed where no setting gives one: made once, like the others. */
export function sealingKey(directory: string, ids: Ids): Buffer {
  return Buffer.from(kept(directory, 'sealing-key', ids.secret(32).toString('base64'), ids), 'base64');
}

/** The text of a file that only its owner can read, made if absent. */
function kept(directory: string, name: string, text: string, ids: Ids): string {
  return readKept(directory, name) ?? keep(directory, name, text, ids);
}
