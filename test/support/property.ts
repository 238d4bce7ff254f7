/**
 * How often a property is tried, and from which seed: always the same, so that a run repeats the one before. With
 * `PROPERTY_SEED` in the environment another one is walked.
 */
export function property(runs: number): { numRuns: number; seed: number } {
  return { numRuns: runs, seed: Number(process.env.PROPERTY_SEED ?? 1) };
}
