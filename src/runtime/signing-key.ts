import type { Ids } from './ids.ts';
import { type Keeper, keep, readKept } from './kept.ts';

/** A key that tokens are signed with, from then on. */
interface Key {
  readonly id: string;
  readonly secret: Buffer;
  readonly from: number;
}

interface KeptKey {
  readonly id: string;
  readonly secret: string;
  readonly from: number;
}

const name = 'signing-keys.json';
/** A new key is known to all nodes before one of them signs with it: they look every `signingKeysReadMs`. */
export const signingKeysReadMs = 20_000;
const announcedMs = 3 * signingKeysReadMs;
/** No token is good for longer: a chat lasts seven days at most, and one that starts now may start with the old key. */
const longestTokenMs = 8 * 24 * 60 * 60_000;

/** The keys that tokens are signed with, in the order of their beginning: one at first, made once. */
export async function signingKeys(keeper: Keeper, ids: Ids): Promise<Key[]> {
  return parsed(await keeper.keep(name, () => written([made(ids, 0)])));
}

/** Announces a new key; tokens of the old ones are good until they expire. Resolves to when it begins to sign. */
export async function rotateSigningKeys(keeper: Keeper, ids: Ids, now: number): Promise<number> {
  for (;;) {
    const before = await keeper.keep(name, () => written([made(ids, 0)]));
    const keys = JSON.parse(before) as KeptKey[];
    const next = made(ids, now + announcedMs);
    // One that was followed so long ago that none of its tokens can be left.
    const kept = keys.filter((_, index) => (keys[index + 1]?.from ?? now) + longestTokenMs >= now);
    if (await keeper.replace(name, before, written([...kept, next]))) return next.from;
  }
}

/** The key under which the secrets of access keys are sealed where no setting gives one: made once, like the others. */
export function sealingKey(directory: string, ids: Ids): Buffer {
  const text =
    readKept(directory, 'sealing-key') ?? keep(directory, 'sealing-key', ids.secret(32).toString('base64'), ids);
  return Buffer.from(text, 'base64');
}

function made(ids: Ids, from: number): KeptKey {
  return { id: ids.secret(6).toString('base64url'), secret: ids.secret(32).toString('base64'), from };
}

function written(keys: readonly KeptKey[]): string {
  return `${JSON.stringify(keys, null, 2)}\n`;
}

function parsed(text: string): Key[] {
  return (JSON.parse(text) as KeptKey[]).map((each) => ({ ...each, secret: Buffer.from(each.secret, 'base64') }));
}
