// One batch out of the JSON of its fields, its lists in turns: 60,000 state changes at once held
// everyone else up for 0.1 s.
import { create, type JsonValue, mergeFromJson } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Turns } from "../../runtime/turns.ts";

/** After so many items of a list, others may have their turn. */
const itemsInARow = 128;

/** As fromJson would make it, or fail. */
export async function batchFromJson(
  fields: Readonly<Record<string, JsonValue>>,
  turns: Pick<Turns, "pause">,
): Promise<Batch> {
  const batch = create(BatchSchema);
  for (const [name, value] of Object.entries(fields)) {
    if (!Array.isArray(value)) mergeFromJson(BatchSchema, batch, { [name]: value });
    // What is merged into a list is added to it.
    else
      for (let at = 0; at < value.length || at === 0; at += itemsInARow) {
        mergeFromJson(BatchSchema, batch, { [name]: value.slice(at, at + itemsInARow) });
        await turns.pause();
      }
  }
  return batch;
}
