// The producer put together: a source of batches, the uplink, the status line. For main.ts, for tests, and for other programs.
import { randomBytes } from "node:crypto";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import type { Running } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { countRecords } from "./batch.ts";
import { assertConsistent, type ProducerSettings } from "./config.ts";
import { createMemoryOutbox } from "./outbox.ts";
import { type Clock, systemClock } from "./pace.ts";
import { simulate } from "./simulation.ts";
import { createStatus, logAround, type Status, type StatusStream } from "./status.ts";
import { openUplink, type Uplink } from "./uplink.ts";

export type ProducerOptions = {
  settings: ProducerSettings;
  /** Stops the source; what it has handed on is still sent when the producer is disposed of. */
  signal: AbortSignal;
  log: Log;
  clock?: Clock;
  /** Default process.stdout. */
  statusStream?: StatusStream;
};

/** A running producer. `done` resolves when its source has ended and everything is acknowledged. */
export type Producer = Running & { readonly done: Promise<void>; readonly uplink: Uplink };

/** How long disposal waits for acks. Less than the grace of the process. */
const closeMs = 3000;

/** Starts to send. Throws ConfigError for settings that do not go together. */
export function openProducer(options: ProducerOptions): Producer {
  const { settings, clock = systemClock, statusStream = process.stdout } = options;
  assertConsistent(settings, clock.nowUs());
  const source = createSourceState(settings, clock.nowUs());
  const transport = createGrpcTransport({ baseUrl: settings.accessor });
  const status = createStatus({ stream: statusStream, read: () => readStatus(source, uplink) });
  const log = logAround(options.log, status.clear);
  const uplink: Uplink = openUplink({
    transport,
    // Batches are numbered and kept in memory, so a restart numbers from 1 again. Under an old id the accessor would take these for
    // repeats of other content: a conflict. Hence a new id for each process, until an outbox on disk keeps the numbers.
    producerId: settings.producerId ?? `sim-${randomBytes(6).toString("hex")}`,
    outbox: createMemoryOutbox({ maxBytes: settings.outboxBytes }),
    log,
  });
  const stop = new AbortController();
  const stopSource = () => stop.abort(options.signal.reason);
  options.signal.addEventListener("abort", stopSource, { once: true });
  const failSource = () => stop.abort(uplink.failed.reason);
  uplink.failed.addEventListener("abort", failSource, { once: true });
  const ticker = setInterval(status.tick, 1000);

  const done = runSource({ ...options, settings, clock, source, uplink, signal: stop.signal }).then(async () => {
    await uplink.flush({ signal: stop.signal });
  });
  const ended = done.catch((error: unknown) => {
    // Being stopped is not a failure.
    if (!options.signal.aborted) throw error;
  });
  // Who opens a producer without asking for `done` must not fall over an unhandled rejection.
  const settled = ended.catch(() => {});

  return {
    uplink,
    done: ended,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the producer is closed"));
      await settled;
      await uplink.close({ signal: AbortSignal.timeout(closeMs) });
      clearInterval(ticker);
      status.end();
      options.signal.removeEventListener("abort", stopSource);
      transport[Symbol.dispose]();
    },
  };
}

type SourceState = {
  machines: number;
  sent: number;
  startUs: number;
  untilUs: number | undefined;
  reachedUs: number;
  /** Where a backfill ends; undefined when there is none, or it is over. */
  backfillToUs: number | undefined;
};

function createSourceState({ machines, start, durationMs }: ProducerSettings, nowUs: number): SourceState {
  const startUs = start === undefined ? nowUs : "atUs" in start ? start.atUs : nowUs - start.agoMs * 1000;
  const untilUs = durationMs === undefined ? undefined : startUs + durationMs * 1000;
  const backfillToUs = start === undefined ? undefined : Math.min(nowUs, untilUs ?? nowUs);
  return { machines, sent: 0, startUs, untilUs, reachedUs: startUs, backfillToUs };
}

type SourceOptions = ProducerOptions & { clock: Clock; source: SourceState; uplink: Uplink };

async function runSource({ settings, clock, source, uplink, signal }: SourceOptions): Promise<void> {
  const { machines, seed, signals, powerHz, speed, batchIntervalMs } = settings;
  await simulate({
    machines,
    seed,
    signals,
    powerHz,
    startUs: source.startUs,
    ...(source.untilUs === undefined ? {} : { untilUs: source.untilUs }),
    ...(speed === undefined ? {} : { speed }),
    intervalMs: batchIntervalMs,
    clock,
    signal,
    async append(batch) {
      await uplink.append(batch, { signal });
      source.sent += countRecords(batch);
    },
    onSpan({ toUs, live }) {
      source.reachedUs = toUs;
      if (live || toUs >= (source.backfillToUs ?? 0)) source.backfillToUs = undefined;
    },
  });
}

function readStatus(source: SourceState, { counts, held }: Uplink): Status {
  const { machines, sent, startUs, reachedUs, backfillToUs } = source;
  const status = {
    machines,
    sent,
    acked: counts.ackedRecords,
    inFlight: held.records,
    rejected: counts.rejectedRecords,
    connected: counts.connected,
  };
  if (backfillToUs === undefined) return status;
  const part = (reachedUs - startUs) / (backfillToUs - startUs);
  return { ...status, progress: { part, leftSeconds: (backfillToUs - reachedUs) / 1e6 } };
}
