// The producer put together: a source of batches, the uplink, the status line. For main.ts and for
// tests; library.ts is for other programs.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { type OpenSender, openSender } from "../client/send/sender.ts";
import { BadText } from "../codec/row/unreadable.ts";
import { countRecords } from "../codec/wire/count-records.ts";
import { PlainFailure, type Running } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { toClientFiles } from "../runtime/tls/dialing.ts";
import { assertConsistent, type ProducerSettings } from "./config.ts";
import { type Input, openInput, sendInput } from "./input/input.ts";
import { inputId } from "./input/input-id.ts";
import { createLagWatch, type LagSample } from "./lag.ts";
import { claimMachines } from "./simulate/claim.ts";
import { recordsPerSecond } from "./simulate/fleet.ts";
import { type Clock, systemClock } from "./simulate/pace.ts";
import { simulate } from "./simulate/simulation.ts";
import { createStatus, logAround, type Status, type StatusStream } from "./status.ts";

export type ProducerOptions = {
  settings: ProducerSettings;
  /** Stops the source; what it has handed on is still sent when the producer is disposed of. */
  abort: AbortSignal;
  log: Log;
  clock?: Clock;
  /** Default process.stdout. */
  statusStream?: StatusStream;
};

/** A running producer. `done` resolves when its source has ended and everything is acknowledged. */
export type Producer = Running & { readonly done: Promise<void>; readonly uplink: OpenSender };

/** How long disposal waits for acks. Less than the grace of the process. */
const closeMs = 3000;

/**
 * Starts to send. Throws ConfigError for settings that do not go together, and what opening the
 * input throws.
 */
export async function openProducer(options: ProducerOptions): Promise<Producer> {
  const { settings, clock = systemClock, statusStream = process.stdout } = options;
  assertConsistent(settings, clock.nowUs());
  const input = settings.input === undefined ? undefined : await openInput(settings.input);
  const source = createSourceState(settings, clock.nowUs());
  let uplink: OpenSender | undefined;
  const status = createStatus({ stream: statusStream, read: () => readStatus(source, uplink) });
  const log = logAround(options.log, status.clear);
  const repeats = settings.once && input !== undefined;
  const own = repeats ? { repeats, producerId: await idOf(settings, options.abort) } : {};
  uplink = await openSender({ ...senderSettings(settings), ...own, log });
  const claim = await claimLive(options, source).catch(async (error: unknown) => {
    await uplink?.[Symbol.asyncDispose]();
    throw error;
  });
  const stop = new AbortController();
  const stopSource = () => stop.abort(options.abort.reason);
  options.abort.addEventListener("abort", stopSource, { once: true });
  const { failed } = uplink;
  const failSource = () => stop.abort(failed.reason);
  failed.addEventListener("abort", failSource, { once: true });
  const watchLag = createLagWatch({ log });
  const ticker = setInterval(() => {
    status.tick();
    watchLag(readLag({ settings, source, uplink, nowUs: clock.nowUs() }));
  }, 1000);

  const done = runSource({
    ...options,
    log,
    clock,
    input,
    repeats,
    source,
    uplink,
    abort: stop.signal,
  });
  const ended = done.catch((error: unknown) => {
    // Being stopped is not a failure.
    if (!options.abort.aborted) throw error;
  });
  // Who opens a producer without asking for `done` must not fall over an unhandled rejection.
  const settled = ended.catch(() => {});

  return {
    uplink,
    done: ended,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the producer is closed"));
      await settled;
      await claim?.[Symbol.asyncDispose]();
      await uplink.close({ abort: AbortSignal.timeout(closeMs) });
      clearInterval(ticker);
      status.end();
      options.abort.removeEventListener("abort", stopSource);
      await uplink[Symbol.asyncDispose]();
    },
  };
}

/**
 * A file is sent by a producer of its own, whose batches the accessor knows when they come again.
 */
const idOf = (
  { input, type, unit, epoch, maxGapMs, sampleType }: ProducerSettings,
  abort: AbortSignal,
) => inputId(input!, { type, unit, epoch, maxGapMs, sampleType }, { abort });

function senderSettings(given: ProducerSettings) {
  const {
    accessor,
    apiKey,
    producerId,
    deadLetters,
    spool,
    spoolMaxBytes: maxBytes,
    spoolFull: whenFull,
    outboxBytes,
  } = given;
  const hold =
    spool === undefined ? { memoryBytes: outboxBytes } : { folder: spool, maxBytes, whenFull };
  const certificateFiles = toClientFiles("accessor", { ...given, url: accessor });
  return { accessor, certificateFiles, apiKey, producerId, deadLetters, hold };
}

type SourceState = {
  machines: number;
  sent: number;
  startUs: number;
  untilUs: number | undefined;
  /** What was handed on reaches to here. */
  madeUs: number;
  /** Where a backfill ends; undefined when there is none, or it is over. */
  backfillToUs: number | undefined;
  progress: Status["progress"];
};

function createSourceState(
  { machines, start, durationMs, input }: ProducerSettings,
  nowUs: number,
): SourceState {
  const startUs =
    start === undefined ? nowUs : "atUs" in start ? start.atUs : nowUs - start.agoMs * 1000;
  const untilUs = durationMs === undefined ? undefined : startUs + durationMs * 1000;
  const backfillToUs = start === undefined ? undefined : Math.min(nowUs, untilUs ?? nowUs);
  const progress =
    backfillToUs === undefined
      ? undefined
      : { part: 0, leftSeconds: (backfillToUs - startUs) / 1e6 };
  const counted = { machines: input === undefined ? machines : 0, sent: 0 };
  return { ...counted, startUs, untilUs, madeUs: startUs, backfillToUs, progress };
}

/**
 * Undefined where nothing of the present is simulated: what ends in the past may be sent beside a
 * live fleet.
 */
async function claimLive(
  { settings, clock = systemClock }: ProducerOptions,
  { untilUs }: SourceState,
) {
  const isLive = settings.input === undefined && (untilUs === undefined || untilUs > clock.nowUs());
  return isLive ? claimMachines(settings) : undefined;
}

type Append = (batch: Batch) => Promise<void>;
type SourceOptions = ProducerOptions & {
  clock: Clock;
  input: Input | undefined;
  /** Whether the input's batches are the same each time that it is sent. */
  repeats: boolean;
  source: SourceState;
  uplink: OpenSender;
};

/** Hands on everything, waits until it is acknowledged. */
async function runSource(options: SourceOptions): Promise<void> {
  const { input, source, uplink, abort } = options;
  const append = async (batch: Batch) => {
    await uplink.append(batch, { abort });
    source.sent += countRecords(batch);
  };
  if (input) {
    await runInput(options, { input, append });
  } else {
    await runSimulation(options, append);
    await uplink.flush({ abort });
  }
}

async function runSimulation(
  { settings, clock, source, abort }: SourceOptions,
  append: Append,
): Promise<void> {
  const { machines, firstMachine, seed, signals, powerHz, speed, batchIntervalMs } = settings;
  await simulate({
    machines,
    firstMachine,
    seed,
    signals,
    powerHz,
    startUs: source.startUs,
    ...(source.untilUs === undefined ? {} : { untilUs: source.untilUs }),
    ...(speed === undefined ? {} : { speed }),
    intervalMs: batchIntervalMs,
    clock,
    abort,
    append,
    onSpan({ toUs, live }) {
      const { startUs, backfillToUs } = source;
      source.madeUs = toUs;
      if (backfillToUs === undefined) return;
      if (live || toUs >= backfillToUs) {
        source.backfillToUs = undefined;
        source.progress = undefined;
      } else {
        const part = (toUs - startUs) / (backfillToUs - startUs);
        source.progress = { part, leftSeconds: (backfillToUs - toUs) / 1e6 };
      }
    },
  });
}

async function runInput(
  { settings, repeats, source, uplink, abort, log }: SourceOptions,
  { input, append }: { input: Input; append: Append },
): Promise<void> {
  const { sizeBytes } = input;
  const { maxGapMs, batchIntervalMs, strict, type, unit, epoch, sampleType } = settings;
  const maxGapUs = maxGapMs === undefined ? undefined : maxGapMs * 1000;
  const { lines, records, badLines } = await sendInput({
    source: input.source,
    log,
    abort,
    intervalMs: batchIntervalMs,
    defaults: { signal: type, unit, maxGapUs, sampleType },
    epochUnit: epoch,
    repeatable: repeats,
    append,
    onProgress({ readBytes, machines }) {
      source.machines = machines;
      if (sizeBytes !== undefined) source.progress = { part: readBytes / sizeBytes };
    },
  }).catch((error: unknown) => {
    throw error instanceof BadText
      ? new PlainFailure(`${settings.input}: ${error.message}`, { cause: error })
      : error;
  });
  await uplink.flush({ abort });
  const { rejectedRecords, duplicateBatches, warnings } = uplink.counts;
  // What had been stored before is said, and not stored again.
  const before = duplicateBatches > 0 ? { duplicateBatches } : {};
  const odd = warnings > 0 ? { warnings } : {};
  log.info("input sent and acknowledged", {
    lines,
    records,
    badLines,
    rejectedRecords,
    ...before,
    ...odd,
  });
  if (!strict) return;
  const faults = [
    ...(badLines > 0 ? [`${badLines} of ${lines} input lines are bad`] : []),
    ...(rejectedRecords > 0 ? [`records that the accessor rejected: ${rejectedRecords}`] : []),
  ];
  if (faults.length > 0) throw new PlainFailure(`--strict: ${faults.join("; ")}`);
}

function readStatus(source: SourceState, uplink: OpenSender | undefined): Status {
  const { machines, sent, progress } = source;
  const spool = uplink?.spool;
  return {
    machines,
    sent,
    acked: uplink?.counts.ackedRecords ?? 0,
    inFlight: uplink?.held.records ?? 0,
    rejected: uplink?.counts.rejectedRecords ?? 0,
    warnings: uplink?.counts.warnings ?? 0,
    connected: uplink?.counts.connected ?? false,
    ...(progress ? { progress } : {}),
    ...(spool ? { spool } : {}),
  };
}

/** Undefined while it need not be at the present. */
function readLag(from: {
  settings: ProducerSettings;
  source: SourceState;
  uplink: OpenSender;
  nowUs: number;
}): LagSample | undefined {
  const { settings, source, uplink, nowUs } = from;
  const { machines, progress, backfillToUs, madeUs, untilUs = nowUs } = source;
  const isSlowed = settings.speed !== undefined && settings.speed < 1;
  if (
    machines === 0 ||
    progress ||
    backfillToUs !== undefined ||
    isSlowed ||
    !uplink.counts.connected
  )
    return undefined;
  return {
    sourceSeconds: Math.max(0, Math.min(nowUs, untilUs) - madeUs) / 1e6,
    heldRecords: uplink.held.records,
    recordsPerSecond: machines * recordsPerSecond(settings),
  };
}
