// Reads one batch from the JSON of its fields, its lists in turns: 60,000 state changes at once
// delayed all other requests by 0.1 s.
import { create, type JsonValue, mergeFromJson } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { readSampleType } from "../../codec/row/sample-type.ts";
import { sampleTypeFault } from "../../codec/row/text-fault.ts";
import type { Turns } from "../../runtime/turns.ts";
import { invalidField } from "../errors/reasons.ts";

/** After this many items of a list, others may have their turn. */
const itemsInARow = 128;

/**
 * Gives the same result or error as fromJson; a sample_type may also be a short word, as in rows.
 */
export async function batchFromJson(
  fields: Readonly<Record<string, JsonValue>>,
  turns: Pick<Turns, "pause">,
): Promise<Batch> {
  const batch = create(BatchSchema);
  for (const [name, value] of Object.entries(fields)) {
    if (!Array.isArray(value)) mergeFromJson(BatchSchema, batch, { [name]: value });
    // Merging into a list appends to it.
    else
      for (let at = 0; at < value.length || at === 0; at += itemsInARow) {
        const some = value.slice(at, at + itemsInARow);
        mergeFromJson(BatchSchema, batch, {
          [name]: name === "samples" ? some.map(withSampleType) : some,
        });
        await turns.pause();
      }
  }
  return batch;
}

/** A column with its sample_type as the enum's number. Throws for an unknown word. */
function withSampleType(column: JsonValue): JsonValue {
  if (typeof column !== "object" || column === null || Array.isArray(column)) return column;
  const name = ["sample_type", "sampleType"].find((one) => typeof column[one] === "string");
  if (name === undefined || column[name] === "SAMPLE_TYPE_UNSPECIFIED") return column;
  const type = readSampleType(column[name] as string);
  if (type === undefined)
    throw invalidField(name, sampleTypeFault.message.replace("sample_type ", ""));
  return { ...column, [name]: type };
}
