// The flags that say how a file of rows is written, and what holds for its rows: POST /signals has
// parameters of the same names.
import { createLocalClock } from "../../codec/local-clock.ts";
import { readMachineName } from "../../codec/machine-name.ts";
import { columnForms, readColumn } from "../../codec/row/column-target.ts";
import { decimals } from "../../codec/row/decimal-text.ts";
import { delimiterWords, readDelimiter } from "../../codec/row/delimiter.ts";
import { readDuplicates } from "../../codec/row/duplicates.ts";
import { type FileFormat, readWord, rowWords } from "../../codec/row/file-format.ts";
import { repeatedHours, timeFormats } from "../../codec/row/local-time.ts";
import { readSampleType } from "../../codec/row/sample-type.ts";
import { epochUnits } from "../../codec/row/time.ts";
import { conversionForms, readConversion } from "../../codec/row/unit-conversion.ts";
import { readWideHeader, wideForms } from "../../codec/row/wide-header.ts";
import { readUnit } from "../../codec/unit.ts";
import { type SettingsOf, setting } from "../../runtime/config.ts";
import { durationMs, oneOf, onOff, text, type ValueReader } from "../../runtime/config-values.ts";

export const signalName = text({
  placeholder: "NAME",
  expects: "a name such as temperature",
  pattern: /^[a-z][a-z0-9_]{0,62}$/,
});

const unitText = text({
  placeholder: "UNIT",
  expects: "a unit of at most 32 characters",
  maxLength: 32,
});

/** A reader of a text for which the room of rows has a function. */
const reader = <T>(
  placeholder: string,
  { expects, read }: { expects: string; read: (text: string) => T | undefined },
): ValueReader<T> => ({ placeholder, expects, read });

const readZone = (name: string): string | undefined => {
  try {
    createLocalClock(name);
    return name;
  } catch {
    return undefined;
  }
};

export const inputSettings = {
  type: setting({
    flag: "type",
    parse: signalName,
    optional: true,
    doc: "with --input: the signal of rows that name none",
  }),
  machine: setting({
    flag: "machine",
    parse: reader("NAME", { expects: "a name of a machine", read: readMachineName }),
    optional: true,
    doc: "with --input: the machine of rows that name none",
  }),
  unit: setting({
    flag: "unit",
    parse: { ...unitText, read: (word) => unitText.read(readUnit(word)) },
    optional: true,
    doc: "with --input: the unit of numeric rows that name none",
  }),
  epoch: setting({
    flag: "epoch",
    parse: oneOf(epochUnits),
    optional: true,
    doc: "with --input: the unit of times that are numbers; milliseconds if not given, and those before 1990 are rejected",
  }),
  maxGapMs: setting({
    flag: "max-gap",
    parse: durationMs({ minMs: 1, maxMs: 86_400_000 }),
    optional: true,
    doc: "with --input: the longest gap between two samples that counts as covered, for rows that name none",
  }),
  sampleType: setting({
    flag: "sample-type",
    parse: { placeholder: "TYPE", expects: "linear, step or counter", read: readSampleType },
    optional: true,
    doc: "with --input: how values continue between samples, for rows that do not say it: linear, step (each holds until the next) or counter (only rises)",
  }),
  duplicates: setting({
    flag: "duplicates",
    parse: { placeholder: "WORD", expects: "keep or drop", read: readDuplicates },
    optional: true,
    doc: "with --input: whether equal records are several records (keep) or one, which is stored once (drop), for rows that do not say it",
  }),
  columns: setting({
    flag: "column",
    parse: reader("NAME=FIELD", {
      expects: columnForms,
      read: (given) => {
        const column = readColumn(given);
        return typeof column === "string" ? undefined : column;
      },
    }),
    repeat: true,
    doc: "with --input: what a column of CSV, or a member of JSON by its path, means: Zeit=time, 'Leistung [kW]=value:power[kW]', data.door=- (not stored); * stands for all others",
  }),
  wide: setting({
    flag: "wide",
    parse: reader("FORM", { expects: wideForms, read: readWideHeader }),
    optional: true,
    doc: "with --input: each column has the values of one machine and signal, and its name this form: MACHINE.SIGNAL, MACHINE, 'SIGNAL [UNIT]'",
  }),
  delimiter: setting({
    flag: "delimiter",
    parse: reader("WORD", {
      expects: Object.keys(delimiterWords).join(", "),
      read: readDelimiter,
    }),
    optional: true,
    doc: "with --input: what separates the columns of CSV: comma, semicolon, tab or pipe; recognised from the header line if not given",
  }),
  decimal: setting({
    flag: "decimal",
    parse: oneOf(decimals),
    optional: true,
    doc: "with --input: numbers have a decimal comma or point, and may have grouped thousands; a point without groups if not given",
  }),
  timeFormat: setting({
    flag: "time-format",
    parse: oneOf(timeFormats),
    optional: true,
    doc: "with --input: the order of day, month and year in times that are not RFC 3339",
  }),
  timeZone: setting({
    flag: "time-zone",
    parse: reader("ZONE", {
      expects: "a time zone such as Europe/Berlin, UTC or +01:00",
      read: readZone,
    }),
    optional: true,
    doc: "with --input: the zone of times that name none; such times are rejected if not given",
  }),
  repeatedHour: setting({
    flag: "repeated-hour",
    parse: oneOf(repeatedHours),
    optional: true,
    doc: "with --time-zone: what a time means that occurs twice, when clocks are set back: reject it (if not given), the first or second of the two, or in-order, the first that is after the row before",
  }),
  conversions: setting({
    flag: "convert",
    parse: reader("FROM=TO", { expects: conversionForms, read: readConversion }),
    repeat: true,
    doc: "with --input: convert the values of a unit: kW=W, or with a factor: hp=W*745.7",
  }),
  words: setting({
    flag: "word",
    parse: reader("WORD=MEANING", {
      expects: `a word and one of ${rowWords.join(", ")}`,
      read: readWord,
    }),
    repeat: true,
    doc: "with --input: what a word of the file means as a state or severity: Lauf=ACTIVE",
  }),
  dryRun: setting({
    flag: "dry-run",
    parse: onOff(),
    doc: "with --input: send nothing, and print what would be stored, and each line that would not",
  }),
  json: setting({
    flag: "json",
    parse: onOff(),
    doc: "with --dry-run: print lines of JSON, as always where the output is not a terminal",
  }),
};

export type InputSettings = SettingsOf<typeof inputSettings>;

/** The flags of an input that are given. */
export const inputFlags = (given: InputSettings): string[] =>
  Object.entries(inputSettings).flatMap(([key, { flag }]) => {
    const value = given[key as keyof InputSettings];
    const isGiven = value !== undefined && value !== false;
    return isGiven && !(Array.isArray(value) && value.length === 0) ? [flag!] : [];
  });

/** How the input is written. */
export function inputFormat(settings: InputSettings): FileFormat {
  const { type, maxGapMs, timeFormat, words, dryRun, json, ...rest } = settings;
  return {
    machine: rest.machine,
    signal: type,
    unit: rest.unit,
    maxGapUs: maxGapMs === undefined ? undefined : maxGapMs * 1000,
    sampleType: rest.sampleType,
    duplicates: rest.duplicates,
    epoch: rest.epoch,
    delimiter: rest.delimiter,
    decimal: rest.decimal,
    format: timeFormat,
    timeZone: rest.timeZone,
    repeatedHour: rest.repeatedHour,
    columns: rest.columns,
    wide: rest.wide,
    conversions: rest.conversions,
    words: words.length === 0 ? undefined : new Map(words),
  };
}

/** The flags that decide which batches a file becomes; those not given leave no trace. */
export function repeatFlags(settings: InputSettings): object {
  const { type, unit, epoch, maxGapMs, sampleType, dryRun, json, wide, ...rest } = settings;
  const { machine, delimiter, decimal, timeFormat, timeZone, repeatedHour } = rest;
  const list = <T>(items: readonly T[]) => (items.length === 0 ? undefined : items);
  const added = { machine, delimiter, decimal, timeFormat, timeZone, repeatedHour };
  return {
    ...{ type, unit, epoch, maxGapMs, sampleType, duplicates: rest.duplicates },
    ...added,
    columns: list(rest.columns),
    wide: wide?.template,
    conversions: list(rest.conversions),
    words: list(rest.words),
  };
}
