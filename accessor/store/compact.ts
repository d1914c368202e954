// The compact() statement: one step's blocks, ends, roll-ups and new watermark, all or nothing.
import type { Hour } from "../compact/due.ts";
import type { Unreadable } from "../compact/gather.ts";
import type { NewBlock } from "../compact/rewrite.ts";
import type { SeriesRollup, StateRollup } from "../compact/rollups.ts";
import type { Summary } from "../history/summary.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import type { BlockHeader } from "./history.ts";

export type Step = {
  /** The watermark that the step starts from, and the one that it sets. */
  from: number;
  through: number;
  blocks: NewBlock[];
  ended: BlockHeader[];
  touched: Hour[];
  rollups: SeriesRollup[];
  touchedStates: Hour[];
  stateRollups: StateRollup[];
  unreadable: Unreadable[];
};

/** Commits a step. Fails, and leaves nothing behind, if the watermark is not at `from`. */
export async function commitStep(database: Database, step: Step): Promise<void> {
  const { blocks, ended, touched, rollups, touchedStates, stateRollups, unreadable } = step;
  const values: unknown[] = [
    step.from,
    step.through,
    toArray.int4(blocks.map(({ series }) => series.id)),
    toArray.int8(blocks.map(({ bucketUs }) => bucketUs)),
    toArray.int4(blocks.map(({ summary }) => summary.count)),
    ...summaryArrays(blocks.map(({ summary }) => summary)),
    toArray.bytea(blocks.map(({ payload }) => payload)),
    toArray.bytea(blocks.map(({ commits }) => commits)),
    toArray.int8(ended.map(({ blockId }) => blockId)),
    toArray.int4(ended.map(({ seriesId }) => seriesId)),
    toArray.int8(ended.map(({ bucketUs }) => bucketUs)),
    toArray.int4(touched.map(({ id }) => id)),
    toArray.int8(touched.map(({ hourUs }) => hourUs)),
    toArray.int4(rollups.map(({ series }) => series.id)),
    toArray.int8(rollups.map(({ hourUs }) => hourUs)),
    toArray.int8(rollups.map(({ summary }) => summary?.count ?? null)),
    ...summaryArrays(rollups.map(({ summary }) => summary)),
    toArray.int4(touchedStates.map(({ id }) => id)),
    toArray.int8(touchedStates.map(({ hourUs }) => hourUs)),
    toArray.int4(stateRollups.map(({ machineId }) => machineId)),
    toArray.int8(stateRollups.map(({ widthUs }) => widthUs)),
    toArray.int8(stateRollups.map(({ startUs }) => startUs)),
    toArray.int4(stateRollups.map(({ totals }) => totals.transitions)),
    toArray.int8(stateRollups.flatMap(({ totals }) => [...totals.timeUs])),
    toArray.int8(stateRollups.flatMap(({ totals }) => [...totals.coveredUs])),
    toArray.float8(stateRollups.flatMap(({ totals }) => [...totals.integral])),
    toArray.int8(unreadable.map(({ revision }) => revision)),
    toArray.int4(unreadable.map(({ seriesId }) => seriesId)),
    toArray.text(unreadable.map(({ reason }) => reason)),
  ];
  await database.compact(
    `select compact(${values.map((_, i) => `$${i + 1}${parameterTypes[i]}`).join(", ")})`,
    values,
    { name: "compact" },
  );
}

// As compact() declares them.
const summaryTypes = [
  "::int8[]",
  "::int8[]",
  "::int8[]",
  "::int8[]",
  "::int8[]",
  ...Array<string>(6).fill("::float8[]"),
];
const parameterTypes = [
  "::int8",
  "::int8",
  "::int4[]",
  "::int8[]",
  "::int4[]",
  ...summaryTypes,
  "::bytea[]",
  "::bytea[]",
  "::int8[]",
  "::int4[]",
  "::int8[]",
  "::int4[]",
  "::int8[]",
  "::int4[]",
  "::int8[]",
  "::int8[]",
  ...summaryTypes,
  "::int4[]",
  "::int8[]",
  "::int4[]",
  "::int8[]",
  "::int8[]",
  "::int4[]",
  "::int8[]",
  "::int8[]",
  "::float8[]",
  "::int8[]",
  "::int4[]",
  "::text[]",
];

/** In compact()'s order: times, then values. */
function summaryArrays(summaries: readonly (Summary | undefined)[]): Buffer[] {
  const times = ["firstUs", "lastUs", "minUs", "maxUs", "coveredUs"] as const;
  const values = ["sum", "min", "max", "first", "last", "integral"] as const;
  return [
    ...times.map((field) => toArray.int8(summaries.map((summary) => summary?.[field] ?? null))),
    ...values.map((field) => toArray.float8(summaries.map((summary) => summary?.[field] ?? null))),
  ];
}
