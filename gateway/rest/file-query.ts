// Parameters of POST /signals that say how a file of rows is written: the producer's flags of the
// same names do the same.
import { createLocalClock } from "../../codec/local-clock.ts";
import { machineNameFault, readMachineName } from "../../codec/machine-name.ts";
import { type ColumnMapping, columnForms, readColumn } from "../../codec/row/column-target.ts";
import { type Decimal, decimals } from "../../codec/row/decimal-text.ts";
import { type Delimiter, delimiterWords, readDelimiter } from "../../codec/row/delimiter.ts";
import { readWord, rowWords } from "../../codec/row/file-format.ts";
import {
  type RepeatedHour,
  repeatedHours,
  type TimeFormat,
  timeFormats,
} from "../../codec/row/local-time.ts";
import {
  type Conversion,
  conversionForms,
  readConversion,
} from "../../codec/row/unit-conversion.ts";
import { readWideHeader, type WideHeader, wideForms } from "../../codec/row/wide-header.ts";
import { invalidField } from "../errors/reasons.ts";
import {
  choiceParameter,
  type Parameter,
  textParameter,
  type ValuesOf,
  zoneParameter,
} from "./parameters.ts";

export type FileQuery = {
  machine: Parameter<string>;
  column: Parameter<ColumnMapping[]>;
  wide: Parameter<WideHeader>;
  delimiter: Parameter<Delimiter>;
  decimal: Parameter<Decimal>;
  time_format: Parameter<TimeFormat>;
  time_zone: Parameter<string>;
  repeated_hour: Parameter<RepeatedHour>;
  convert: Parameter<Conversion[]>;
  word: Parameter<(readonly [string, string])[]>;
};

const maxItems = 1_000;

/** A text that is read as a whole. */
const readParameter = <T>(doc: string, read: (text: string, name: string) => T): Parameter<T> => ({
  ...textParameter(doc),
  read: (texts, context) => read(textParameter("").read(texts, context), context.name),
});

/** Repeated; a comma is part of a value. */
const repeatedParameter = <T>(
  doc: string,
  read: (text: string, name: string) => T,
): Parameter<T[]> => ({
  doc: `${doc} May be repeated.`,
  schema: { type: "array", items: { type: "string", minLength: 1 } },
  read(texts, { name }) {
    if (texts.length > maxItems) throw invalidField(name, `at most ${maxItems} may be given`);
    return texts.map((text) => read(text, name));
  },
});

const quote = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

export const fileQuery: FileQuery = {
  machine: readParameter("For rows: the machine of rows that name none.", (text, name) => {
    const machine = readMachineName(text);
    if (machine === undefined) throw invalidField(name, machineNameFault(text));
    return machine;
  }),
  column: repeatedParameter(
    `For rows: what a column of CSV, or a member of JSON by its path, means. ${columnForms}.`,
    (text, name) => {
      const column = readColumn(text);
      if (typeof column === "string") throw invalidField(name, column);
      return column;
    },
  ),
  wide: readParameter(
    `For rows: that each column has the values of one machine and signal: ${wideForms}.`,
    (text, name) => {
      const wide = readWideHeader(text);
      if (wide === undefined)
        throw invalidField(name, `${quote(text)} is not valid; expected ${wideForms}`);
      return wide;
    },
  ),
  delimiter: {
    ...readParameter(
      "For CSV: what separates the columns; recognised from the header line if absent.",
      (text, name) => {
        const delimiter = readDelimiter(text);
        if (delimiter !== undefined) return delimiter;
        const words = Object.keys(delimiterWords).join(", ");
        throw invalidField(name, `${quote(text)} is not one of ${words}`);
      },
    ),
    schema: { type: "string", enum: Object.keys(delimiterWords) },
  },
  decimal: choiceParameter(
    decimals,
    "For rows: what separates the fraction of numbers in texts and CSV; with it, thousands may be grouped. If absent: a point, without groups.",
  ),
  time_format: {
    ...readParameter(
      "For rows: the order of day, month and year in times that are not RFC 3339. YY is a year from 2000 to 2099.",
      (text, name) => {
        const format = timeFormats.find((one) => one === text.toUpperCase());
        if (format === undefined)
          throw invalidField(name, `${quote(text)} is not one of ${timeFormats.join(", ")}`);
        return format;
      },
    ),
    schema: { type: "string", enum: [...timeFormats] },
  },
  time_zone: zoneParameter(
    "For rows: the zone of times without one, such as Europe/Berlin, UTC or +01:00. If absent, such times are refused.",
  ),
  repeated_hour: choiceParameter(
    repeatedHours,
    "For rows: what a time means that occurs twice in time_zone because clocks are set back: reject (the default), the first or the second of the two, or in-order: of each machine and signal, the first that is after the row before.",
  ),
  convert: repeatedParameter(
    `For rows: converts values of a unit: ${conversionForms}.`,
    (text, name) => {
      const conversion = readConversion(text);
      if (conversion === undefined)
        throw invalidField(name, `${quote(text)} is not a conversion; expected ${conversionForms}`);
      return conversion;
    },
  ),
  word: repeatedParameter(
    `For rows: what a word of the file means as a state or a severity, as Lauf=ACTIVE; one of ${rowWords.join(", ")}.`,
    (text, name) => {
      const word = readWord(text);
      if (word === undefined)
        throw invalidField(
          name,
          `${quote(text)} is not WORD=MEANING with one of ${rowWords.join(", ")}`,
        );
      return word;
    },
  ),
};

/** Refuses what cannot be read, or has no meaning without another parameter. */
export function assertFileQuery({ time_zone, repeated_hour }: ValuesOf<FileQuery>): void {
  if (repeated_hour !== undefined && time_zone === undefined)
    throw invalidField("repeated_hour", "needs time_zone");
  if (time_zone === undefined) return;
  try {
    createLocalClock(time_zone);
  } catch (error) {
    throw invalidField("time_zone", (error as Error).message);
  }
}
