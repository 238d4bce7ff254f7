import { durations, type Histogram, histogram } from '../runtime/histogram.ts';
import { by, type Metric, plain } from '../runtime/metrics.ts';
import type { AppendOutcome, ChangeOutcome } from './store.ts';

/** What became of the commits since the start. */
export interface CommitCounts {
  appended(outcome: AppendOutcome | 'failed'): void;
  changed(outcome: ChangeOutcome | 'failed'): void;
  /** So many shared a transaction that took so long. */
  wrote(lane: Lane, commits: number, ms: number): void;
  /** `inFlight` are those that were asked for and have no answer. */
  metrics(inFlight: number): readonly Metric[];
}

/** Who shares transactions: in SQLite all do, in PostgreSQL appends, and each change has its own. */
export type Lane = 'all' | 'append' | 'change';

const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export function openCommitCounts(lanes: readonly Lane[]): CommitCounts {
  const appends = { done: 0, again: 0, refused: 0, failed: 0 };
  const changes = { done: 0, again: 0, stale: 0, failed: 0 };
  const batches = histogram(sizes);
  const seconds: Partial<Record<Lane, Histogram>> = Object.fromEntries(
    lanes.map((lane) => [lane, histogram(durations)]),
  );
  const ofKind = (kind: string, counts: Readonly<Record<string, number>>) =>
    by('outcome', counts).map(({ labels, value }) => ({ labels: { kind, ...labels }, value }));
  return {
    appended(outcome) {
      if (outcome === 'failed') appends.failed += 1;
      else if ('refused' in outcome) appends.refused += 1;
      else if (outcome.again) appends.again += 1;
      else appends.done += 1;
    },
    changed(outcome) {
      if (outcome === 'failed') changes.failed += 1;
      else if ('done' in outcome) changes.done += 1;
      else if ('again' in outcome) changes.again += 1;
      else changes.stale += 1;
    },
    wrote(lane, commits, ms) {
      if (lane !== 'change') batches.observe(commits);
      seconds[lane]?.observe(ms / 1000);
    },
    metrics: (inFlight) => [
      {
        name: 'tertulia_commits_total',
        help: 'What was asked of the store to be written: done, answered from a repeated token, refused, stale or failed.',
        kind: 'counter',
        values: [...ofKind('append', appends), ...ofKind('change', changes)],
      },
      {
        name: 'tertulia_commits_in_flight',
        help: 'What the store is asked to write and has not answered.',
        kind: 'gauge',
        values: plain(inFlight),
      },
      {
        name: 'tertulia_commit_batch_size',
        help: 'How many commits shared a transaction.',
        kind: 'histogram',
        values: plain(batches),
      },
      {
        name: 'tertulia_commit_duration_seconds',
        help: 'How long transactions took until they were on disk: all of SQLite, or of PostgreSQL batches of appends and single changes.',
        kind: 'histogram',
        values: by('lane', seconds as Record<string, Histogram>),
      },
    ],
  };
}
