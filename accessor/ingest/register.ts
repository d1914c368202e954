// Registers what a batch brings for the first time, as far as its caller's quotas go.
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type Refusal, RefusalSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { toDurationUs } from "../../samples/timestamps.ts";
import { Failure } from "../failure.ts";
import type { Catalog, NewSeries, QuotaLimit, Quotas } from "../store/catalog.ts";
import { defaultMaxGapUs } from "./bounds.ts";

type Registering = { events: boolean; errors: boolean; catalog: Catalog; holder: string; quotas: Quotas };

/**
 * declaring: which columns have a record that may be stored. Answers with the limit that was
 * reached, if one was: then some are not there.
 */
export async function registerNew(
  batch: Batch,
  declaring: readonly boolean[],
  { events, errors, catalog, holder, quotas }: Registering,
): Promise<QuotaLimit | undefined> {
  const { machine } = batch;
  const fresh = new Map<string, NewSeries>();
  const consider = (series: NewSeries) => {
    if (catalog.find(machine, series.signal) === undefined && !fresh.has(series.signal))
      fresh.set(series.signal, series);
  };
  if (events) consider({ machine, signal: "state", kind: SignalKind.STATE, unit: "", maxGapUs: undefined });
  if (errors) consider({ machine, signal: "error", kind: SignalKind.EVENT, unit: "", maxGapUs: undefined });
  for (const [i, { signal, unit, maxGap }] of batch.samples.entries()) {
    const maxGapUs = maxGap === undefined ? defaultMaxGapUs : toDurationUs(maxGap);
    if (declaring[i]) consider({ machine, signal, kind: SignalKind.NUMERIC, unit, maxGapUs });
  }
  if (fresh.size === 0) return undefined;
  const limit = await catalog.register(machine, [...fresh.values()], { holder, quotas });
  if (limit !== undefined) return limit;
  for (const signal of fresh.keys()) {
    if (catalog.find(machine, signal) === undefined)
      throw new Failure("INTERNAL", `series ${machine}/${signal} could not be registered`);
  }
  return undefined;
}

/** What a caller is told that may register no more. */
export function quotaRefusal(limit: QuotaLimit, { holder, quotas }: Pick<Registering, "holder" | "quotas">): Refusal {
  const isOwn = limit.endsWith("-per-key");
  const { machines, series } = isOwn ? quotas.of(holder) : quotas.all;
  const what = limit.startsWith("machines") ? `${machines} machines` : `${series} signals of machines`;
  const whose = isOwn ? "you may register" : "this server registers";
  const message = `${whose} at most ${what}: send known ones only, or have the operator raise --max-${limit}`;
  return create(RefusalSchema, { reason: ErrorReason.QUOTA_EXCEEDED, message });
}
