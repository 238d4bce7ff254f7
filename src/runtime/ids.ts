import { randomBytes, randomUUID } from 'node:crypto';

/** The source of everything random, so that a test can seed it. */
export interface Ids {
  /** A version 4 UUID: contacts, participants, requests. */
  uuid(): string;
  /** The ten random bytes of a version 7 UUID; its first six are the item's committed time. */
  tail(): Buffer;
  secret(bytes: number): Buffer;
}

/** Random bytes are drawn 4 KiB at a time: one call per item would cost more than the rest of the id. */
const poolBytes = 4096;

export function systemIds(): Ids {
  let pool = randomBytes(poolBytes);
  let used = 0;
  return {
    uuid: () => randomUUID(),
    tail() {
      if (used + 10 > poolBytes) {
        pool = randomBytes(poolBytes);
        used = 0;
      }
      const tail = pool.subarray(used, used + 10);
      used += 10;
      return markVersion7(tail);
    },
    secret: (bytes) => randomBytes(bytes),
  };
}

/** Sets the version and variant bits of RFC 9562 in the last ten bytes of a UUID. */
export function markVersion7(tail: Buffer): Buffer {
  tail[0] = ((tail[0] ?? 0) & 0x0f) | 0x70;
  tail[2] = ((tail[2] ?? 0) & 0x3f) | 0x80;
  return tail;
}
