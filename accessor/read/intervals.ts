// Intervals that a machine spent in its states, as of a revision, with their true starts and ends,
// even outside the range.

import { create } from "@bufbuild/protobuf";
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { type StateInterval, StateIntervalSchema } from "#gen/millrace/v1/summary_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { clamp } from "../store/binary-arrays.ts";
import type { Database } from "../store/database.ts";
import { readNextState, readStateAt, readStateRuns, type StateRun } from "../store/state-runs.ts";

export type IntervalQuery = {
  machine: string;
  machineId: number;
  /** Intervals that end after this … */
  fromUs: number;
  /** … and begin before this. */
  toUs: number;
  /** The end of time: an interval that would end later is still open. */
  nowUs: number;
  revision: number;
  states: readonly MachineState[];
  /** Only intervals that begin after this. */
  afterUs: number;
  limit: number;
};

const changesPerPage = 5_000;

/** Ascending; at most limit. */
export async function readIntervals(
  database: Database,
  query: IntervalQuery,
): Promise<StateInterval[]> {
  const { machine, machineId, revision, states, afterUs, limit } = query;
  const of = { machineId, revision };
  const [fromUs, toUs] = [clamp(query.fromUs), clamp(query.toUs)];
  const found: StateInterval[] = [];
  const add = ({ timeUs, state, reason }: StateRun, endUs: number | undefined) => {
    if (timeUs <= afterUs || (states.length > 0 && !states.includes(state as MachineState))) return;
    const startTime = toTimestamp(timeUs);
    const end = endUs === undefined || endUs > query.nowUs ? {} : { endTime: toTimestamp(endUs) };
    found.push(
      create(StateIntervalSchema, {
        machine,
        state: state as MachineState,
        reason,
        startTime,
        ...end,
      }),
    );
  };
  let doneUs = Math.max(fromUs, clamp(afterUs));
  let held = await readStateAt(database, { ...of, atUs: doneUs });
  for (;;) {
    const page = { afterUs: doneUs, toUs, limit: Math.min(changesPerPage, 2 * limit + 2) };
    const runs = await readStateRuns(database, { ...of, ...page });
    for (const run of runs) {
      if (run.state === held?.state) continue;
      if (held !== undefined) add(held, run.timeUs);
      held = run;
      if (found.length === limit) return found;
    }
    if (runs.length < page.limit) break;
    doneUs = runs.at(-1)!.timeUs;
  }
  if (held !== undefined)
    add(held, await readNextState(database, { ...of, fromUs: toUs, state: held.state }));
  return found;
}
