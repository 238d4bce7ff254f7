import { durations, type Histogram, histogram } from '../runtime/histogram.ts';
import { by, type Metric, plain } from '../runtime/metrics.ts';

/** What the hub has done since the start. */
export interface PushCounts {
  /** Frames given to sockets: answers to theirs, items, and what passes by. */
  readonly frames: Record<'answer' | 'item' | 'passing', number>;
  /** Seconds. */
  readonly lag: Histogram;
  readonly sweeps: Record<'done' | 'failed', number>;
  /** Chats that a sweep found behind. */
  healed: number;
}

export function openPushCounts(): PushCounts {
  return {
    frames: { answer: 0, item: 0, passing: 0 },
    lag: histogram(durations),
    sweeps: { done: 0, failed: 0 },
    healed: 0,
  };
}

export function pushMetrics(
  { frames, lag, sweeps, healed }: PushCounts,
  { rooms, subscribed }: { readonly rooms: number; readonly subscribed: number },
): readonly Metric[] {
  return [
    {
      name: 'tertulia_frames_sent_total',
      help: 'Frames given to sockets: answers to their own, items, and what passes by (typing, receipts).',
      kind: 'counter',
      values: by('kind', frames),
    },
    {
      name: 'tertulia_push_lag_seconds',
      help: "From an item's time, given when it is committed, to its first push on this node. Of items that came after the socket subscribed; not while the test clock is moved.",
      kind: 'histogram',
      values: plain(lag),
    },
    {
      name: 'tertulia_sweeps_total',
      help: 'Comparisons of the quiet chats of this node with the store.',
      kind: 'counter',
      values: by('outcome', sweeps),
    },
    {
      name: 'tertulia_sweep_healed_total',
      help: 'Chats that a comparison found behind: the news of something had been lost, or it could not be read.',
      kind: 'counter',
      values: plain(healed),
    },
    {
      name: 'tertulia_rooms',
      help: 'Chats that this node holds sockets of.',
      kind: 'gauge',
      values: plain(rooms),
    },
    {
      name: 'tertulia_sockets_subscribed',
      help: 'Sockets that get the items of their chat.',
      kind: 'gauge',
      values: plain(subscribed),
    },
  ];
}
