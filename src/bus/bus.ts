import type { ChatKey } from '../domain/chat.ts';
import type { Item } from '../domain/item.ts';
import type { Mark } from '../domain/receipts.ts';
import type { Metric } from '../runtime/metrics.ts';

/**
 * The doorbell between whoever commits and whoever holds sockets. What it loses is found again in the log, so that
 * nothing that must arrive may rest on it.
 */
export interface Bus extends AsyncDisposable {
  /** Failure is the caller's to log, never to act on. */
  publish(news: News): void;
  /** Resolves when nothing published from then on can be missed for lack of a subscription. */
  subscribe(chat: ChatKey, heard: (news: News) => void): Promise<Subscription>;
  /** Absent where there is nothing to lose. */
  readonly metrics?: (() => readonly Metric[]) | undefined;
}

/** `end` stops delivery at once. */
export interface Subscription {
  end(): void;
}

export type News =
  /** Items were committed. `items` is absent where they would be too large to carry. */
  | {
      readonly kind: 'items';
      readonly chat: ChatKey;
      /** Numbers of the first and last item; `to` is `from - 1` when only the revision moved. */
      readonly from: number;
      readonly to: number;
      readonly revision: number;
      readonly items?: readonly Item[] | undefined;
    }
  | { readonly kind: 'mark'; readonly chat: ChatKey; readonly mark: Mark; readonly messageId: string }
  /** What passes by (typing, idle, rehydrated …): never stored, may be lost, and never shown before item number `after`. */
  | {
      readonly kind: 'event';
      readonly chat: ChatKey;
      readonly after: number;
      readonly id: string;
      readonly time: number;
      readonly contentType: string;
      readonly content?: string | undefined;
      readonly participantId?: string | undefined;
    };
