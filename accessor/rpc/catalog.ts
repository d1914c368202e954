// Answers ListSignals from the catalog.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { SampleType, type SignalInfoSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type {
  ListSignalsRequest,
  ListSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { Turns } from "../../runtime/turns.ts";
import type { Listing } from "../read/answer-revision.ts";
import type { Series } from "../store/series.ts";
import { PageBudget } from "./page-budget.ts";
import { decodePageToken, encodePageToken, type TokenBasis } from "./page-token.ts";

export async function listSignals(
  catalog: Listing,
  { machines, pageSize, pageToken }: ListSignalsRequest,
  token: TokenBasis,
): Promise<MessageInitShape<typeof ListSignalsResponseSchema>> {
  const all = await catalog.select({ machines, signals: [] });
  const lastId = pageToken === "" ? undefined : decodePageToken(pageToken, token).revision;
  const after = all.find(({ id }) => id === lastId)?.signal ?? "";
  const turns = new Turns();
  const bySignal = new Map<string, Series[]>();
  for (const [i, series] of all.entries()) {
    if (i % seriesInARow === 0) await turns.pause();
    if (series.signal <= after) continue;
    const same = bySignal.get(series.signal);
    if (same === undefined) bySignal.set(series.signal, [series]);
    else same.push(series);
  }
  const left = [...bySignal].sort(([a], [b]) => compareText(a, b));
  const budget = new PageBudget(pageSize || Number.POSITIVE_INFINITY);
  const signals: MessageInitShape<typeof SignalInfoSchema>[] = [];
  for (const [name, series] of left) {
    if (signals.length % seriesInARow === 0) await turns.pause();
    const info = { name, kind: series[0]!.kind, ...declared(series), machineCount: series.length };
    if (
      !budget.take(
        entryBytes + info.units.reduce((sum, unit) => sum + 2 + Buffer.byteLength(unit), 0),
      )
    )
      break;
    signals.push(info);
  }
  const ended = { revision: left[signals.length - 1]?.[1][0]?.id ?? 0, after: nowhere };
  return {
    signals,
    nextPageToken: signals.length < left.length ? encodePageToken(ended, token) : "",
  };
}

// A page ends at a name; the token has an id with that name, since names never change.
const nowhere = { timeUs: 0, revision: 0, position: 0 };
/** Size of a signal without its list. */
const entryBytes = 250;
const maxUnitsListed = 100;
const seriesInARow = 512;

function declared(series: readonly Series[]) {
  const all = [...new Set(series.map(({ unit }) => unit).filter((unit) => unit !== ""))].sort(
    compareText,
  );
  const declaration = {
    units: all.slice(0, maxUnitsListed),
    unitsLeftOut: Math.max(0, all.length - maxUnitsListed),
    sampleTypes: sampleTypesOf(series),
  };
  const maxGapUs = series.reduce((most, item) => Math.max(most, item.maxGapUs ?? 0), 0);
  if (maxGapUs === 0) return declaration;
  const { seconds, nanos } = toTimestamp(maxGapUs);
  return { ...declaration, maxGap: { seconds, nanos } };
}

/** A series without a declared type is LINEAR. */
function sampleTypesOf(series: readonly Series[]): SampleType[] {
  const numeric = series.filter(({ kind }) => kind === SignalKind.NUMERIC);
  return [...new Set(numeric.map(({ sampleType }) => sampleType || SampleType.LINEAR))].sort(
    (a, b) => a - b,
  );
}
