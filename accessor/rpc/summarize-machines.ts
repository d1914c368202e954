// Answers SummarizeMachines in pages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type SummarizeMachinesRequest,
  SummarizeMachinesRequestSchema,
  type SummarizeMachinesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toDurationUs, toTimestamp } from "../../codec/timestamps.ts";
import { Failure } from "../domain/failure.ts";
import type { Window } from "../history/line-area.ts";
import type { Reads } from "../read/answer-revision.ts";
import { summarizeMachine } from "../read/machine-summary.ts";
import { intervalsOf } from "../read/peak-demand.ts";
import type { SilentTime } from "../read/silences.ts";
import type { Descriptions } from "../store/descriptions.ts";
import { readWatermark } from "../store/watermark.ts";
import { checkMachines, invalid, toTimeRange, toTimeUs } from "./check-request.ts";
import { readMachineSilences, silencesAtOnce } from "./machine-silences.ts";
import { PageBudget } from "./page-budget.ts";
import { openPage, type Paging } from "./paging.ts";
import { atOnce, someAtOnce } from "./some-at-once.ts";
import { groupByLabel, summarizeGroups } from "./summarize-groups.ts";
import { headOf, pagedWindow, windowAt } from "./window.ts";

const maxMachines = 1_000;
/** Size of a summary without its error codes. */
const summaryBytes = 1_200;

export async function summarizeMachines(
  reads: Reads & { descriptions: Descriptions },
  request: SummarizeMachinesRequest,
  { abort, ...paging }: Paging & { abort: AbortSignal },
): Promise<MessageInitShape<typeof SummarizeMachinesResponseSchema>> {
  checkMachines(request.machines);
  const { token, encode } = openPage(SummarizeMachinesRequestSchema, request, paging);
  const head = await headOf(reads, request, { token, abort });
  const { revision } = head;
  const window =
    token === undefined ? windowAt(head, request) : pagedWindow(request, token.after.timeUs);
  const series = await reads.catalog.select({ machines: request.machines, signals: [] });
  const byMachine = [...Map.groupBy(series, ({ machine }) => machine)];
  const watermark = await readWatermark(reads.database, revision, { abort });
  const demandUs = checkDemand(request.demandInterval, window);
  const compared = compareWindow(request, window);
  const answered = {
    cursor: reads.cursors.encode(revision),
    endTime: toTimestamp(window.toUs),
  };
  const tokenAfter = (machineId: number) =>
    encode({ revision, after: { timeUs: window.toUs, revision: machineId, position: 0 } });
  if (request.groupByLabel !== "") {
    if (demandUs !== undefined) throw noPeaks();
    const { descriptions } = reads;
    const { lastMachineId, ...page } = await summarizeGroups(reads, {
      groups: groupByLabel(byMachine, { key: request.groupByLabel, descriptions }),
      afterMachineId: token?.after.revision,
      pageSize: request.pageSize,
      window,
      compared,
      revision,
      watermark,
      abort,
    });
    const nextPageToken = lastMachineId === undefined ? "" : tokenAfter(lastMachineId);
    return { ...answered, ...page, nextPageToken };
  }
  const start =
    byMachine.findIndex(([, [first]]) => first!.machineId === token?.after.revision) + 1;
  const intervals = demandUs === undefined ? 1 : Math.max(1, intervalsOf(window, demandUs).count);
  const most = Math.max(1, Math.min(maxMachines, Math.floor(maxIntervalsInAll / intervals)));
  const budget = new PageBudget(Math.min(request.pageSize || most, most));
  const machines: Summary[] = [];
  const others: Summary[] = [];
  let full = false;
  let silent = new Map<number, SilentTime[]>();
  for (let at = start; at < byMachine.length && budget.rows > 0 && !full; at += atOnce) {
    const some = byMachine.slice(at, at + Math.min(atOnce, budget.rows));
    if (!some.every(([, mine]) => silent.has(mine[0]!.machineId))) {
      const next = byMachine.slice(at, at + Math.min(silencesAtOnce, budget.rows));
      silent = await readMachineSilences(reads, next, {
        windows: [window, compared].filter((one) => one !== undefined),
        revision,
        watermark,
        abort,
      });
    }
    const found = await someAtOnce(some, async ([machine, mine]) => {
      const { machineId } = mine[0]!;
      const [ofWindow, ofCompared] = silent.get(machineId)!;
      const of = { machine, machineId, series: mine, demandUs, revision, watermark, abort };
      const own = await summarizeMachine(reads, { ...of, ...window, silent: ofWindow! });
      if (compared === undefined) return [own];
      return [own, await summarizeMachine(reads, { ...of, ...compared, silent: ofCompared! })];
    });
    for (const [own, other] of found) {
      const bytes = bytesOfSummary(own!) + (other === undefined ? 0 : bytesOfSummary(other));
      full ||= !budget.take(bytes);
      if (full) break;
      machines.push(own!);
      if (other !== undefined) others.push(other);
    }
  }
  const end = start + machines.length;
  const lastId = byMachine[end - 1]?.[1][0]?.machineId ?? 0;
  const nextPageToken = end < byMachine.length ? tokenAfter(lastId) : "";
  return { ...answered, machines, compared: others, nextPageToken };
}

const noPeaks = () =>
  invalid(
    "demand_interval",
    "must not be set with group_by_label: the peaks of machines do not add up",
  );

const maxIntervals = 10_000;
/** For all machines of a page together. */
const maxIntervalsInAll = 100_000;
const minuteUs = 60_000_000;

function checkDemand(interval: Duration | undefined, window: Window): number | undefined {
  if (interval === undefined) return undefined;
  const intervalUs = toDurationUs(interval);
  if (!(intervalUs >= minuteUs && intervalUs <= 1_440 * minuteUs))
    throw invalid("demand_interval", "must be from 1 minute to 24 h");
  const { count } = intervalsOf(window, intervalUs);
  if (count <= maxIntervals) return intervalUs;
  const message = `the window has ${count} demand intervals, but ${maxIntervals} is the limit: ask for less time or longer ones`;
  throw new Failure("TOO_MANY_BUCKETS", message, {
    metadata: { max_buckets: String(maxIntervals) },
  });
}

/**
 * The window to compare with; undefined: none. Fails with REQUEST_INVALID and TIME_RANGE_INVALID.
 */
export function compareWindow(
  { compareStartTime, compareEndTime, endTime }: SummarizeMachinesRequest,
  { toUs: untilUs }: Pick<Window, "toUs">,
): Window | undefined {
  if (compareStartTime === undefined && compareEndTime === undefined) return undefined;
  if (compareStartTime === undefined)
    throw invalid("compare_start_time", "must come with compare_end_time");
  if (compareEndTime === undefined)
    throw invalid("compare_end_time", "must come with compare_start_time");
  const names = { start: "compare_start_time", end: "compare_end_time" };
  const { fromUs, toUs } = toTimeRange(compareStartTime, compareEndTime, names);
  if (endTime !== undefined && toUs > toTimeUs("end_time", endTime))
    throw invalid(
      "compare_end_time",
      "must not be after end_time: let the later window be the one that is compared",
    );
  return { fromUs, toUs: Math.max(fromUs, Math.min(toUs, untilUs)) };
}

type Summary = MessageInitShape<typeof MachineSummarySchema>;

function bytesOfSummary({ errors }: Summary): number {
  let bytes = summaryBytes;
  for (const { code = "" } of errors?.byCode ?? []) bytes += 20 + Buffer.byteLength(code);
  return bytes;
}
