// GetVersion: a name for what an answer hangs on. The same name, the same answer, whoever asks and whenever.
import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  type GetVersionRequest,
  type GetVersionResponseSchema,
  ListStateIntervalsRequestSchema,
  QuerySignalsRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { answerRevision, type Reads } from "../read/as-of.ts";
import { type Part, readTouched } from "../read/touched.ts";
import type { Series } from "../store/catalog.ts";
import { readStateReach } from "../store/state-runs.ts";
import { checkMachines, toTimeRange } from "./check-request.ts";
import { decodePageToken, queryHash } from "./page-token.ts";

type Context = {
  kindOf: (name: string) => Promise<SignalKind>;
  nowMs: number;
  /** The same for callers who see the same, in this history. */
  history: string;
  signal: AbortSignal;
};

/** What an answer hangs on: these parts of these series; all commits, where they move its end; or, of a page that is fixed, nothing. */
type Basis = { series: readonly Series[]; parts: readonly Part[]; movesOn?: boolean; fixed?: number };

export async function getVersion(
  reads: Reads,
  { query }: GetVersionRequest,
  context: Context,
): Promise<MessageInitShape<typeof GetVersionResponseSchema>> {
  const { database, tail, cursors } = reads;
  const { signal, history } = context;
  const revision = await answerRevision(reads, query.value?.minCursor ?? "", signal);
  const { series, parts, movesOn = false, fixed } = await basisOf(reads, query, { ...context, revision });
  if (fixed !== undefined) return { version: nameOf([history, "page", fixed]), cursor: cursors.encode(fixed) };
  const { newest, removals, removedBeforeUs } = await readTouched(database, parts, { revision, signal });
  // Another accessor may have compacted what has not come here yet.
  const through = Math.max(revision, newest);
  const removed = parts.some(({ fromUs }) => fromUs < removedBeforeUs) ? removals : 0;
  // A series that has sent nothing in the range has its place in the answer too.
  const listed = series.map(({ id, unit, maxGapUs }) => `${id} ${unit} ${maxGapUs}`).join("\n");
  await tail.reach(through, signal);
  return {
    version: nameOf([history, listed, movesOn ? through : newest, removed]),
    cursor: cursors.encode(through),
  };
}

function nameOf(parts: readonly (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

async function basisOf(
  reads: Reads,
  query: GetVersionRequest["query"],
  context: Context & { revision: number },
): Promise<Basis> {
  const { catalog } = reads;
  const { kindOf, nowMs, history } = context;
  checkMachines(query.value?.machines ?? []);
  switch (query.case) {
    case "querySignals": {
      const request = query.value;
      await kindOf(request.signal);
      if (request.pageToken !== "") {
        const hash = queryHash(QuerySignalsRequestSchema, { request, history });
        return { series: [], parts: [], fixed: decodePageToken(request.pageToken, { query: hash, nowMs }).revision };
      }
      const series = await catalog.select({ machines: request.machines, signals: [request.signal] });
      const range = toTimeRange(request.startTime, request.endTime);
      return { series, parts: series.map(({ id }) => ({ seriesId: id, ...range })) };
    }
    case "aggregateSamples": {
      const request = query.value;
      const series = await catalog.select(request);
      const range = toTimeRange(request.startTime, request.endTime);
      return {
        series,
        parts: series.map((item) => withNeighbours(item, range)),
        movesOn: request.endTime === undefined,
      };
    }
    case "summarizeMachines": {
      const request = query.value;
      const series = await catalog.select({ machines: request.machines, signals: [] });
      const range = toTimeRange(request.startTime, request.endTime);
      const states = await stateParts(reads, series, { ...range, ...context, goesOn: false });
      const others = series.flatMap((item) => {
        if (item.kind === SignalKind.EVENT) return [{ seriesId: item.id, ...range }];
        return item.signal === "power" ? [withNeighbours(item, range)] : [];
      });
      return { series, parts: [...states, ...others], movesOn: request.endTime === undefined };
    }
    default: {
      const request = query.value!;
      if (request.pageToken !== "") {
        const hash = queryHash(ListStateIntervalsRequestSchema, { request, history });
        return { series: [], parts: [], fixed: decodePageToken(request.pageToken, { query: hash, nowMs }).revision };
      }
      const series = await catalog.select({ machines: request.machines, signals: ["state"] });
      const range = toTimeRange(request.startTime, request.endTime);
      return { series, parts: await stateParts(reads, series, { ...range, ...context, goesOn: true }) };
    }
  }
}

/** A line reaches into a window from one sample past each end, if it is no longer than max_gap. */
function withNeighbours({ id, maxGapUs }: Series, { fromUs, toUs }: { fromUs: number; toUs: number }): Part {
  return { seriesId: id, fromUs: fromUs - maxGapUs!, toUs: toUs + maxGapUs! + 1 };
}

/** Back to where the state at the start of the window came from; and, where whole intervals are told, on to where that at its end goes. */
async function stateParts(
  { database }: Reads,
  series: readonly Series[],
  {
    fromUs,
    toUs,
    revision,
    goesOn,
    signal,
  }: Context & { fromUs: number; toUs: number; revision: number; goesOn: boolean },
): Promise<Part[]> {
  const states = series.filter(({ kind }) => kind === SignalKind.STATE);
  if (states.length === 0) return [];
  const machineIds = states.map(({ machineId }) => machineId);
  const reaches = await readStateReach(database, { machineIds, revision, fromUs, toUs }, { signal });
  const byMachine = new Map(reaches.map((reach) => [reach.machineId, reach]));
  return states.map(({ id, machineId }) => {
    const { sinceUs, untilUs } = byMachine.get(machineId)!;
    return { seriesId: id, fromUs: Math.min(sinceUs, fromUs), toUs: goesOn ? Math.max(toUs, untilUs + 1) : toUs };
  });
}
