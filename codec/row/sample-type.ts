// The sample_type of a numeric signal as people write it.
import { type SampleType, SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { enumWords } from "./enum-words.ts";

const byWord = enumWords<SampleType>(SampleTypeSchema);

/** "step", "STEP" or "SAMPLE_TYPE_STEP", in upper or lower case; undefined for any other word. */
export const readSampleType = (word: string): SampleType | undefined =>
  byWord.get(word.toUpperCase());

/** The short word in upper case; undefined if nothing is declared. */
export const sampleTypeWord = (type: SampleType): string | undefined =>
  type === 0 ? undefined : SampleTypeSchema.value[type]?.localName;
