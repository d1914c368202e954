// The limits of a step of compaction.

/** It decodes to about 50 MB at most, and takes about half a second. */
export const stepLimits = {
  maxRows: 10_000,
  maxPayloadBytes: 4 * 1024 * 1024,
  maxSamples: 500_000,
  maxBuckets: 20_000,
  maxWeeks: 200,
  maxTouchedHours: 20_000,
  maxRewritten: 2_000_000,
  maxAtOnce: 262_144,
  maxRollups: 500,
  maxPartitions: 16,
  maxDropped: 10_000,
};
