// GetLatest in pages: series in order of their names, read some at a time until a message is full.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Signal, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  type GetLatestRequest,
  GetLatestRequestSchema,
  type GetLatestResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { minuteUs } from "../history/buckets-of-time.ts";
import { toleranceUsOf } from "../history/silence.ts";
import { minuteOf } from "../history/touch-spans.ts";
import { answerRevision, type Reads } from "../read/answer-revision.ts";
import { readLatest } from "../read/latest.ts";
import { rowBytesOf } from "../read/page.ts";
import { readSilences } from "../read/silences.ts";
import { readMoment } from "../store/log.ts";
import { readWatermark } from "../store/watermark.ts";
import { checkMachines, toTimeUs } from "./check-request.ts";
import { PageBudget } from "./page-budget.ts";
import { openPage, type Paging } from "./paging.ts";

// At most 7 MB, if all are error reports with the longest texts allowed.
const seriesAtOnce = 2_000;
const minSeriesAtOnce = 100;

type Context = Paging & { kindOf: (name: string) => Promise<SignalKind>; abort: AbortSignal };

export async function getLatest(
  reads: Reads,
  request: GetLatestRequest,
  { kindOf, abort, ...paging }: Context,
): Promise<MessageInitShape<typeof GetLatestResponseSchema>> {
  checkMachines(request.machines);
  const { token, encode } = openPage(GetLatestRequestSchema, request, paging);
  const revision = token?.revision ?? (await answerRevision(reads, request.minCursor, abort));
  for (const name of request.signals) await kindOf(name);
  const all = await reads.catalog.select(request);
  const budget = new PageBudget(request.pageSize || Number.POSITIVE_INFINITY);
  const signals: Signal[] = [];
  // The last series that the answer covers completely.
  let lastId = token?.after.revision ?? 0;
  let full = false;
  for (let at = all.findIndex(({ id }) => id === lastId) + 1; at < all.length && !full; ) {
    const some = all.slice(at, at + Math.max(minSeriesAtOnce, Math.min(seriesAtOnce, budget.rows)));
    at += some.length;
    const idOf = new Map(some.map(({ id, machine, signal: name }) => [`${machine}\0${name}`, id]));
    const found = await readLatest(reads, { series: some, revision, abort });
    await addSilentSince(reads, found, { revision, abort });
    for (const record of found) {
      full = !budget.take(bytesOf(record));
      if (full) break;
      signals.push(record);
      lastId = idOf.get(`${record.machine}\0${record.signal}`)!;
    }
    if (!full) lastId = some.at(-1)!.id;
  }
  const place = { timeUs: 0, revision: lastId, position: 0 };
  return {
    signals,
    nextPageToken: full ? encode({ revision, after: place }) : "",
    cursor: reads.cursors.encode(revision),
  };
}

/** Adds the start of its machine's silence to each state, by the database's clock. */
async function addSilentSince(
  { database, catalog }: Reads,
  records: readonly Signal[],
  { revision, abort }: { revision: number; abort: AbortSignal },
): Promise<void> {
  const states = new Map(
    records.flatMap((one) =>
      one.record.case === "stateChange" ? [[one.machine, one] as const] : [],
    ),
  );
  if (states.size === 0) return;
  const { nowUs } = await readMoment(database, { abort });
  const watermark = await readWatermark(database, revision, { abort });
  const series = await catalog.select({ machines: [...states.keys()], signals: [] });
  const windows = [...Map.groupBy(series, ({ machine }) => machine)].map(([machine, mine]) => {
    return { machine, machineId: mine[0]!.machineId, series: mine, fromUs: nowUs, toUs: nowUs + 1 };
  });
  const silences = await readSilences(database, windows, { revision, watermark, abort });
  for (const [i, { machine, series: mine }] of windows.entries()) {
    const [silence] = silences[i]!;
    const state = states.get(machine)!;
    if (silence === undefined) continue;
    // If retention has left only the state, the state was the last sign of life.
    const leastUs = minuteOf(toTimeUs("time", state.time!)) + minuteUs + toleranceUsOf(mine);
    const sinceUs = Math.max(silence.fromUs, leastUs);
    if (sinceUs <= nowUs) state.silentSinceTime = toTimestamp(sinceUs);
  }
}

function bytesOf({ machine, unit, record }: Signal): number {
  const rowBytes = rowBytesOf(machine) + Buffer.byteLength(unit);
  if (record.case === "stateChange") return rowBytes + Buffer.byteLength(record.value.reason);
  if (record.case !== "errorReport") return rowBytes;
  return rowBytes + Buffer.byteLength(record.value.code) + Buffer.byteLength(record.value.message);
}
