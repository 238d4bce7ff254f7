import { isAbsolute } from 'node:path';
import type { BucketRule } from './blobs/buckets.ts';
import { ConfigError } from './config.ts';
import { isBucketName } from './domain/storage.ts';

const pattern = /^[a-z0-9.*-]{1,63}$/;
/** Every object that is written asks them in turn. */
const mostRules = 100;
const form =
  '{"bucket": a name, perhaps with *, "directory": a path} or {"bucket": …, "s3": {"bucket", "region", "endpoint"}}';

/** What the configuration file's `buckets` says stands for which S3 buckets. Throws ConfigError. */
export function bucketRules(given: readonly unknown[]): BucketRule[] {
  if (given.length > mostRules) {
    throw new ConfigError(
      `buckets has ${given.length} members; allowed: ${mostRules}, each a pattern for many buckets`,
    );
  }
  return given.map((each, index) => {
    const path = `buckets[${index}]`;
    const { bucket, directory, s3 } = membersOf(each, path, ['bucket', 'directory', 's3'], form);
    if (typeof bucket !== 'string' || !pattern.test(bucket)) {
      throw refusal(`${path}.bucket`, bucket, '1 to 63 of a-z 0-9 . - and *');
    }
    if ((directory === undefined) === (s3 === undefined)) {
      throw new ConfigError(
        `${path} has ${s3 === undefined ? 'neither directory nor s3' : 'both directory and s3'}; allowed: one of them`,
      );
    }
    if (directory === undefined) return { pattern: bucket, place: { s3: s3Place(s3, `${path}.s3`) } };
    if (typeof directory !== 'string' || !isAbsolute(directory)) {
      throw refusal(`${path}.directory`, directory, 'an absolute path');
    }
    return { pattern: bucket, place: { directory } };
  });
}

function s3Place(given: unknown, path: string) {
  const { bucket, region, endpoint } = membersOf(
    given,
    path,
    ['bucket', 'region', 'endpoint'],
    '{"bucket", "region", "endpoint"}',
  );
  const demand = (member: string, value: unknown, allowed: string, isGood: (text: string) => boolean) => {
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !isGood(value)) throw refusal(`${path}.${member}`, value, allowed);
    return value;
  };
  return {
    bucket: demand('bucket', bucket, 'the name of an S3 bucket', isBucketName),
    region: demand('region', region, 'a Region such as eu-central-1', (text) => /^[\w-]{1,64}$/.test(text)),
    endpoint: demand('endpoint', endpoint, 'an http or https URL without user and password', isEndpoint),
  };
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
}

function membersOf(given: unknown, path: string, names: readonly string[], allowed: string): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refusal(path, given, allowed);
  const stranger = Object.keys(given).find((each) => !names.includes(each));
  if (stranger !== undefined)
    throw new ConfigError(`${path}.${stranger} is not known; allowed are ${names.join(', ')}`);
  return given as Record<string, unknown>;
}

/** A URL may hold a password that does not belong there. */
function refusal(path: string, value: unknown, allowed: string): ConfigError {
  const shown = (JSON.stringify(value) ?? 'missing').replaceAll(/(?<=")(\w+:\/\/)?[^"]*@/g, '$1(not shown)@');
  return new ConfigError(`${path} is ${shown}; allowed: ${allowed}`);
}
