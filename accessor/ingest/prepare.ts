import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { mergeColumns } from "../../codec/column-merge.ts";
import { machineNameFault, readMachineName } from "../../codec/machine-name.ts";
import type { Fault } from "../../codec/row/text-fault.ts";
import { readUnit } from "../../codec/unit.ts";
import { toColumn } from "../../codec/wire/samples.ts";
import { Turns } from "../../runtime/turns.ts";
import { oldestTaken, type Retention } from "../domain/retention.ts";
import type { Rhythm } from "../history/infer-gap.ts";
import type { Catalog } from "../store/catalog.ts";
import { isLearning, type QuotaLimit } from "../store/declare.ts";
import type { Quotas, Series } from "../store/series.ts";
import { acceptErrorReports, acceptStateChanges, rejectEvents } from "./check-events.ts";
import {
  acceptableTimes,
  acceptSamples,
  columnFault,
  declarationFault,
  hasAcceptable,
} from "./check-samples.ts";
import { declareEvents } from "./declare-events.ts";
import { digestOf } from "./digest.ts";
import { type Prepared, refuse } from "./prepared.ts";
import { refusalFor, refusalOf } from "./refusal.ts";
import {
  declarationsOf,
  declares,
  quotaRefusal,
  registerNew,
  updateDeclaration,
} from "./register.ts";
import type { Repeats } from "./repeats.ts";
import { futureToleranceUs } from "./time-limits.ts";
import { Verdicts } from "./verdicts.ts";
import type { StoredColumn } from "./warnings.ts";

export type PrepareOptions = {
  catalog: Catalog;
  repeats: Repeats;
  maxBatchBytes: number;
  maxBatchRecords: number;
  /** Which machines its sender may write; undefined: all. */
  permits?: ((machine: string) => boolean) | undefined;
  /** The database's clock. */
  nowUs: number;
  /** Records that are older than retention allows are rejected. */
  retention: Retention;
  /** Records older than this are rejected too. Infinity: any age since 1970. */
  maxAgeMs: number;
  /**
   * Whether a batch is the next one of its producer: checked before it registers or declares
   * anything. Default yes.
   */
  isNext?: (asking: Prepared) => Promise<boolean>;
  /** The holder of the machines and series that the batch registers, for its quotas. */
  holder: string;
  quotas: Quotas;
  /** Called for each batch with a machine or series that was not registered. */
  onQuota: (limit: QuotaLimit) => void;
};

/**
 * byteLength: size of the message as it arrived, 0 if unknown. Registers new series. Fails only if
 * the database does.
 */
export async function prepareBatch(
  { sequence, batch, byteLength }: { sequence: number; batch: Batch; byteLength: number },
  options: PrepareOptions,
): Promise<Prepared> {
  // A batch of 4 MiB takes about 60 ms, during which other calls would wait for the event loop.
  const turns = new Turns();
  // Before the digest: a repeated batch is the same, whatever form its machine's name has.
  const machine = readMachineName(batch.machine);
  if (machine !== undefined) batch.machine = machine;
  const columns = batch.samples.map(toColumn);
  const digest = digestOf(batch, columns);
  // After the digest: receipts of an older version have the digest of unchanged units.
  for (const samples of batch.samples) samples.unit = readUnit(samples.unit);
  if (turns.isOver) await turns.pause();
  const count = columns.reduce(
    (sum, { values }) => sum + values.length,
    batch.stateChanges.length + batch.errorReports.length,
  );
  const refusal =
    machine === undefined
      ? refusalFor("MACHINE_NAME_INVALID", machineNameFault(batch.machine))
      : refusalOf(batch, { count, byteLength }, options);
  if (refusal !== undefined) return refuse(sequence, digest, refusal);

  const verdicts = new Verdicts();
  const checksOf = (signal: string) => ({
    verdicts,
    timeLimits: {
      ...oldestTaken(options.retention, {
        signal,
        maxAgeMs: options.maxAgeMs,
        nowUs: options.nowUs,
      }),
      newestUs: options.nowUs + futureToleranceUs,
    },
  });
  const stateChanges = acceptStateChanges(batch, checksOf("state"));
  const errorReports = acceptErrorReports(batch, checksOf("error"));
  const sound = batch.samples.map((samples, i) => {
    const fault = columnFault(samples, columns[i]!);
    if (fault)
      verdicts.add(
        { kind: RecordKind.SAMPLE, column: i, first: 0, count: columns[i]!.values.length },
        fault,
      );
    return fault === undefined;
  });
  if (turns.isOver) await turns.pause();
  const hasRecords = sound.map(
    (isSound, i) =>
      isSound && hasAcceptable(columns[i]!, checksOf(batch.samples[i]!.signal).timeLimits),
  );
  const declared = declarationsOf(batch.samples, { sound, hasRecords });
  const timesOf = (signal: string) => {
    const same = columns.filter((_, j) => hasRecords[j] && batch.samples[j]!.signal === signal);
    return acceptableTimes(same, checksOf(signal).timeLimits);
  };
  const { eventDuplicates } = batch;
  const declaresEvents = (signal: string) => {
    const known = options.catalog.find(batch.machine, signal);
    return known === undefined || (known.duplicates === 0 && eventDuplicates !== 0);
  };
  const registers =
    [...declared].some(([signal, declaration]) =>
      declares(declaration, options.catalog.find(batch.machine, signal)),
    ) ||
    (stateChanges.length > 0 && declaresEvents("state")) ||
    (errorReports.length > 0 && declaresEvents("error"));
  // A batch that will be refused for its number must not register anything.
  if (registers && options.isNext !== undefined) {
    const asking = { ...refuse(sequence, digest, undefined), onlyAsks: true };
    if (!(await options.isNext(asking))) return asking;
  }
  const events = {
    events: stateChanges.length > 0,
    errors: errorReports.length > 0,
    eventDuplicates,
  };
  const limit = registers
    ? await registerNew({ machine: batch.machine, declared, timesOf }, { ...events, ...options })
    : undefined;
  if (limit !== undefined) {
    options.onQuota(limit);
    const { machine, samples } = batch;
    const refusal = quotaRefusal(limit, options);
    const fault: Fault = { reason: "QUOTA_EXCEEDED", message: refusal.message };
    if (options.catalog.machine(machine) === undefined) return refuse(sequence, digest, refusal);
    const isKnown = (signal: string) => options.catalog.find(machine, signal) !== undefined;
    for (const [i, { signal }] of samples.entries()) {
      if (!hasRecords[i] || isKnown(signal)) continue;
      sound[i] = false;
      const place = {
        kind: RecordKind.SAMPLE,
        column: i,
        first: 0,
        count: columns[i]!.values.length,
      };
      verdicts.add(place, fault);
    }
    if (!isKnown("state")) rejectEvents(stateChanges, RecordKind.STATE_CHANGE, fault, verdicts);
    if (!isKnown("error")) rejectEvents(errorReports, RecordKind.ERROR_REPORT, fault, verdicts);
  }

  const replaced = new Map<Series, Rhythm | undefined>();
  for (const [signal, declaration] of declared) {
    const series = options.catalog.find(batch.machine, signal);
    if (series === undefined || !(declares(declaration, series) || isLearning(series))) continue;
    const { rhythm } = series;
    await updateDeclaration(declaration, () => timesOf(signal), {
      series,
      catalog: options.catalog,
    });
    if (series.rhythm === undefined) replaced.set(series, rhythm);
  }
  await declareEvents(batch, { stateChanges, errorReports, verdicts, catalog: options.catalog });
  const bySeries = new Map<Series, StoredColumn>();
  for (const [i, samples] of batch.samples.entries()) {
    if (!sound[i]) continue;
    const series = options.catalog.find(batch.machine, samples.signal);
    // If nothing could be stored anyway, each sample's own fault tells why.
    const fault = series && hasRecords[i] ? declarationFault(samples, series) : undefined;
    if (fault) {
      verdicts.add(
        { kind: RecordKind.SAMPLE, column: i, first: 0, count: columns[i]!.values.length },
        fault,
      );
      continue;
    }
    const column = acceptSamples(i, columns[i]!, checksOf(samples.signal));
    if (series === undefined || column.values.length === 0) continue;
    const earlier = bySeries.get(series);
    if (earlier === undefined)
      bySeries.set(series, { position: i, column, replaced: replaced.get(series) });
    else earlier.column = mergeColumns(earlier.column, column);
    if (turns.isOver) await turns.pause();
  }
  const { catalog } = options;
  const records = { stateChanges, errorReports, bySeries, dropped: 0 };
  return options.repeats.prepare({ sequence, digest, batch, verdicts, catalog, ...records }, turns);
}
