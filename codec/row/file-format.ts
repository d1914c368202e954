// How a file of rows is written, where that differs from the rows that GET returns. The producer's
// flags and the parameters of POST /signals both build it.
import type { Duplicates, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { ColumnMapping } from "./column-target.ts";
import type { Decimal } from "./decimal-text.ts";
import type { Delimiter } from "./delimiter.ts";
import { createLocalTimes, type LocalTimeFormat } from "./local-time.ts";
import { createRowMapping } from "./row-mapping.ts";
import type { RowContext } from "./row-record.ts";
import type { EpochUnit } from "./time.ts";
import type { Conversion } from "./unit-conversion.ts";
import type { WideHeader } from "./wide-header.ts";

export type FileFormat = LocalTimeFormat & {
  /** Of CSV. Undefined: recognised from the header line. */
  readonly delimiter?: Delimiter | undefined;
  /** Undefined: a point, and no grouped thousands. */
  readonly decimal?: Decimal | undefined;
  /** The unit of times that are numbers. */
  readonly epoch?: EpochUnit | undefined;
  /** What columns of CSV, or members of JSON, mean. Empty: they are named like fields of rows. */
  readonly columns?: readonly ColumnMapping[] | undefined;
  readonly wide?: WideHeader | undefined;
  readonly conversions?: readonly Conversion[] | undefined;
  /** Words of the file for states and severities, in lower case, and the words that rows have. */
  readonly words?: ReadonlyMap<string, string> | undefined;
  /** For rows that do not have their own. */
  readonly machine?: string | undefined;
  readonly signal?: string | undefined;
  readonly unit?: string | undefined;
  readonly maxGapUs?: number | undefined;
  readonly sampleType?: SampleType | undefined;
  readonly duplicates?: Duplicates | undefined;
};

/** The words that `words` can stand for. */
export const rowWords: readonly string[] = [
  ...["ACTIVE", "IDLE", "FAULT", "OFF"],
  ...["INFO", "WARNING", "ERROR", "CRITICAL"],
];

/** A word of a file and what it means, as "Störung=FAULT"; undefined if the text is none. */
export function readWord(text: string): readonly [word: string, meaning: string] | undefined {
  const cut = text.lastIndexOf("=");
  const [word, meaning] = [text.slice(0, Math.max(cut, 0)).trim(), text.slice(cut + 1).trim()];
  const known = meaning.toUpperCase();
  return word !== "" && rowWords.includes(known) ? [word.toLowerCase(), known] : undefined;
}

/**
 * What reading the rows of one upload needs; make it once for each upload. `nowUs` is undefined if
 * times must not depend on when they are read. Throws UnknownTimeZone.
 */
export function toRowContext(format: FileFormat, nowUs: bigint | undefined): RowContext {
  const { format: timeFormat, timeZone, repeatedHour, conversions = [] } = format;
  const { decimal, epoch, words, machine, signal, unit, maxGapUs, sampleType, duplicates } = format;
  return {
    nowUs,
    epoch,
    local:
      timeFormat === undefined && timeZone === undefined
        ? undefined
        : createLocalTimes({ format: timeFormat, timeZone, repeatedHour }),
    decimal,
    words,
    conversions:
      conversions.length === 0 ? undefined : new Map(conversions.map((one) => [one.from, one])),
    mapping: createRowMapping(format),
    machine,
    signal,
    unit,
    maxGapUs,
    sampleType,
    duplicates,
  };
}
