// GetVersion: a name for the data that an answer depends on. While the name is the same, so is the
// answer, for every caller.
import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  AggregateSamplesRequestSchema,
  type AggregateStatesRequest,
  AggregateStatesRequestSchema,
  type GetVersionRequest,
  type GetVersionResponseSchema,
  ListStateIntervalsRequestSchema,
  QuerySignalsRequestSchema,
  type SummarizeMachinesRequest,
  SummarizeMachinesRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { Window } from "../history/line-area.ts";
import { answerHead, type Reads } from "../read/answer-revision.ts";
import type { Head } from "../store/log.ts";
import type { Series } from "../store/series.ts";
import { type Part, readTouched, type StateWindows } from "../store/touched.ts";
import { checkMachines, toTimeRange, toTimeUs } from "./check-request.ts";
import type { SeenHistory } from "./page-token.ts";
import { openPage } from "./paging.ts";
import { compareWindow } from "./summarize-machines.ts";
import { type SilenceBasis, tellSilences } from "./version-silences.ts";
import { windowAt } from "./window.ts";

type Context = {
  kindOf: (name: string) => Promise<SignalKind>;
  nowMs: number;
  history: SeenHistory;
  abort: AbortSignal;
};

/**
 * What an answer depends on: the declarations of these series; these parts of them, and states
 * beyond them; silences of machines; and where its window ends, which commits move while the end is
 * in the future. A page after the first has a fixed revision, which no commit changes; only a
 * corrected declaration does.
 */
type Basis = {
  series: readonly Series[];
  parts: readonly Part[];
  states?: StateWindows;
  silences?: SilenceBasis;
  endUs?: number;
  fixed?: number;
};

export async function getVersion(
  reads: Reads,
  { query }: GetVersionRequest,
  context: Context,
): Promise<MessageInitShape<typeof GetVersionResponseSchema>> {
  const { database, tail, cursors } = reads;
  const { abort, history } = context;
  let head = await answerHead(reads, query.value?.minCursor ?? "", abort);
  for (;;) {
    const { revision } = head;
    const { series, parts, states, silences, endUs, fixed } = await basisOf(reads, query, {
      ...context,
      head,
    });
    // Labels may change back, while an answer from between is cached: so their change counts.
    const labels = history.descriptions ?? "";
    // A series without records in the range is part of the answer too.
    const listed = series
      .map(({ id, unit, maxGapUs, sampleType }) => `${id} ${unit} ${maxGapUs} ${sampleType}`)
      .join("\n");
    if (fixed !== undefined)
      return {
        version: nameOf([history.now, labels, "page", fixed, listed]),
        cursor: cursors.encode(fixed),
      };
    const touched = await readTouched(database, { parts, states }, { revision, abort });
    if (touched.newest > revision) {
      // Another accessor has compacted commits that this one has not read yet: the states in
      // `touched` are older than that.
      await tail.reach(touched.newest, abort);
      head = tail.head;
      continue;
    }
    const silenceTexts = await tellSilences(database, silences, { touched, head, abort });
    const removed = parts.some(({ fromUs }) => fromUs < touched.removedBeforeUs)
      ? touched.removals
      : 0;
    return {
      version: nameOf([
        history.now,
        labels,
        listed,
        touched.newest,
        ...silenceTexts,
        removed,
        endUs ?? "as asked",
      ]),
      cursor: cursors.encode(revision),
    };
  }
}

function nameOf(parts: readonly (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

async function basisOf(
  { catalog }: Reads,
  query: GetVersionRequest["query"],
  { head, ...context }: Context & { head: Head },
): Promise<Basis> {
  const { kindOf } = context;
  checkMachines(query.value?.machines ?? []);
  switch (query.case) {
    case "querySignals": {
      const request = query.value;
      await kindOf(request.signal);
      const { token } = openPage(QuerySignalsRequestSchema, request, context);
      const series = await catalog.select({
        machines: request.machines,
        signals: [request.signal],
      });
      if (token !== undefined) return { series, parts: [], fixed: token.revision };
      const range = toTimeRange(request.startTime, request.endTime);
      return { series, parts: series.map(({ id }) => ({ seriesId: id, ...range })) };
    }
    case "aggregateSamples": {
      const request = query.value;
      const { token } = openPage(AggregateSamplesRequestSchema, request, context);
      const series = await catalog.select(request);
      if (token !== undefined) return { series, parts: [], fixed: token.revision };
      const range = toTimeRange(request.startTime, request.endTime);
      return {
        series,
        parts: series.map((item) => withNeighbours(item, range)),
        endUs: windowAt(head, request).toUs,
      };
    }
    case "summarizeMachines": {
      const request = query.value;
      const { token } = openPage(SummarizeMachinesRequestSchema, request, context);
      const window = windowAt(head, request);
      const windows = [window, compareWindow(request, window)].filter((one) => one !== undefined);
      const basis = await basisOfMachines(catalog, reachOf(request), {
        signals: ["state", "error", "power"],
        windows,
      });
      if (token !== undefined) return { series: basis.series, parts: [], fixed: token.revision };
      return { ...basis, endUs: window.toUs };
    }
    case "aggregateStates": {
      const request = query.value;
      const { token } = openPage(AggregateStatesRequestSchema, request, context);
      const window = windowAt(head, request);
      const basis = await basisOfMachines(catalog, request, {
        signals: ["state", "power"],
        windows: [window],
      });
      if (token !== undefined) return { series: basis.series, parts: [], fixed: token.revision };
      return { ...basis, endUs: window.toUs };
    }
    default: {
      const request = query.value!;
      const { token } = openPage(ListStateIntervalsRequestSchema, request, context);
      // A machine's silences depend on the declarations of all its signals.
      const all = await catalog.select({ machines: request.machines, signals: [] });
      if (token !== undefined) return { series: all, parts: [], fixed: token.revision };
      const series = all.filter(({ kind }) => kind === SignalKind.STATE);
      const range = toTimeRange(request.startTime, request.endTime);
      const window = {
        fromUs: range.fromUs,
        toUs: Math.min(range.toUs, head.committedUs ?? range.toUs),
      };
      const states = { machineIds: machinesWithStates(series), ...window, wholeIntervals: true };
      return {
        series,
        parts: series.map(({ id }) => ({ seriesId: id, ...range })),
        states,
        silences: { series: all, ofIntervals: window },
        endUs: window.toUs,
      };
    }
  }
}

/** The basis for totals of a window's states; signals: the ones that they depend on. */
async function basisOfMachines(
  catalog: Reads["catalog"],
  request: SummarizeMachinesRequest | AggregateStatesRequest,
  { signals, windows }: { signals: readonly string[]; windows: readonly Window[] },
): Promise<Basis> {
  // A machine that has sent only other signals is part of the answer too.
  const series = await catalog.select({ machines: request.machines, signals: [] });
  const range = toTimeRange(request.startTime, request.endTime);
  const parts = series
    .filter(({ signal }) => signals.includes(signal))
    .map((item) =>
      item.kind === SignalKind.NUMERIC
        ? withNeighbours(item, range)
        : { seriesId: item.id, ...range },
    );
  const states = { machineIds: machinesWithStates(series), ...range, wholeIntervals: false };
  return { series, parts, states, silences: { series, windows } };
}

/**
 * A line reaches into a window from one sample beyond each end, if it is no longer than max_gap.
 */
function withNeighbours(
  { id, maxGapUs }: Series,
  { fromUs, toUs }: { fromUs: number; toUs: number },
): Part {
  return { seriesId: id, fromUs: fromUs - maxGapUs!, toUs: toUs + maxGapUs! + 1 };
}

/** The range that covers a summary and the one that it is compared with. */
function reachOf(request: SummarizeMachinesRequest) {
  const { startTime, compareStartTime: other } = request;
  const isEarlier =
    other !== undefined &&
    toTimeUs("compare_start_time", other) < toTimeUs("start_time", startTime!);
  // The other window ends no later than this one.
  return { ...request, startTime: isEarlier ? other : startTime };
}

const machinesWithStates = (series: readonly Series[]): number[] =>
  series.filter(({ kind }) => kind === SignalKind.STATE).map(({ machineId }) => machineId);
