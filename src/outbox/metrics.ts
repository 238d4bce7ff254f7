import type { Clock } from '../runtime/clock.ts';
import type { Metric } from '../runtime/metrics.ts';
import type { LaneStore, LaneSummary } from '../store/lanes.ts';
import type { Counts } from './standing.ts';
import type { Outbox } from './worker.ts';

/** What the outbox has done, by destination. Who has thousands of topics sees the first thousand that were served by name. */
export function outboxMetrics(outbox: Pick<Outbox, 'counts'>): readonly Metric[] {
  const counted = (name: keyof Counts) =>
    [...outbox.counts()].map(([destination, counts]) => ({ labels: { destination }, value: counts[name] }));
  return [
    {
      name: 'tertulia_outbox_delivered_total',
      help: 'Notifications, events and files that a destination has taken since the start.',
      kind: 'counter',
      values: counted('delivered'),
    },
    {
      name: 'tertulia_outbox_failed_total',
      help: 'Attempts to deliver that failed since the start.',
      kind: 'counter',
      values: counted('failed'),
    },
    {
      name: 'tertulia_outbox_dead_total',
      help: 'What was given up since the start, as its destination rejected it.',
      kind: 'counter',
      values: counted('dead'),
    },
    {
      name: 'tertulia_outbox_parked_total',
      help: 'Lanes that were parked since the start: nothing is tried there until they are re-driven.',
      kind: 'counter',
      values: counted('parked'),
    },
  ];
}

/** What it has before it, which the store knows. */
export async function laneMetrics(store: Pick<LaneStore, 'laneSummary'>, clock: Clock): Promise<readonly Metric[]> {
  const summary = await store.laneSummary();
  const standing = (value: (each: LaneSummary) => number) =>
    summary.map((each) => ({ labels: { destination: each.destination }, value: value(each) }));
  return [
    {
      name: 'tertulia_outbox_waiting',
      help: 'Lanes in which something waits to be delivered.',
      kind: 'gauge',
      values: standing(({ waiting }) => waiting),
    },
    {
      name: 'tertulia_outbox_parked',
      help: 'Lanes that are parked.',
      kind: 'gauge',
      values: standing(({ parked }) => parked),
    },
    {
      name: 'tertulia_outbox_dead_letters',
      help: 'Dead letters that are kept.',
      kind: 'gauge',
      values: standing(({ deadLetters }) => deadLetters),
    },
    {
      name: 'tertulia_outbox_oldest_seconds',
      help: 'How long the oldest that waits or is parked has been waiting.',
      kind: 'gauge',
      values: standing(({ since }) => (since === undefined ? 0 : Math.max(0, clock.now() - since) / 1000)),
    },
  ];
}
