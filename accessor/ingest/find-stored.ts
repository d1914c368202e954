// Looks up which records of a batch the history and the log have already, as of a revision: in the
// database, so for any age of a record.
import type { Column } from "../../codec/column.ts";
import { chooseBucketUs } from "../history/buckets-of-time.ts";
import { mergePieces } from "../read/pieces.ts";
import { seriesPieces } from "../read/series-pieces.ts";
import { sweep } from "../read/sweep.ts";
import type { Database } from "../store/database.ts";
import type { Series } from "../store/series.ts";
import { type Marks, markStored } from "./equal-samples.ts";

/** A column whose stored samples are marked. */
export type Marking = { series: Series; column: Column; marks: Marks };

type Span = { fromUs: number; toUs: number };

/** A gap of so many buckets is read along: that costs less than another look. */
const maxGapBuckets = 8;

/** Marks the samples of some columns that are stored as of a revision. */
export async function markInDatabase(
  database: Database,
  columns: readonly Marking[],
  { revision, abort }: { revision: number; abort: AbortSignal },
): Promise<void> {
  for (const { span, markings } of spansOf(columns)) {
    const bySeries = new Map(markings.map((marking) => [marking.series, marking]));
    const sources = await seriesPieces(
      { database },
      { series: [...bySeries.keys()], ...span, revision },
      { maxSamples: Number.POSITIVE_INFINITY, withRevisions: false, abort },
    );
    const options = { ...span, minSamples: 1, budget: database.sampleBudget };
    for await (const { parts } of sweep(sources, options))
      for (const [series, pieces] of parts) {
        const { column, marks } = bySeries.get(series)!;
        markStored(column, mergePieces(pieces), marks);
      }
  }
}

/**
 * The spans of time that the columns have samples in, each with its columns: of a column with
 * samples from two years, the time between is not read. Columns with one and the same span, as most
 * of a batch have, are looked up together.
 */
function spansOf(columns: readonly Marking[]): { span: Span; markings: Marking[] }[] {
  const found = new Map<string, { span: Span; markings: Marking[] }>();
  for (const marking of columns)
    for (const span of spansOfColumn(marking)) {
      const key = `${span.fromUs} ${span.toUs}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { span, markings: [marking] });
      else known.markings.push(marking);
    }
  return [...found.values()];
}

function* spansOfColumn({
  series,
  column: { timesUs },
}: Marking): Generator<Span, void, undefined> {
  const maxGapUs = maxGapBuckets * chooseBucketUs(series);
  for (let from = 0; from < timesUs.length; ) {
    let to = from + 1;
    while (to < timesUs.length && timesUs[to]! - timesUs[to - 1]! <= maxGapUs) to++;
    yield { fromUs: timesUs[from]!, toUs: timesUs[to - 1]! + 1 };
    from = to;
  }
}
