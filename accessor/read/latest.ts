// The newest record of each series as of a revision, ascending by machine, then signal.
import { create } from "@bufbuild/protobuf";
import { type Signal, SignalKind, SignalSchema } from "#gen/millrace/v1/signal_pb.ts";
import { compareText } from "../../codec/compare-text.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { readLatestErrors, readLatestStates } from "../store/events.ts";
import type { Series } from "../store/series.ts";
import type { Reads } from "./answer-revision.ts";
import { readLatestSamples } from "./latest-samples.ts";
import { toErrorSignal, toStateSignal } from "./page.ts";

export async function readLatest(
  { database }: Reads,
  { series, revision, abort }: { series: readonly Series[]; revision: number; abort: AbortSignal },
): Promise<Signal[]> {
  const of = (kind: SignalKind) => series.filter((item) => item.kind === kind);
  const machines = (kind: SignalKind) => of(kind).map(({ machineId }) => machineId);
  const [states, errors, samples] = await Promise.all([
    machines(SignalKind.STATE).length === 0
      ? []
      : readLatestStates(database, machines(SignalKind.STATE), revision),
    machines(SignalKind.EVENT).length === 0
      ? []
      : readLatestErrors(database, machines(SignalKind.EVENT), revision),
    of(SignalKind.NUMERIC).length === 0
      ? []
      : readLatestSamples(database, of(SignalKind.NUMERIC), { through: revision, abort }),
  ]);
  const values = samples.map(({ series: { machine, signal: name, unit }, timeUs, value }) =>
    create(SignalSchema, {
      machine,
      signal: name,
      unit,
      time: toTimestamp(timeUs),
      record: { case: "value", value },
    }),
  );
  return [...states.map(toStateSignal), ...errors.map(toErrorSignal), ...values].sort(
    (a, b) => compareText(a.machine, b.machine) || compareText(a.signal, b.signal),
  );
}
