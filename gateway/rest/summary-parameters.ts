// Parameters of every request for summaries of machines: window, peak demand, another window.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SummarizeMachinesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import {
  durationParameter,
  type ResolvedTime,
  timeParameter,
  type ValuesOf,
} from "./parameters.ts";
import { minCursor, names, times, windowEnd, windowStart } from "./route-parameters.ts";
import { toDuration, toTimestamp } from "./time.ts";

export const summaryQuery = {
  from: windowStart,
  to: windowEnd,
  demand_interval: durationParameter(
    "Also give the peak demand: the highest mean power of an interval of this length in the window (15m for quarter hours). 1m to 24h.",
  ),
  compare_from: timeParameter(
    "Also sum up another window, as `compared`: its start. Together with compare_to.",
  ),
  compare_to: timeParameter("End of the other window, exclusive; not after `to`."),
  min_cursor: minCursor,
};

export type SummaryQuery = typeof summaryQuery;

export const summaryParameterByField = {
  ...names,
  ...times,
  compare_start_time: "compare_from",
  compare_end_time: "compare_to",
};

type Asked = Pick<ValuesOf<SummaryQuery>, "demand_interval" | "compare_from" | "compare_to">;

const toTime = (time: ResolvedTime | undefined) =>
  time === undefined ? undefined : toTimestamp(time.us);

export function toSummaryFields(
  query: Asked,
): MessageInitShape<typeof SummarizeMachinesRequestSchema> {
  const [compareStartTime, compareEndTime] = [toTime(query.compare_from), toTime(query.compare_to)];
  return {
    ...(query.demand_interval === undefined
      ? {}
      : { demandInterval: toDuration(query.demand_interval) }),
    ...(compareStartTime === undefined ? {} : { compareStartTime }),
    ...(compareEndTime === undefined ? {} : { compareEndTime }),
  };
}
