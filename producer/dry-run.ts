// The producer with --dry-run: reads the input, prints what would be stored, and sends nothing.
import { addAbortSignal } from "node:stream";
import { BadText } from "../codec/row/unreadable.ts";
import { PlainFailure, type Running } from "../runtime/lifecycle.ts";
import { assertConsistent } from "./config.ts";
import { dryRun } from "./input/dry-run.ts";
import { openInput } from "./input/input.ts";
import { inputFormat } from "./input/input-settings.ts";
import type { ProducerOptions } from "./producer.ts";
import { systemClock } from "./simulate/pace.ts";

/** `done` resolves when all is printed; it rejects with PlainFailure as sending would. */
export async function openDryRun(
  options: Omit<ProducerOptions, "log">,
): Promise<Running & { readonly done: Promise<void> }> {
  const { settings, clock = systemClock, statusStream = process.stdout } = options;
  assertConsistent(settings, clock.nowUs());
  const input = await openInput(settings.input!);
  const stop = new AbortController();
  const abort = AbortSignal.any([options.abort, stop.signal]);
  const run = async () => {
    const { lines, badLines } = await dryRun({
      input: { ...input, source: addAbortSignal(abort, input.source) },
      format: inputFormat(settings),
      repeatable: settings.once,
      json: settings.json || statusStream.isTTY !== true,
      write: (line) => statusStream.write(`${line}\n`),
    });
    if (settings.strict && badLines > 0)
      throw new PlainFailure(`--strict: ${badLines} of ${lines} input lines are bad`);
  };
  const done = run().catch((error: unknown) => {
    if (abort.aborted) return;
    throw error instanceof BadText
      ? new PlainFailure(`${settings.input}: ${error.message}`, { cause: error })
      : error;
  });
  // A caller that ignores `done` must not crash from an unhandled rejection.
  const settled = done.catch(() => {});
  return {
    done,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the producer is closed"));
      await settled;
    },
  };
}
