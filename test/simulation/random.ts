import { type Ids, markVersion7 } from '../../src/runtime/ids.ts';

/** Chance that is the same for the same seed. */
export interface Random {
  /** From 0 to 1, 1 left out. */
  share(): number;
  /** A whole number from 0, `below` left out. */
  below(below: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(count: number): Buffer;
  /** Another one, which draws nothing from this: what one part draws changes nothing for the others. */
  fork(name: string): Random;
}

/** sfc32: passes the usual batteries, and is the same on every machine. */
export function openRandom(seed: number, name = ''): Random {
  let [a, b, c, counter] = [hash(`${seed} ${name}`), seed | 0, hash(name), 1];
  const word = () => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let count = 0; count < 12; count += 1) word();
  const share = () => word() / 2 ** 32;
  const random: Random = {
    share,
    below: (below) => Math.floor(share() * below),
    chance: (of) => share() < of,
    pick: (from) => from[Math.floor(share() * from.length)] as (typeof from)[number],
    bytes(count) {
      const bytes = Buffer.alloc(count);
      for (let index = 0; index < count; index += 1) bytes[index] = word() >>> 8;
      return bytes;
    },
    fork: (other) => openRandom(seed, `${name}/${other}`),
  };
  return random;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value | 0;
}

export function seededIds(random: Random): Ids {
  return {
    uuid() {
      const bytes = random.bytes(16);
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      const hex = bytes.toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
    tail: () => markVersion7(random.bytes(10)),
    secret: (count) => random.bytes(count),
  };
}
