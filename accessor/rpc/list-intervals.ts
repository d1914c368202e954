// Answers ListStateIntervals in pages: intervals, and how long machines were silent in them.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import {
  type ListStateIntervalsRequest,
  ListStateIntervalsRequestSchema,
  type ListStateIntervalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { StateInterval } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { Failure } from "../domain/failure.ts";
import { minuteOf } from "../history/touch-spans.ts";
import { answerHead, type Reads } from "../read/answer-revision.ts";
import { readIntervals } from "../read/intervals.ts";
import { rowBytesOf } from "../read/page.ts";
import { readSilences } from "../read/silences.ts";
import { readWatermark } from "../store/watermark.ts";
import type { Asking } from "./answers.ts";
import { checkMachines, toTimeRange, toTimeUs } from "./check-request.ts";
import { PageBudget } from "./page-budget.ts";
import { openPage } from "./paging.ts";

export async function listStateIntervals(
  reads: Reads,
  request: ListStateIntervalsRequest,
  { abort, ...paging }: Asking,
): Promise<MessageInitShape<typeof ListStateIntervalsResponseSchema>> {
  const { database, catalog, cursors } = reads;
  checkMachines(request.machines);
  const range = toTimeRange(request.startTime, request.endTime);
  const { token, encode } = openPage(ListStateIntervalsRequestSchema, request, paging);
  // A token names where the page's last interval began, the machine (as a position), and where time
  // ended on the first page (as a revision).
  if (token?.after.position === 0) throw ofOlderVersion();
  const head =
    token === undefined
      ? await answerHead(reads, request.minCursor, abort)
      : { revision: token.revision, committedUs: token.after.revision };
  const { revision, committedUs: nowUs } = head;
  const cursor = cursors.encode(revision);
  if (nowUs === undefined) return { intervals: [], nextPageToken: "", cursor };
  const answered = { cursor, endTime: toTimestamp(Math.min(range.toUs, nowUs)) };
  // The whole range is in the future.
  if (range.fromUs >= nowUs) return { ...answered, intervals: [], nextPageToken: "" };
  const budget = new PageBudget(request.pageSize || 1_000);
  const states = request.states.filter((state) => state !== MachineState.UNSPECIFIED);
  const series = await catalog.select({ machines: request.machines, signals: ["state"] });
  const from =
    token === undefined
      ? 0
      : series.findIndex(({ machineId }) => machineId === token.after.position);
  const intervals: StateInterval[] = [];
  let last = { timeUs: 0, revision: nowUs, position: 0 };
  let full = false;
  for (const [i, { machine, machineId }] of series.slice(Math.max(from, 0)).entries()) {
    const afterUs = token !== undefined && i === 0 ? token.after.timeUs : Number.NEGATIVE_INFINITY;
    const rowBytes = rowBytesOf(machine);
    const found = await readIntervals(database, {
      machine,
      machineId,
      revision,
      states,
      afterUs,
      nowUs,
      limit: budget.rows + 1,
      fromUs: range.fromUs,
      toUs: Math.min(range.toUs, nowUs),
    });
    let kept = 0;
    while (kept < found.length && budget.take(rowBytes + Buffer.byteLength(found[kept]!.reason)))
      intervals.push(found[kept++]!);
    const end = found[kept - 1]?.startTime;
    if (end !== undefined)
      last = { ...last, timeUs: toTimeUs("start_time", end), position: machineId };
    full = kept < found.length;
    if (full) break;
  }
  const watermark = await readWatermark(database, revision, { abort });
  await addSilence(reads, intervals, { nowUs, revision, watermark, abort });
  return { ...answered, intervals, nextPageToken: full ? encode({ revision, after: last }) : "" };
}

/** Adds how much of each interval its machine was silent, and since when. */
async function addSilence(
  { database, catalog }: Reads,
  intervals: readonly StateInterval[],
  { nowUs, ...of }: { nowUs: number; revision: number; watermark: number; abort: AbortSignal },
): Promise<void> {
  if (intervals.length === 0) return;
  const startOf = ({ startTime }: StateInterval) => toTimeUs("start_time", startTime!);
  const endOf = ({ endTime }: StateInterval) =>
    endTime === undefined ? nowUs : toTimeUs("end_time", endTime);
  const byMachine = Map.groupBy(intervals, ({ machine }) => machine);
  const series = await catalog.select({ machines: [...byMachine.keys()], signals: [] });
  const windows = [...Map.groupBy(series, ({ machine }) => machine)].map(([machine, mine]) => {
    const own = byMachine.get(machine)!;
    return {
      machineId: mine[0]!.machineId,
      series: mine,
      own,
      fromUs: startOf(own[0]!),
      toUs: endOf(own.at(-1)!),
    };
  });
  const found = await readSilences(database, windows, of);
  for (const [i, { own }] of windows.entries()) {
    const silences = found[i]!;
    let first = 0;
    for (const interval of own) {
      const [fromUs, toUs] = [startOf(interval), endOf(interval)];
      while (first < silences.length && silences[first]!.toUs <= fromUs) first++;
      let silentUs = 0;
      let sinceUs: number | undefined;
      for (let at = first; at < silences.length && silences[at]!.fromUs < toUs; at++) {
        const silence = silences[at]!;
        silentUs += Math.min(silence.toUs, toUs) - Math.max(silence.fromUs, fromUs);
        // A silence ends with the minute of the record that ends the interval.
        const lastsUs = interval.endTime === undefined ? nowUs : minuteOf(toUs);
        if (silence.toUs >= lastsUs) sinceUs = Math.max(silence.fromUs, fromUs);
      }
      interval.silentTime = toDuration(silentUs);
      if (sinceUs !== undefined) interval.silentSinceTime = toTimestamp(sinceUs);
    }
  }
}

function ofOlderVersion(): Failure {
  const message = "page_token was issued by an older version: ask for the first page again";
  return new Failure("PAGE_TOKEN_EXPIRED", message, { metadata: { field: "page_token" } });
}
