// The batches that the harness sends: each is determined by (seed, producer, variant, sequence),
// and so is its correct outcome.
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  type Samples,
  SamplesSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { toSamples } from "../../codec/wire/samples.ts";
import { type Content, contentOf } from "./content.ts";
import { createRandom, type Random } from "./random.ts";

export type SentBatch = {
  readonly batch: Batch;
  /** The stored part of it; no parts if nothing is stored. */
  readonly content: Content;
  /** Samples, states and errors that are stored. */
  readonly records: number;
  /**
   * The verdicts that must come with the ack, always the same: refusal and verdicts in the form of
   * verdictText.
   */
  readonly answer: readonly string[];
};

/** 2026-01-05T00:00:00Z: hours that are over, so that roll-ups are made at once. */
export const epochUs = 1_767_571_200_000_000;
export const machines = ["press-1", "press-2", "lathe-3", "robot-4"];
export const numericSignals = ["power", "temperature", "torque"];
const units: Record<string, string> = { power: "W", temperature: "°C", torque: "Nm" };

export type BatchKey = { seed: number; producer: string; variant: number; sequence: number };

export function makeBatch({ seed, producer, variant, sequence }: BatchKey): SentBatch {
  const random = createRandom(seed).fork(`${producer}/${variant}/${sequence}`);
  const machine = random.pick(machines);
  if (random.chance(0.02)) return nothing(machine, [`refusal ${ErrorReason.BATCH_EMPTY}`]);
  const startUs =
    epochUs + sequence * 40_000 - (random.chance(0.1) ? random.int(0, 7_200_000_000) : 0);
  const answer: string[] = [];
  const sent = create(BatchSchema, { machine });
  const kept = create(BatchSchema, { machine });
  const addEvents = <T>(
    list: "stateChanges" | "errorReports",
    make: (i: number) => T,
    spoil: (record: T) => T,
    verdict: string,
  ) => {
    for (let i = 0, count = random.int(1, 3); i < count; i++) {
      const record = make(i);
      const bad = random.chance(0.05);
      (sent[list] as T[]).push(bad ? spoil(record) : record);
      if (!bad) (kept[list] as T[]).push(record);
      else
        answer.push(
          `${list === "stateChanges" ? RecordKind.STATE_CHANGE : RecordKind.ERROR_REPORT} 0 ${i}+1 ${verdict}`,
        );
    }
  };
  if (random.chance(0.3)) {
    const make = (i: number) => ({
      $typeName: "millrace.v1.StateChange" as const,
      time: at(startUs + i * 7_000),
      state: random.int(1, 4),
      reason: `r${sequence}`,
    });
    addEvents(
      "stateChanges",
      make,
      (record) => ({ ...record, state: 0 }),
      String(ErrorReason.STATE_REQUIRED),
    );
  }
  if (random.chance(0.2)) {
    const make = (i: number) => ({
      $typeName: "millrace.v1.ErrorReport" as const,
      time: at(startUs + i * 9_000),
      severity: random.int(1, 4),
      code: `E${random.int(1, 20)}`,
      message: `${producer} ${sequence}`,
    });
    addEvents(
      "errorReports",
      make,
      (record) => ({ ...record, code: "" }),
      String(ErrorReason.TEXT_INVALID),
    );
  }
  for (const [i, signal] of numericSignals.filter(() => random.chance(0.6)).entries())
    addColumn({ sent, kept, answer, random, signal, position: i, startUs });
  if (sent.samples.length + sent.stateChanges.length + sent.errorReports.length === 0)
    addColumn({ sent, kept, answer, random, signal: "power", position: 0, startUs });
  const records =
    kept.stateChanges.length +
    kept.errorReports.length +
    kept.samples.reduce((sum, { values }) => sum + values.length, 0);
  return { batch: sent, content: contentOf(kept), records, answer: merged(answer) };
}

type ColumnOptions = {
  sent: Batch;
  kept: Batch;
  answer: string[];
  random: Random;
  signal: string;
  position: number;
  startUs: number;
};

function addColumn({ sent, kept, answer, random, signal, position, startUs }: ColumnOptions): void {
  const count = random.chance(0.1) ? 1 : random.int(2, 120);
  const onGrid = random.chance(0.7);
  const timesUs: number[] = [];
  const values: number[] = [];
  let timeUs = startUs;
  for (let i = 0; i < count; i++) {
    timesUs.push(timeUs);
    values.push(
      random.chance(0.02)
        ? -0
        : random.chance(0.1)
          ? random.next() * 1e9
          : Math.round(random.next() * 50_000) / 10,
    );
    timeUs += onGrid ? 10_000 : random.int(-2_000, 25_000);
  }
  const isBad = values.map(() => random.chance(0.003));
  if (count === 1 && random.chance(0.3)) isBad[0] = true;
  const declaration = { signal, unit: units[signal]!, maxGapUs: undefined };
  const given = {
    timesUs: Float64Array.from(timesUs),
    values: Float64Array.from(values, (value, i) => (isBad[i] ? Number.NaN : value)),
  };
  sent.samples.push(onGrid ? toSamples(declaration, given) : asDeltas(declaration, given));
  const order = timesUs.map((_, i) => i).filter((i) => !isBad[i]);
  order.sort((a, b) => timesUs[a]! - timesUs[b]! || a - b);
  for (const i of isBad.keys())
    if (isBad[i])
      answer.push(`${RecordKind.SAMPLE} ${position} ${i}+1 ${ErrorReason.VALUE_NOT_FINITE}`);
  if (order.length === 0) return;
  const column = {
    timesUs: Float64Array.from(order, (i) => timesUs[i]!),
    values: Float64Array.from(order, (i) => values[i]!),
  };
  kept.samples.push(toSamples(declaration, column));
}

function asDeltas(
  { signal, unit }: { signal: string; unit: string },
  { timesUs, values }: { timesUs: Float64Array; values: Float64Array },
): Samples {
  const deltaUs = Array.from(timesUs, (timeUs, i) => BigInt(timeUs - (timesUs[i - 1] ?? 0)));
  return create(SamplesSchema, {
    signal,
    unit,
    times: { case: "deltas", value: { deltaUs } },
    values: Array.from(values),
  });
}

function nothing(machine: string, answer: string[]): SentBatch {
  return {
    batch: create(BatchSchema, { machine }),
    content: { machine, parts: new Map() },
    records: 0,
    answer,
  };
}

/** Neighbours in one list with the same reason are reported as one. */
function merged(answer: readonly string[]): string[] {
  const result: string[] = [];
  for (const text of answer) {
    const [kind, column, span, reason] = text.split(" ");
    const before = result.at(-1)?.split(" ");
    const [first, count] = (span ?? "").split("+").map(Number);
    const [lastFirst, lastCount] = (before?.[2] ?? "").split("+").map(Number);
    if (
      before &&
      before[0] === kind &&
      before[1] === column &&
      before[3] === reason &&
      lastFirst! + lastCount! === first
    )
      result[result.length - 1] = `${kind} ${column} ${lastFirst}+${lastCount! + count!} ${reason}`;
    else result.push(text);
  }
  return result;
}

function at(timeUs: number) {
  const seconds = Math.floor(timeUs / 1e6);
  return {
    $typeName: "google.protobuf.Timestamp" as const,
    seconds: BigInt(seconds),
    nanos: (timeUs - seconds * 1e6) * 1000,
  };
}
