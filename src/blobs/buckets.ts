import { join } from 'node:path';
import { isBucketName } from '../domain/storage.ts';
import { matchesWildcard } from '../domain/wildcard.ts';
import type { Ids } from '../runtime/ids.ts';
import { type Blobs, checkKey, checkList } from './blobs.ts';
import { openDirectory, plainFiles } from './directory.ts';
import { openS3 } from './s3.ts';

/** What stands for the S3 buckets that instances name in their storage configurations. */
export interface Buckets extends AsyncDisposable {
  /** Whether something stands for the bucket; that it works is found out by using it. */
  has(name: string): boolean;
  /** Its objects, opened at the first use and closed with all others. Undefined where nothing stands for it. */
  of(name: string): Promise<Blobs | undefined>;
}

/** One of the configuration, for all buckets that `pattern` names. The first that does counts. */
export interface BucketRule {
  /** A name in which `*` stands for any characters, or none. */
  readonly pattern: string;
  readonly place:
    | { readonly directory: string }
    | {
        readonly s3: {
          readonly bucket?: string | undefined;
          readonly region?: string | undefined;
          readonly endpoint?: string | undefined;
        };
      };
}

export interface BucketParts {
  readonly rules: readonly BucketRule[];
  /** Where buckets are that no rule names, each in a folder; undefined: there are no such buckets. */
  readonly blobs: Blobs | undefined;
  /** For rules that say nothing else. */
  readonly s3: { readonly region: string; readonly endpoint: string | undefined };
  readonly ids: Ids;
}

/** Where buckets that no rule names are among the server's own objects. A reset removes all below it. */
export const bucketPrefix = 'buckets/';

export function openBuckets({ rules, blobs, s3, ids }: BucketParts): Buckets {
  const opened = new Map<string, Promise<Blobs>>();
  const ruleFor = (name: string) => rules.find(({ pattern }) => matchesWildcard(pattern, name));
  const has = (name: string) => isBucketName(name) && (blobs !== undefined || ruleFor(name) !== undefined);

  async function open(name: string): Promise<Blobs> {
    const place = ruleFor(name)?.place;
    if (!place) {
      if (!blobs) throw new Error(`nothing stands for bucket ${name}`);
      return within(blobs, `${bucketPrefix}${name}/`);
    }
    // Several buckets may share a rule: each has a folder of its own.
    if ('directory' in place) return openDirectory(join(place.directory, name), ids, plainFiles);
    const { bucket = name, region = s3.region, endpoint = s3.endpoint } = place.s3;
    return openS3({ bucket, prefix: '', region, endpoint, forcePathStyle: endpoint !== undefined });
  }

  return {
    has,
    async of(name) {
      if (!has(name)) return undefined;
      const known = opened.get(name);
      if (known) return known;
      const opening = open(name);
      opened.set(name, opening);
      try {
        return await opening;
      } catch (failure) {
        // A folder that cannot be made now may be possible later.
        opened.delete(name);
        throw failure;
      }
    },
    async [Symbol.asyncDispose]() {
      const all = await Promise.allSettled(opened.values());
      opened.clear();
      for (const each of all) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
    },
  };
}

/** The objects whose keys begin with a prefix, by the rest of their keys. Closing it closes nothing. */
function within(blobs: Blobs, prefix: string): Blobs {
  const at = (key: string) => {
    checkKey(key);
    return `${prefix}${key}`;
  };
  return {
    put: async (key, source, about) => blobs.put(at(key), source, about),
    write: async (key, content, contentType) => blobs.write(at(key), content, contentType),
    open: async (key) => blobs.open(at(key)),
    remove: async (key) => blobs.remove(at(key)),
    async list(beginning, limit, after = '') {
      checkList(beginning, limit, after);
      const found = await blobs.list(`${prefix}${beginning}`, limit, after === '' ? '' : `${prefix}${after}`);
      return found.map((key) => key.slice(prefix.length));
    },
    async [Symbol.asyncDispose]() {},
  };
}
