// Prints the records that messages would give, in place of storing them: rows that --input and a
// POST read, and a line for each dead letter.
import { createGather } from "../codec/row/gather.ts";
import { toJsonText } from "../codec/row/json-text.ts";
import { batchRows } from "../codec/row/record-rows.ts";
import type { MessageLetters } from "./mqtt/dead-letters.ts";
import type { RecordStore } from "./store/record-store.ts";

/** Writes NDJSON. */
export function createRecordPrinter(output: { write(text: string): unknown }): {
  store: Pick<RecordStore, "add">;
  letters: Pick<MessageLetters, "write">;
} {
  return {
    store: {
      async add(records) {
        const gather = createGather();
        const batches = [...records.flatMap((record) => gather.add(record)), ...gather.takeAll()];
        for (const batch of batches)
          for (const row of batchRows(batch)) output.write(`${toJsonText(row)}\n`);
      },
    },
    letters: {
      async write({ topic, faults }) {
        output.write(`${toJsonText({ unreadable: topic, reasons: faults.slice(0, 10) })}\n`);
      },
    },
  };
}
