// Reads one batch from the JSON of its fields, its lists in turns: 60,000 state changes at once
// delayed all other requests by 0.1 s.
import { create, type JsonObject, type JsonValue, mergeFromJson } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { duplicatesFault, readDuplicates } from "../../codec/row/duplicates.ts";
import { readSampleType } from "../../codec/row/sample-type.ts";
import { sampleTypeFault } from "../../codec/row/text-fault.ts";
import type { Turns } from "../../runtime/turns.ts";
import { invalidField } from "../errors/reasons.ts";

/** After this many items of a list, others may have their turn. */
const itemsInARow = 128;

/**
 * Gives the same result or error as fromJson; words may also be short, as in rows.
 */
export async function batchFromJson(
  fields: Readonly<Record<string, JsonValue>>,
  turns: Pick<Turns, "pause">,
): Promise<Batch> {
  const batch = create(BatchSchema);
  for (const [name, value] of Object.entries(fields)) {
    if (!Array.isArray(value)) mergeFromJson(BatchSchema, batch, withWords({ [name]: value }));
    // Merging into a list appends to it.
    else
      for (let at = 0; at < value.length || at === 0; at += itemsInARow) {
        const some = value.slice(at, at + itemsInARow);
        mergeFromJson(BatchSchema, batch, {
          [name]: name === "samples" ? some.map(withWords) : some,
        });
        await turns.pause();
      }
  }
  return batch;
}

/** The fields that a word may be given for, in both spellings. */
const wordFields = [
  {
    names: ["sample_type", "sampleType"],
    prefix: "SAMPLE_TYPE_",
    read: readSampleType,
    fault: sampleTypeFault,
  },
  { names: ["duplicates"], prefix: "DUPLICATES_", read: readDuplicates, fault: duplicatesFault },
  {
    names: ["event_duplicates", "eventDuplicates"],
    prefix: "DUPLICATES_",
    read: readDuplicates,
    fault: duplicatesFault,
  },
] as const;

/** Fields with the numbers of enums in place of words. Throws for an unknown word. */
function withWords<T extends JsonValue>(fields: T): T | JsonObject {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return fields;
  let read: JsonObject = fields;
  for (const { names, prefix, read: readWord, fault } of wordFields) {
    const name = names.find((one) => typeof fields[one] === "string");
    if (name === undefined || fields[name] === `${prefix}UNSPECIFIED`) continue;
    const number = readWord(fields[name] as string);
    if (number === undefined) throw invalidField(name, fault.message.replace(/^\w+:? /, ""));
    read = { ...read, [name]: number };
  }
  return read;
}
