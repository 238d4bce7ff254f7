/** Where an instance keeps what its chats leave behind, as its administrator associated it: see `operations/storage-configs.ts`. */

/** Amazon's words for it; of its thirteen those that a chat server has something for. */
export const storedTypes = ['CHAT_TRANSCRIPTS', 'CONTACT_TRACE_RECORDS'] as const;
export type StoredType = (typeof storedTypes)[number];

/** An S3 bucket, or what the configuration has in its place, and what keys begin with there. */
export interface StorageConfig {
  /** AssociationId. */
  readonly id: string;
  readonly bucket: string;
  /** As it was given: see `below`. */
  readonly prefix: string;
}

/** A written object: a bucket as it is configured, and the key in it. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
}

/**
 * The resource of the store for one type: one an instance, absent as long as nobody associated anything, and without a
 * config once it was disassociated.
 */
export const storageKind = 'storage-config';

export function storageConfigIn(
  resource: { readonly document: Readonly<Record<string, unknown>> } | undefined,
): StorageConfig | undefined {
  return resource?.document.config as StorageConfig | undefined;
}

/** What the development instance starts with. */
export const developmentStorage: Readonly<Record<StoredType, StorageConfig>> = {
  CHAT_TRANSCRIPTS: {
    id: '30000000-0000-4000-8000-000000000001',
    bucket: 'tertulia-dev',
    prefix: 'connect/tertulia-dev/ChatTranscripts',
  },
  CONTACT_TRACE_RECORDS: {
    id: '30000000-0000-4000-8000-000000000002',
    bucket: 'tertulia-dev',
    prefix: 'connect/tertulia-dev/ContactRecords',
  },
};

/** A key below a prefix, which may end in a slash or not. */
export function below(prefix: string, rest: string): string {
  return `${prefix.replace(/\/$/, '')}/${rest}`;
}

/** S3's rules for names of buckets that matter: they are folders here, and parts of URLs there. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..');
}
