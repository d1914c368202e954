// Runs what a producer sends: the simulation, or the recorded signals of an input.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { Uplink } from "../client/send/uplink.ts";
import { BadText } from "../codec/row/unreadable.ts";
import { countRecords } from "../codec/wire/count-records.ts";
import { PlainFailure } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { ProducerSettings } from "./config.ts";
import { type Input, sendInput } from "./input/input.ts";
import { inputFormat } from "./input/input-settings.ts";
import type { InputSummary } from "./input/reports.ts";
import { noteSpan, type Progress } from "./progress.ts";
import type { Clock } from "./simulate/pace.ts";
import { simulate } from "./simulate/simulation.ts";

export type SourceOptions = {
  settings: ProducerSettings;
  clock: Clock;
  /** What to send in place of simulating. */
  input: Input | undefined;
  /** Whether the input's batches are the same each time that it is sent. */
  repeats: boolean;
  progress: Progress;
  uplink: Uplink;
  log: Log;
  abort: AbortSignal;
};

type Append = (batch: Batch) => Promise<void>;

/**
 * Gives everything to the uplink, and waits until it is acknowledged. Throws PlainFailure for an
 * input that is not made of rows, and for what `strict` does not allow.
 */
export async function runSource(options: SourceOptions): Promise<void> {
  const { input, progress, uplink, abort } = options;
  const append = async (batch: Batch) => {
    await uplink.append(batch, { abort });
    progress.sentRecords += countRecords(batch);
  };
  if (input === undefined) {
    await runSimulation(options, append);
    await uplink.flush({ abort });
  } else {
    const summary = await runInput(options, { input, append });
    await uplink.flush({ abort });
    reportInput(options, summary);
  }
}

async function runSimulation(
  { settings, clock, progress, abort }: SourceOptions,
  append: Append,
): Promise<void> {
  const { machines, firstMachine, seed, signals, rateHz, speed, batchIntervalMs } = settings;
  await simulate({
    machines,
    firstMachine,
    seed,
    signals,
    rateHz,
    startUs: progress.startUs,
    untilUs: progress.untilUs,
    speed,
    batchIntervalMs,
    clock,
    abort,
    append,
    onSpan: (span) => noteSpan(progress, span),
  });
}

async function runInput(
  { settings, repeats, progress, abort, log }: SourceOptions,
  { input, append }: { input: Input; append: Append },
): Promise<InputSummary> {
  const { sizeBytes } = input;
  const { batchIntervalMs } = settings;
  return sendInput({
    source: input.source,
    log,
    abort,
    batchIntervalMs,
    format: inputFormat(settings),
    repeatable: repeats,
    append,
    onProgress({ readBytes, machines }) {
      progress.machines = machines;
      if (sizeBytes !== undefined) progress.shown = { part: readBytes / sizeBytes };
    },
  }).catch((error: unknown) => {
    throw error instanceof BadText
      ? new PlainFailure(`${settings.input}: ${error.message}`, { cause: error })
      : error;
  });
}

function reportInput({ settings, uplink, log }: SourceOptions, summary: InputSummary): void {
  const { lines, badLines } = summary;
  const { rejectedRecords, duplicateBatches, warnings } = uplink.status;
  log.info("input sent and acknowledged", {
    ...summary,
    rejectedRecords,
    // Batches that were stored before are reported, and not stored again.
    ...(duplicateBatches > 0 ? { duplicateBatches } : {}),
    ...(warnings > 0 ? { warnings } : {}),
  });
  if (!settings.strict) return;
  const faults = [
    ...(badLines > 0 ? [`${badLines} of ${lines} input lines are bad`] : []),
    ...(rejectedRecords > 0 ? [`the accessor rejected records: ${rejectedRecords}`] : []),
  ];
  if (faults.length > 0) throw new PlainFailure(`--strict: ${faults.join("; ")}`);
}
