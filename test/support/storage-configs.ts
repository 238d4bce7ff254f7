import type { Refused, Taken } from './refusals.ts';

/** What is wrong with a StorageConfig, wherever one is given. */

export const S3Config = { BucketName: 'acme-chats', BucketPrefix: 'connect/acme/ChatTranscripts' };
export const StorageConfig = { StorageType: 'S3', S3Config };

/** Each its own object: a test changes a clone, in which what is shared stays shared. */
const encrypted = () => ({ EncryptionConfig: { EncryptionType: 'KMS', KeyId: 'key' } });
export const kinesis = {
  KinesisVideoStreamConfig: { Prefix: 'video', RetentionPeriodHours: 1, ...encrypted() },
  KinesisStreamConfig: { StreamArn: 'arn:aws:kinesis:us-east-1:123456789012:stream/s' },
  KinesisFirehoseConfig: { FirehoseArn: 'arn:aws:firehose:us-east-1:123456789012:deliverystream/f' },
};
/** With every member, none of a wrong form. */
export const fullStorageConfig = { StorageType: 'S3', S3Config: { ...S3Config, ...encrypted() }, ...kinesis };

const at = '/StorageConfig';
const s3 = `${at}/S3Config`;
const video = `${at}/KinesisVideoStreamConfig`;

export const wrongTypes: readonly Refused[] = [
  [at, 'S3', 'an object'],
  [`${at}/AssociationId`, 5, 'a string'],
  [`${at}/StorageType`, ['S3'], 'a string'],
  [s3, 'bucket', 'an object'],
  [`${s3}/BucketName`, 5, 'a string'],
  [`${s3}/BucketPrefix`, 5, 'a string'],
  ...[s3, video].flatMap((path): Refused[] => [
    [`${path}/EncryptionConfig`, 'KMS', 'an object'],
    [`${path}/EncryptionConfig/EncryptionType`, 5, 'a string'],
    [`${path}/EncryptionConfig/KeyId`, 5, 'a string'],
  ]),
  [video, [], 'an object'],
  [`${video}/Prefix`, 5, 'a string'],
  [`${video}/RetentionPeriodHours`, '1', 'a whole number'],
  [`${at}/KinesisStreamConfig`, 'arn', 'an object'],
  [`${at}/KinesisStreamConfig/StreamArn`, 5, 'a string'],
  [`${at}/KinesisFirehoseConfig`, 'arn', 'an object'],
  [`${at}/KinesisFirehoseConfig/FirehoseArn`, 5, 'a string'],
];

const short = 'have length between 1 and 128, inclusive';
const storageTypes = 'S3, KINESIS_VIDEO_STREAM, KINESIS_STREAM, KINESIS_FIREHOSE';

export const brokenConstraints: readonly Refused[] = [
  [at, undefined, 'not be null'],
  [`${at}/AssociationId`, '', 'have length between 1 and 100, inclusive'],
  [`${at}/StorageType`, undefined, 'not be null'],
  [`${at}/StorageType`, 's3', `satisfy enum value set: [${storageTypes}]`],
  [`${s3}/BucketName`, undefined, 'not be null'],
  [`${s3}/BucketName`, 'b'.repeat(129), short],
  [`${s3}/BucketPrefix`, '', short],
  [`${s3}/BucketPrefix`, 'p'.repeat(129), short],
  ...[s3, video].flatMap((path): Refused[] => [
    [`${path}/EncryptionConfig/EncryptionType`, 'AES', 'satisfy enum value set: [KMS]'],
    [`${path}/EncryptionConfig/KeyId`, 'k'.repeat(129), short],
  ]),
  [`${video}/Prefix`, '', short],
  [`${video}/RetentionPeriodHours`, 87_601, 'be between 0 and 87600, inclusive'],
  [`${video}/EncryptionConfig`, undefined, 'not be null'],
  [`${at}/KinesisStreamConfig/StreamArn`, undefined, 'not be null'],
  [`${at}/KinesisFirehoseConfig/FirehoseArn`, undefined, 'not be null'],
];

export const atTheLimits: readonly Taken[] = [
  [`${s3}/BucketName`, 'b'.repeat(128)],
  [`${s3}/BucketPrefix`, 'p'.repeat(128)],
  [`${video}/RetentionPeriodHours`, 87_600],
];

/** What is refused by an operation itself, and the words for it. */
export const unsupported: readonly (readonly [config: object, words: RegExp])[] = [
  [{ StorageType: 'KINESIS_STREAM', ...kinesis }, /^StorageType KINESIS_STREAM is not supported here; S3 is/],
  [{ StorageType: 'KINESIS_FIREHOSE' }, /^StorageType KINESIS_FIREHOSE is not supported here; S3 is/],
  [{ StorageType: 'KINESIS_VIDEO_STREAM' }, /^StorageType KINESIS_VIDEO_STREAM is not supported here; S3 is/],
  [{ StorageType: 'S3' }, /^S3Config is missing/],
  ...Object.entries(kinesis).map(
    ([name, value]) =>
      [{ ...StorageConfig, [name]: value }, new RegExp(`^${name} is for another StorageType`)] as const,
  ),
  [{ StorageType: 'S3', S3Config: { ...S3Config, ...encrypted() } }, /^EncryptionConfig is not supported/],
  ...['Acme', 'ab', '-abc', 'a..b', 'a/b', '../up', 'b'.repeat(64)].map(
    (BucketName) =>
      [{ StorageType: 'S3', S3Config: { ...S3Config, BucketName } }, /has no name of an S3 bucket/] as const,
  ),
  ...['/a', 'a//b', '../a', 'a/..', 'a/../b', '.a', 'a b', 'a?b', 'a\\b', 'é', '/', 'a*'].map(
    (BucketPrefix) =>
      [{ StorageType: 'S3', S3Config: { ...S3Config, BucketPrefix } }, /cannot begin a key here; it is parts/] as const,
  ),
];
