// Intervals that a machine spent in its states, as of a revision: with their true starts and ends, be they outside of the range.
import { create } from "@bufbuild/protobuf";
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { type StateInterval, StateIntervalSchema } from "#gen/millrace/v1/summary_pb.ts";
import { toIntervals } from "../history/state-intervals.ts";
import type { Database } from "../store/database.ts";
import { readStateRun, type StateRunRow } from "../store/state-runs.ts";
import { toTimestamp } from "./page.ts";

export type IntervalQuery = {
  machine: string;
  machineId: number;
  /** Intervals that end after this … */
  fromUs: number;
  /** … and begin before this. */
  toUs: number;
  revision: number;
  states: readonly MachineState[];
  /** Only intervals that begin after this. */
  afterUs: number;
  limit: number;
};

/** Ascending; at most limit. */
export async function readIntervals(database: Database, query: IntervalQuery): Promise<StateInterval[]> {
  const { machine, machineId, fromUs, toUs, revision, states, afterUs, limit } = query;
  const found: StateInterval[] = [];
  let startUs = Math.max(fromUs, afterUs);
  for (;;) {
    const pageSize = Math.max(1_000, 2 * limit);
    const rows = await readStateRun(database, { machineId, fromUs: startUs, toUs, revision, limit: pageSize });
    const more = rows.length === pageSize;
    const intervals = toIntervals(rows);
    const reasons = new Map(rows.map((row) => [row.timeUs, row.reason]));
    // The last one of a full page may go on in the next.
    for (const interval of more ? intervals.slice(0, -1) : intervals) {
      if (
        interval.startUs <= afterUs ||
        interval.startUs >= toUs ||
        (interval.endUs ?? Number.POSITIVE_INFINITY) <= fromUs
      )
        continue;
      if (states.length > 0 && !states.includes(interval.state as MachineState)) continue;
      found.push(
        create(StateIntervalSchema, {
          machine,
          state: interval.state as MachineState,
          reason: reasons.get(interval.startUs)!,
          startTime: toTimestamp(interval.startUs),
          ...(interval.endUs === undefined ? {} : { endTime: toTimestamp(interval.endUs) }),
        }),
      );
      if (found.length === limit) return found;
    }
    if (!more) return found;
    startUs = nextStart(rows, intervals.at(-1)!.startUs);
  }
}

/** Where to read on: at the interval that is not complete, or past a page that holds nothing but it. */
function nextStart(rows: readonly StateRunRow[], lastStartUs: number): number {
  return rows[0]!.timeUs < lastStartUs ? lastStartUs : rows.at(-1)!.timeUs;
}
