// Logs warnings about batches that are stored: once for each reason and signal of a machine.
import { fromBinary } from "@bufbuild/protobuf";
import {
  type BatchResult,
  IngestRequestSchema,
  WarningReasonSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { decodeIngestRequest } from "../../codec/wire/decode.ts";
import type { Log } from "../../runtime/log.ts";
import type { Entry } from "../outbox/outbox.ts";

/** This many are logged; further ones appear only in the counts of results. */
export const maxWarnings = 100;

export type Warnings = {
  /** Whether a result has warnings and `say` might still log one: only then it needs the batch. */
  wants(result: BatchResult): boolean;
  say(result: BatchResult, entry: Entry | undefined): void;
};

export function createWarnings({ log }: { log: Log }): Warnings {
  const logged = new Set<string>();
  return {
    wants: ({ warnings }) => warnings.length > 0 && logged.size < maxWarnings,
    say({ warnings }, entry) {
      if (warnings.length === 0 || entry === undefined) return;
      const { message } =
        decodeIngestRequest(entry.bytes) ??
        fromBinary(IngestRequestSchema, entry.bytes, { readUnknownFields: false });
      const batch = message.case === "batch" ? message.value.batch : undefined;
      for (const { reason, column, message: words } of warnings) {
        if (logged.size >= maxWarnings) return;
        const fields = { machine: batch?.machine, signal: batch?.samples[column]?.signal };
        const key = JSON.stringify([reason, fields]);
        if (logged.has(key)) continue;
        logged.add(key);
        log.warn(`stored, but ${words}`, {
          reason: WarningReasonSchema.value[reason]?.localName ?? reason,
          ...fields,
        });
        if (logged.size >= maxWarnings)
          log.warn("further warnings of stored samples are only counted");
      }
    },
  };
}
