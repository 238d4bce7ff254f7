/**
 * What clients saw of one chat: what was sent and answered, what sockets and transcripts showed, what streams brought.
 * `checker.ts` reads it, and nothing else. Times are epoch milliseconds of one clock, that of who wrote it down.
 */
export interface ChatHistory {
  /** ContactId. */
  readonly chat: string;
  readonly startedAt: number;
  /** When `log` was read: nothing was done any more, and everything had had its time to arrive. */
  readonly endedAt: number;
  /** All items, as an operator reads them at the end. */
  readonly log: readonly Shown[];
  readonly sent: readonly Sent[];
  readonly typed: readonly Acted[];
  readonly receipts: readonly (Acted & { readonly kind: ReceiptKind; readonly messageId: string })[];
  readonly bots: readonly (Acted & { readonly clientToken: string; readonly participantId?: string | undefined })[];
  readonly readings: readonly Reading[];
  readonly sockets: readonly SocketHistory[];
  readonly streams: readonly StreamHistory[];
  /** What was asked for that ends the chat. */
  readonly ends: readonly Acted[];
  /** The chat's timers of silence, if they were set before any agent came. Milliseconds. */
  readonly silence?: { readonly idle: number; readonly disconnect: number } | undefined;
}

export type ReceiptKind = 'delivered' | 'read';

/** Something that a client asked for, and repeated until it was answered. */
export interface Acted {
  /** ParticipantId; absent for who is none. */
  readonly who?: string | undefined;
  /** When it was first asked for, and when it was answered. */
  readonly sentAt: number;
  readonly answeredAt?: number | undefined;
  /** Absent if it never was answered for good. */
  readonly status?: number | undefined;
  /** Id of the answer, if it has one. */
  readonly id?: string | undefined;
}

/** A message. No content is sent twice in a chat, but to repeat it with the same ClientToken. */
export interface Sent extends Acted {
  readonly content: string;
  readonly absoluteTime?: string | undefined;
}

/** An item, or an event that passes by, as the API shows it. */
export interface Shown {
  readonly Id: string;
  readonly AbsoluteTime: string;
  readonly Type: string;
  readonly ContentType: string;
  readonly Content?: string | undefined;
  readonly ParticipantId?: string | undefined;
  readonly ParticipantRole?: string | undefined;
  readonly MessageMetadata?:
    | {
        readonly MessageId?: string | undefined;
        readonly Receipts?: readonly {
          readonly RecipientParticipantId?: string | undefined;
          readonly DeliveredTimestamp?: string | undefined;
          readonly ReadTimestamp?: string | undefined;
        }[];
      }
    | undefined;
}

/** A transcript read from its beginning, oldest first; to its end if it `isWhole`. */
export interface Reading {
  readonly who: string;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly isWhole: boolean;
  readonly items: readonly Shown[];
}

export interface SocketHistory {
  readonly who: string;
  readonly openedAt: number;
  /** The newest item of a transcript that was read whole while it was open and not subscribed. */
  readonly readTo?: string | undefined;
  readonly isSubscribed: boolean;
  /** It was subscribed, and nothing had broken it when the history ends. */
  readonly isWhole: boolean;
  /** In the order in which it came. */
  readonly heard: readonly Shown[];
}

export interface StreamHistory extends Acted {
  readonly topic: string;
  readonly clientToken: string;
  readonly streamingIds: readonly string[];
  /** All that came for the chat, repeats as well, in the order in which it came. */
  readonly parcels: readonly Notified[];
}

/** A notification. */
export interface Notified {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}
