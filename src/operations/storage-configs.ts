import { isKeyBeginning } from '../domain/object-key.ts';
import {
  isBucketName,
  type StorageConfig,
  type StoredType,
  storageConfigIn,
  storageKind,
  storedTypes,
} from '../domain/storage.ts';
import type { Fault } from '../fault.ts';
import { enumeration, type Infer, integer, required, string, structure } from '../shape/shape.ts';
import type { Store } from '../store/store.ts';
import { findInstance } from './instance.ts';
import type { Call, Principal } from './operation.ts';

/** Where an instance keeps transcripts and contact records: one resource of the store for each type, see `domain/storage.ts`. */

export const associationId = string({ min: 1, max: 100 });
export const resourceType = enumeration([
  'CHAT_TRANSCRIPTS',
  'CALL_RECORDINGS',
  'SCHEDULED_REPORTS',
  'MEDIA_STREAMS',
  'CONTACT_TRACE_RECORDS',
  'AGENT_EVENTS',
  'REAL_TIME_CONTACT_ANALYSIS_SEGMENTS',
  'ATTACHMENTS',
  'CONTACT_EVALUATIONS',
  'SCREEN_RECORDINGS',
  'REAL_TIME_CONTACT_ANALYSIS_CHAT_SEGMENTS',
  'REAL_TIME_CONTACT_ANALYSIS_VOICE_SEGMENTS',
  'EMAIL_MESSAGES',
]);
type ResourceType = Infer<typeof resourceType>;

export const storageType = enumeration(['S3', 'KINESIS_VIDEO_STREAM', 'KINESIS_STREAM', 'KINESIS_FIREHOSE']);
const prefix = string({ min: 1, max: 128 });
const encryptionConfig = structure({
  EncryptionType: required(enumeration(['KMS'])),
  KeyId: required(string({ min: 1, max: 128 })),
});
export const storageConfig = structure({
  AssociationId: associationId,
  StorageType: required(storageType),
  S3Config: structure({
    BucketName: required(string({ min: 1, max: 128 })),
    BucketPrefix: required(prefix),
    EncryptionConfig: encryptionConfig,
  }),
  KinesisVideoStreamConfig: structure({
    Prefix: required(prefix),
    RetentionPeriodHours: required(integer({ min: 0, max: 87_600 })),
    EncryptionConfig: required(encryptionConfig),
  }),
  KinesisStreamConfig: structure({ StreamArn: required(string()) }),
  KinesisFirehoseConfig: structure({ FirehoseArn: required(string()) }),
});
export type WireStorageConfig = Infer<typeof storageConfig>;

/** Every one of these operations has this resource and this condition key of Amazon's. */
export const storageAccess = { resource: '', conditions: { 'connect:StorageResourceType': 'ResourceType' } } as const;

/** What is associated for that type; undefined also for types that nothing can be associated with here. */
export async function storageConfigOf(
  store: Pick<Store, 'resource'>,
  instanceId: string,
  type: ResourceType,
): Promise<StorageConfig | undefined> {
  return isStored(type) ? storageConfigIn(await store.resource(storageKind, instanceId, type)) : undefined;
}

export function wireStorageConfig({ id, bucket, prefix }: StorageConfig) {
  return {
    AssociationId: id,
    StorageType: 'S3',
    S3Config: { BucketName: bucket, BucketPrefix: prefix },
  } as const;
}

type Reader = Call<Principal, 'InvalidRequestException' | 'ResourceNotFoundException'>;

/** The place that a request gives; throws what is wrong with it. */
export function placeOf(call: Reader, given: WireStorageConfig): Omit<StorageConfig, 'id'> {
  const refuse = (sentence: string) => call.fault('InvalidRequestException', sentence);
  const { StorageType, S3Config } = given;
  const stream = (['KinesisVideoStreamConfig', 'KinesisStreamConfig', 'KinesisFirehoseConfig'] as const).find(
    (each) => given[each] !== undefined,
  );
  if (StorageType !== 'S3') throw refuse(`StorageType ${StorageType} is not supported here; S3 is, with S3Config.`);
  if (stream) throw refuse(`${stream} is for another StorageType; for S3 give S3Config alone.`);
  if (!S3Config) throw refuse('S3Config is missing; StorageType S3 needs it, with BucketName and BucketPrefix.');
  const { BucketName: bucket, BucketPrefix: prefix, EncryptionConfig } = S3Config;
  if (EncryptionConfig) {
    throw refuse(
      'EncryptionConfig is not supported: nothing is encrypted with KMS here. Leave it out, and have the bucket or the disk encrypt.',
    );
  }
  if (!isKeyBeginning(prefix) || prefix === '/') {
    throw refuse(
      `BucketPrefix ${prefix} cannot begin a key here; it is parts between slashes, of A-Z a-z 0-9 _ . : and -, none of which is empty or begins with a dot or a colon, without "..", such as connect/my-instance/ChatTranscripts.`,
    );
  }
  if (!isBucketName(bucket)) {
    throw refuse(
      `Bucket ${bucket} has no name of an S3 bucket: 3 to 63 of a-z 0-9 . and -, a letter or digit at both ends.`,
    );
  }
  if (!call.settings.hasBucket(bucket)) {
    throw refuse(
      `Bucket ${bucket} is not mapped to anything; say in "buckets" of the configuration file which folder or which S3 store it is.`,
    );
  }
  return { bucket, prefix };
}

function unsupported(call: Reader, type: ResourceType): Fault {
  const where = type === 'ATTACHMENTS' ? ' Attachments are kept where TERTULIA_BLOBS of the server says.' : '';
  return call.fault(
    'InvalidRequestException',
    `ResourceType ${type} is not supported here; supported are ${storedTypes.join(' and ')}.${where}`,
  );
}

export function notAssociated(call: Reader, type: ResourceType, id: string): Fault {
  return call.fault(
    'ResourceNotFoundException',
    `AssociationId ${id} is no storage configuration of this instance for ${type}; ListInstanceStorageConfigs names the one there is.`,
  );
}

interface Named {
  readonly InstanceId: string;
  readonly ResourceType: ResourceType;
  /** Of what is to be there. */
  readonly AssociationId?: string | undefined;
  readonly ClientToken?: string | undefined;
}

/**
 * Makes of the instance's configuration for that type what the rule says, once for a ClientToken; undefined: none. The
 * rule throws what is to be refused; its `answer` is answered to a repeat as well.
 */
export async function changeStorage<A extends Readonly<Record<string, unknown>>>(
  call: Reader,
  operation: string,
  { InstanceId, ClientToken, ...request }: Named,
  rule: (before: StorageConfig | undefined) => { readonly config: StorageConfig | undefined; readonly answer: A },
): Promise<A> {
  const instance = await findInstance(call, InstanceId);
  const { ResourceType: type, AssociationId: id } = request;
  if (!isStored(type)) throw id === undefined ? unsupported(call, type) : notAssociated(call, type, id);
  const none = { kind: storageKind, instance: instance.id, id: type, name: type, document: {} };
  return call.writer.attempt({
    now: call.now,
    token: {
      scope: `${operation} ${instance.account} ${instance.id}`,
      value: ClientToken,
      request,
      conflict: () =>
        call.fault(
          'InvalidRequestException',
          `This ClientToken was used with another request; use a new one for each call of ${operation}.`,
        ),
    },
    async decide() {
      const stored = (await call.store.resource(storageKind, instance.id, type)) ?? { ...none, revision: 1 };
      const before = storageConfigIn(stored);
      if (id !== undefined && id !== before?.id) throw notAssociated(call, type, id);
      const { config, answer } = rule(before);
      // None is put where there is nothing, so that of two first ones the second finds the first.
      return { change: { resources: [none], replaced: [{ ...stored, document: { config } }] }, answer };
    },
  });
}

function isStored(type: ResourceType): type is StoredType {
  return storedTypes.some((each) => each === type);
}
