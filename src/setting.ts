import type { Config, Scalar, Setting } from './settings.ts';

/** How settings are read: each throws what is not allowed, which its row says in words. */

/** What Amazon's model allows for any message. */
export const mostContentBytes = 16_384;
const sentContentTypes = [
  'text/plain',
  'text/markdown',
  'application/json',
  'application/vnd.amazonaws.connect.message.interactive.response',
];

/** Room for the largest legal StartChatContact: 32 KiB of attributes and 16 of content, all of it escaped, are 288. */
export const leastBodyBytes = 524_288;

export function text(name: Setting['name'], key: Scalar, byDefault: string, meaning: string): Setting {
  return { name, key, default: byDefault, allowed: 'text', meaning, read: (given) => given || undefined };
}

export function whole(
  name: Setting['name'],
  key: Scalar,
  byDefault: number,
  min: number,
  max: number,
  meaning: string,
): Setting {
  return {
    name,
    key,
    default: String(byDefault),
    allowed: `a whole number from ${min} to ${max}`,
    meaning,
    read(given) {
      const value = Number(given);
      if (!/^\d+$/.test(given) || value < min || value > max) throw new Error();
      return value;
    },
  };
}

export function oneOf(
  name: Setting['name'],
  key: Scalar,
  byDefault: string,
  values: readonly string[],
  meaning: string,
): Setting {
  return {
    name,
    key,
    default: byDefault,
    allowed: values.join(', '),
    meaning,
    read: (given) => oneOfText(given, values),
  };
}

export function flag(name: Setting['name'], key: Scalar, meaning: string): Setting {
  const setting = oneOf(name, key, 'false', ['true', 'false'], meaning);
  return { ...setting, read: (given) => setting.read(given) === 'true' };
}

export function oneOfText(given: string, values: readonly string[]): string {
  if (!values.includes(given)) throw new Error();
  return given;
}

/** One number for all content types, or some of them with their own. */
export function contentBytes(given: string): Record<string, number> {
  const pairs = /^\d+$/.test(given)
    ? sentContentTypes.map((type) => [type, given] as const)
    : given.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  for (const [type, bytes] of pairs) {
    const isSize = /^\d+$/.test(bytes) && Number(bytes) >= 1 && Number(bytes) <= mostContentBytes;
    if (!isSize || !sentContentTypes.includes(type)) throw new Error();
  }
  return Object.fromEntries(pairs.map(([type, bytes]) => [type, Number(bytes)]));
}

export function secretKey(given: string): Buffer | undefined {
  if (given === '') return undefined;
  const key = Buffer.from(given, 'base64');
  if (key.length !== 32) throw new Error();
  return key;
}

export function controlToken(given: string): string | undefined {
  if (given === '') return undefined;
  if (given.length < 16) throw new Error();
  return given;
}

/** Undefined for the embedded store. */
export function storeUrl(given: string): string | undefined {
  if (given === 'sqlite') return undefined;
  if (!['postgres:', 'postgresql:'].includes(new URL(given).protocol)) throw new Error();
  return given;
}

/** Undefined for a bus within this process. */
export function busUrls(given: string): readonly string[] | undefined {
  if (given === 'local') return undefined;
  const urls = given.split(',').map((each) => each.trim());
  for (const each of urls) if (!['nats:', 'tls:'].includes(new URL(each).protocol)) throw new Error();
  return urls;
}

export function matched(given: string, pattern: RegExp): string {
  if (!pattern.test(given)) throw new Error();
  return given;
}

/** Undefined for a folder of our own. */
export function blobPlace(given: string): Config['blobs'] {
  if (given === 'directory') return undefined;
  const [, bucket, path = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w!.*'()/-]{0,500}))?$/.exec(given) ?? [];
  if (bucket === undefined) throw new Error();
  const prefix = path.replace(/\/+$/, '');
  return { bucket, prefix: prefix && `${prefix}/` };
}

export function httpUrl(given: string): string | undefined {
  if (given !== '' && !['http:', 'https:'].includes(new URL(given).protocol)) throw new Error();
  return given || undefined;
}

export function scanner(given: string): string | undefined {
  return /^https?:/i.test(given) ? httpUrl(given) : given || undefined;
}

export function publicUrl(given: string): string | undefined {
  if (given === '') return undefined;
  const url = new URL(given);
  const isPlain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!['http:', 'https:'].includes(url.protocol) || !isPlain) throw new Error();
  return url.origin + url.pathname.replace(/\/+$/, '');
}
