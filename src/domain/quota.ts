/** Token buckets: how often something may be done. Pure; whoever keeps the buckets decides for how long. */

/** `rate` a second on average, `burst` at once. */
export interface Rate {
  readonly rate: number;
  readonly burst: number;
}

export interface Bucket {
  /** What could be taken at `at`. */
  readonly tokens: number;
  readonly at: number;
}

/** What sums of fractions may be off by: 0.998 and 0.002 must be one. */
const slack = 1e-9;

/** Takes one from the bucket; `undefined` is a full one. `waitMs` is 0 if there was one, else how long until there is. */
export function take(
  bucket: Bucket | undefined,
  now: number,
  { rate, burst }: Rate,
): { bucket: Bucket; waitMs: number } {
  const elapsed = bucket ? Math.max(0, now - bucket.at) : 0;
  const tokens = bucket ? Math.min(burst, bucket.tokens + (elapsed * rate) / 1000) : burst;
  if (tokens >= 1 - slack) return { bucket: { tokens: tokens - 1, at: now }, waitMs: 0 };
  return { bucket: { tokens, at: now }, waitMs: Math.ceil(((1 - slack - tokens) * 1000) / rate) };
}

/** What one profile of quotas allows. Absent means unlimited. */
export interface QuotaProfile {
  /** By operation; `default` for the operations of the Connect service that are not named. */
  readonly rates: Readonly<Record<string, Rate>>;
  /** Open chats of one instance. */
  readonly concurrentChats?: number | undefined;
}

const rate = (rate: number, burst: number): Rate => ({ rate, burst });

/** Amazon's documented defaults: the Connect service per account and Region, the Participant Service per instance. */
export const awsQuotas: QuotaProfile = {
  rates: {
    default: rate(2, 5),
    CreateParticipant: rate(5, 8),
    CreatePersistentContactAssociation: rate(5, 8),
    DescribeContact: rate(10, 15),
    GetContactAttributes: rate(10, 15),
    ListContactReferences: rate(10, 15),
    SearchContacts: rate(0.5, 1),
    StartChatContact: rate(5, 8),
    StartContactStreaming: rate(5, 8),
    StopContact: rate(10, 15),
    StopContactStreaming: rate(5, 8),
    TagContact: rate(20, 25),
    UntagContact: rate(20, 25),
    UpdateContact: rate(10, 15),
    UpdateContactAttributes: rate(10, 15),
    UpdateContactRoutingData: rate(20, 20),
    UpdateParticipantRoleConfig: rate(5, 8),
    CompleteAttachmentUpload: rate(2, 5),
    CreateParticipantConnection: rate(6, 9),
    DisconnectParticipant: rate(3, 5),
    GetAttachment: rate(8, 12),
    GetTranscript: rate(8, 12),
    SendMessage: rate(10, 15),
    StartAttachmentUpload: rate(2, 5),
  },
  concurrentChats: 500,
};

export const unlimited: QuotaProfile = { rates: {} };

/** Operations that draw from one bucket. */
export const sharedBucket: Readonly<Record<string, string>> = { SendEvent: 'SendMessage' };
