// A row of the catalogue as PostgreSQL returns it, with its declaration.
import { z } from "zod";
import { Duplicates, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { sql } from "./sql.ts";
import { toNumbers } from "./summary-rows.ts";

export const seriesRow = z.object({
  id: z.number(),
  machine_id: z.number(),
  machine: z.string(),
  signal: z.string(),
  kind: z.number(),
  unit: z.string(),
  max_gap_us: z.number().nullable(),
  /** The text of an array. */
  learned_us: z.string().nullable(),
  learned_last_us: z.number().nullable(),
  stale_through: z.number().nullable(),
  bucket_us: z.number().nullable(),
  sample_type: z.number().nullable(),
  duplicates: z.number().nullable(),
  first_seen_us: z.number(),
});

export type SeriesRow = z.infer<typeof seriesRow>;

/** The select list for a row, from series joined with machine. */
export const seriesColumns = sql.fragment`series.id, machine_id, machine.name as machine, signal, kind, unit, max_gap_us,
  learned_us::text as learned_us, learned_last_us, stale_through, bucket_us, sample_type, duplicates, to_us(first_seen_at) as first_seen_us`;

/** The fields that a declaration may change. */
export const declaredBy = (row: SeriesRow) => ({
  unit: row.unit,
  maxGapUs: row.max_gap_us ?? undefined,
  sampleType: (row.sample_type ?? SampleType.UNSPECIFIED) as SampleType,
  duplicates: (row.duplicates ?? Duplicates.UNSPECIFIED) as Duplicates,
  rhythm:
    row.learned_us === null
      ? undefined
      : { distancesUs: toNumbers(row.learned_us), lastUs: row.learned_last_us ?? undefined },
  staleThrough: row.stale_through ?? -1,
  bucketUs: row.bucket_us ?? undefined,
});
