/** How often values were how large, in buckets that are fixed: counting one costs some comparisons and two additions. */

export interface Distribution {
  /** Upper bounds of the buckets, ascending; what is larger than the last has a bucket of its own. */
  readonly bounds: readonly number[];
  /** How many values are in each bucket, and in no smaller one. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface Histogram extends Distribution {
  observe(value: number): void;
}

/** Seconds: from half a millisecond, what a commit takes, to what no client waits for. */
export const durations: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

export function histogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    bounds,
    counts,
    get sum() {
      return sum;
    },
    observe(value) {
      let index = 0;
      while (index < bounds.length && value > (bounds[index] as number)) index += 1;
      counts[index] = (counts[index] as number) + 1;
      sum += value;
    },
  };
}
