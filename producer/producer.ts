// The producer put together: a source of batches, the uplink, the status line. For main.ts and for
// tests; other programs use client/send/uplink.ts.
import { randomBytes } from "node:crypto";
import { openUplink, type Uplink, type UplinkOptions } from "../client/send/uplink.ts";
import type { Running } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { toClientFiles } from "../runtime/tls/dialing.ts";
import { assertConsistent, type ProducerSettings } from "./config.ts";
import { openInput } from "./input/input.ts";
import { inputId } from "./input/input-id.ts";
import { repeatFlags } from "./input/input-settings.ts";
import { createLagWatch } from "./lag.ts";
import { createProgress, readLag, readStatus } from "./progress.ts";
import { claimMachines } from "./simulate/claim.ts";
import { type Clock, systemClock } from "./simulate/pace.ts";
import { runSource } from "./source.ts";
import { createStatus, logAround, type StatusStream } from "./status.ts";

export type ProducerOptions = {
  settings: ProducerSettings;
  /** Stops the source; what it has passed on is still sent when the producer is disposed of. */
  abort: AbortSignal;
  log: Log;
  clock?: Clock;
  /** Default process.stdout. */
  statusStream?: StatusStream;
};

/** A running producer. `done` resolves when its source has ended and everything is acknowledged. */
export type Producer = Running & { readonly done: Promise<void>; readonly uplink: Uplink };

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
  const progress = createProgress(settings, clock.nowUs());
  const hasSpool = settings.spoolDir !== undefined;
  let uplink: Uplink | undefined;
  const status = createStatus({
    stream: statusStream,
    read: () => readStatus(progress, { uplink, hasSpool }),
  });
  const log = logAround(options.log, status.clear);
  const repeats = settings.once && input !== undefined;
  const producerId = repeats ? await idOfInput(settings, options.abort) : settings.producerId;
  uplink = await openUplink(uplinkOptions(settings, { producerId, repeats, log }));
  const { failed } = uplink;
  const claim = await claimLive(settings, { untilUs: progress.untilUs, clock }).catch(
    async (error: unknown) => {
      await uplink?.close({ waitMs: 0 });
      throw error;
    },
  );
  const stop = new AbortController();
  const stopSource = () => stop.abort(options.abort.reason);
  options.abort.addEventListener("abort", stopSource, { once: true });
  failed.addEventListener("abort", () => stop.abort(failed.reason), { once: true });
  const watchLag = createLagWatch({ log });
  const ticker = setInterval(() => {
    status.tick();
    watchLag(readLag(progress, { settings, uplink, nowUs: clock.nowUs() }));
  }, 1000);

  const { signal: abort } = stop;
  const done = runSource({ settings, clock, input, repeats, progress, uplink, log, abort }).catch(
    (error: unknown) => {
      // Being stopped is not a failure.
      if (!options.abort.aborted) throw error;
    },
  );
  // A caller that ignores `done` must not crash from an unhandled rejection.
  const settled = done.catch(() => {});

  return {
    uplink,
    done,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the producer is closed"));
      await settled;
      await claim?.[Symbol.asyncDispose]();
      await uplink.close({ waitMs: closeMs });
      clearInterval(ticker);
      status.end();
      options.abort.removeEventListener("abort", stopSource);
    },
  };
}

/**
 * A file is sent under its own producer id, so that the accessor recognizes its batches when they
 * are sent again.
 */
function idOfInput(settings: ProducerSettings, abort: AbortSignal): Promise<string> {
  return inputId(settings.input!, repeatFlags(settings), { abort });
}

function uplinkOptions(
  settings: ProducerSettings,
  { producerId, repeats, log }: { producerId: string | undefined; repeats: boolean; log: Log },
): UplinkOptions {
  const { accessor, apiKey, deadLetters, spoolDir, spoolMaxBytes, spoolFull, outboxBytes } =
    settings;
  const certificateFiles = toClientFiles("accessor", { ...settings, url: accessor });
  const shared = { accessor, certificateFiles, apiKey, deadLetters, log };
  if (spoolDir !== undefined)
    return { ...shared, producerId, spoolDir, maxBytes: spoolMaxBytes, whenFull: spoolFull };
  const newId = () => `sim-${randomBytes(6).toString("hex")}`;
  return { ...shared, producerId: producerId ?? newId(), outboxBytes, repeats };
}

/**
 * Undefined if the simulation does not reach the present: one that ends in the past may run beside
 * a live fleet.
 */
async function claimLive(
  settings: ProducerSettings,
  { untilUs, clock }: { untilUs: number | undefined; clock: Clock },
): Promise<AsyncDisposable | undefined> {
  const isLive = settings.input === undefined && (untilUs === undefined || untilUs > clock.nowUs());
  return isLive ? claimMachines(settings) : undefined;
}
