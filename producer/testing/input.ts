// For tests: sends an input, and shows what became of it.
import { Readable } from "node:stream";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { createLog } from "../../runtime/log.ts";
import { type InputOptions, sendInput } from "../input/input.ts";

/** Sends a text, or chunks of one; returns the batches, the lines of the log, and the summary. */
export async function send(
  text: string | Iterable<Uint8Array>,
  options: Partial<InputOptions> = {},
) {
  const batches: Batch[] = [];
  const log: string[] = [];
  const summary = await sendInput({
    source: Readable.from(typeof text === "string" ? [Buffer.from(text)] : text),
    log: createLog({
      name: "test",
      format: "pretty",
      color: false,
      sink: (line) => log.push(line.slice(13).trim()),
    }),
    abort: new AbortController().signal,
    batchIntervalMs: 60_000,
    append: async (batch) => void batches.push(batch),
    ...options,
  });
  return { batches, log, summary };
}

/** The records of batches as flat rows. */
export function rowsOf(batches: readonly Batch[]) {
  return batches.flatMap(({ machine, stateChanges, errorReports, samples }) => [
    ...stateChanges.map(({ time, state, reason }) => ({
      machine,
      seconds: Number(time!.seconds),
      state,
      reason,
    })),
    ...errorReports.map(({ severity, code, message }) => ({ machine, severity, code, message })),
    ...samples.flatMap((column) => {
      const { signal, unit, values } = column;
      const times = timesOf(column);
      return values.map((value, i) => ({ machine, signal, unit, timeUs: times[i], value }));
    }),
  ]);
}
