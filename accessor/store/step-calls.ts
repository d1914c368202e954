// Calls of the SQL functions by which a step of compaction writes: rows as columns, in the order of
// the parameters in functions/step.sql and functions/alive.sql.
import type { QueryConfig } from "pg";
import type { Summary } from "../history/summary.ts";
import { toArray } from "./binary-arrays.ts";
import type {
  Hour,
  HourRange,
  Rewritten,
  SeriesRollup,
  StateRollup,
  Touch,
  Unreadable,
} from "./step-rows.ts";

export const addBlocks = (through: number, { blocks, ended }: Rewritten): QueryConfig =>
  call("add_blocks", [
    ["int8", through],
    ["int4[]", toArray.int4(blocks.map(({ series }) => series.id))],
    ["int8[]", toArray.int8(blocks.map(({ bucketUs }) => bucketUs))],
    ["int4[]", toArray.int4(blocks.map(({ summary }) => summary.count))],
    ...summaryColumns(blocks.map(({ summary }) => summary)),
    ["bytea[]", toArray.bytea(blocks.map(({ payload }) => payload))],
    ["bytea[]", toArray.bytea(blocks.map(({ commits }) => commits))],
    ["int8[]", toArray.int8(ended.map(({ blockId }) => blockId))],
    ["int4[]", toArray.int4(ended.map(({ seriesId }) => seriesId))],
    ["int8[]", toArray.int8(ended.map(({ bucketUs }) => bucketUs))],
  ]);

export const noteTouched = (touches: readonly Touch[]): QueryConfig =>
  call("note_touched", [
    ["int4[]", toArray.int4(touches.map(({ seriesId }) => seriesId))],
    ["int8[]", toArray.int8(touches.map(({ minuteUs }) => minuteUs))],
    ["int8[]", toArray.int8(touches.map(({ revision }) => revision))],
  ]);

export const noteAlive = (through: number, touches: readonly Touch[]): QueryConfig =>
  call("note_alive", [
    ["int8", through],
    ["int4[]", toArray.int4(touches.map(({ seriesId }) => seriesId))],
    ["int8[]", toArray.int8(touches.map(({ minuteUs }) => minuteUs))],
  ]);

/** Hours of machines that change, and ranges in which existing roll-ups change. */
export const touchStates = (
  through: number,
  touched: readonly HourRange[],
  governed: readonly HourRange[],
): QueryConfig =>
  call("touch_states", [["int8", through], ...rangeColumns(touched), ...rangeColumns(governed)]);

export const noteChangedHours = (through: number, hours: readonly Hour[]): QueryConfig =>
  call("note_changed_hours", [
    ["int8", through],
    ["int4[]", toArray.int4(hours.map(({ id }) => id))],
    ["int8[]", toArray.int8(hours.map(({ hourUs }) => hourUs))],
  ]);

export const addHourRollups = (validFrom: number, rollups: readonly SeriesRollup[]): QueryConfig =>
  call("add_hour_rollups", [
    ["int8", validFrom],
    ["int4[]", toArray.int4(rollups.map(({ series }) => series.id))],
    ["int8[]", toArray.int8(rollups.map(({ hourUs }) => hourUs))],
    ["int8[]", toArray.int8(rollups.map(({ summary }) => summary?.count ?? null))],
    ...summaryColumns(rollups.map(({ summary }) => summary)),
  ]);

/** Five numbers per row in each of the last three: one for each state. */
export const addStateRollups = (validFrom: number, rollups: readonly StateRollup[]): QueryConfig =>
  call("add_state_rollups", [
    ["int8", validFrom],
    ["int4[]", toArray.int4(rollups.map(({ machineId }) => machineId))],
    ["int8[]", toArray.int8(rollups.map(({ widthUs }) => widthUs))],
    ["int8[]", toArray.int8(rollups.map(({ startUs }) => startUs))],
    ["int4[]", toArray.int4(rollups.map(({ totals }) => totals.transitions))],
    ["int8[]", toArray.int8(rollups.flatMap(({ totals }) => [...totals.timeUs]))],
    ["int8[]", toArray.int8(rollups.flatMap(({ totals }) => [...totals.coveredUs]))],
    [
      "float8[]",
      toArray.float8(rollups.flatMap(({ totals }) => totals.integral.map(({ high }) => high))),
    ],
  ]);

export const noteUnreadable = (rows: readonly Unreadable[]): QueryConfig =>
  call("note_unreadable", [
    ["int8[]", toArray.int8(rows.map(({ revision }) => revision))],
    ["int4[]", toArray.int4(rows.map(({ seriesId }) => seriesId))],
    ["text[]", toArray.text(rows.map(({ reason }) => reason))],
  ]);

type Parameter = readonly [type: string, value: number | Buffer];

function call(name: string, parameters: readonly Parameter[]): QueryConfig {
  const places = parameters.map(([type], i) => `$${i + 1}::${type}`);
  return {
    text: `select ${name}(${places.join(", ")})`,
    values: parameters.map(([, value]) => value),
  };
}

const rangeColumns = (ranges: readonly HourRange[]): Parameter[] => [
  ["int4[]", toArray.int4(ranges.map(({ machineId }) => machineId))],
  ["int8[]", toArray.int8(ranges.map(({ fromUs }) => fromUs))],
  ["int8[]", toArray.int8(ranges.map(({ toUs }) => toUs))],
];

/** Times, then values. */
function summaryColumns(summaries: readonly (Summary | undefined)[]): Parameter[] {
  const times = ["firstUs", "lastUs", "minUs", "maxUs", "coveredUs"] as const;
  const values = ["min", "max", "first", "last"] as const;
  const floats = (of: (summary: Summary) => number): Parameter => [
    "float8[]",
    toArray.float8(summaries.map((summary) => (summary === undefined ? null : of(summary)))),
  ];
  return [
    ...times.map(
      (field): Parameter => [
        "int8[]",
        toArray.int8(summaries.map((summary) => summary?.[field] ?? null)),
      ],
    ),
    floats(({ sum }) => sum.high),
    ...values.map((field) => floats((summary) => summary[field])),
    floats(({ integral }) => integral.high),
  ];
}
