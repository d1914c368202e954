// What duplicates of a signal mean, as people write it.
import { type Duplicates, DuplicatesSchema } from "#gen/millrace/v1/signal_pb.ts";
import { enumWords } from "./enum-words.ts";
import type { Fault } from "./text-fault.ts";

const byWord = enumWords<Duplicates>(DuplicatesSchema);

/** "drop", "DROP" or "DUPLICATES_DROP", in upper or lower case; undefined for any other word. */
export const readDuplicates = (word: string): Duplicates | undefined =>
  byWord.get(word.toUpperCase());

/** The short word in upper case; undefined if nothing is declared. */
export const duplicatesWord = (duplicates: Duplicates): string | undefined =>
  duplicates === 0 ? undefined : DuplicatesSchema.value[duplicates]?.localName;

export const duplicatesFault: Fault = {
  reason: "SIGNAL_DECLARATION_MISMATCH",
  message:
    "duplicates: expected KEEP (equal records are several records) or DROP (they are one record)",
};
