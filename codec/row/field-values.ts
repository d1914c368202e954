// The values of a row's fields, and what can be wrong with each.
import type { Duplicates, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { readUnit } from "../unit.ts";
import { type Decimal, plainDecimal } from "./decimal-text.ts";
import { duplicatesFault, readDuplicates } from "./duplicates.ts";
import { parseInterval } from "./duration.ts";
import { type Row, RowFault, rowFault } from "./row-record.ts";
import { readSampleType } from "./sample-type.ts";
import {
  maxGapFault,
  maxMaxGapUs,
  notFinite,
  sampleTypeFault,
  textBounds,
  textFault,
} from "./text-fault.ts";
import { readTime, type TimeContext } from "./time.ts";
import { TimeFault } from "./time-fault.ts";

const noValue = rowFault("VALUE_NOT_FINITE", "value: missing");
const notANumber = rowFault(
  "VALUE_NOT_FINITE",
  "value: expected a number, such as 412.3 or 4.1e-3",
);
const decimalComma = rowFault(
  "VALUE_NOT_FINITE",
  "value: a decimal comma: write the number with a point, such as 1234.5, or declare decimal=comma (producer flag: --decimal comma)",
);
const otherNotation: Record<Decimal, RowFault> = {
  comma: rowFault(
    "VALUE_NOT_FINITE",
    "value: not a number with a decimal comma, such as 1234,5 or 1.234,5, which is declared",
  ),
  point: rowFault(
    "VALUE_NOT_FINITE",
    "value: not a number with a decimal point, such as 1234.5 or 1,234.5, which is declared",
  ),
};
const grouped = rowFault(
  "VALUE_NOT_FINITE",
  "value: a number with grouped thousands: declare decimal=point (producer flag: --decimal point), or comma, by what separates its fraction",
);
const beyondDoubles = rowFault("VALUE_NOT_FINITE", "value: a number beyond the range of float64");
const isNotFinite = new RowFault(notFinite);
const noTime = rowFault("TIME_INVALID", "time: missing");
const roundedTime = rowFault(
  "TIME_INVALID",
  "time: a JSON number above 2^53 has lost its last digits: send it as a string, or the rows as NDJSON",
);
const badMaxGap = rowFault(
  "SIGNAL_DECLARATION_MISMATCH",
  'max_gap: expected a length of time with its unit as a text, such as "20m" or "1200s"',
);
// Each digit can match in one way only: with `\d+\.?\d*`, a long run of digits that is not a number
// took time quadratic in its length.
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const infinity = /^(?:nan|[+-]?inf(?:inity)?)$/i;

/** Whether a field has a value: empty texts and nulls do not count. */
export const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== "";

export function timeOf(time: unknown, context: TimeContext, series = ""): number | RowFault {
  if (!isGiven(time)) return noTime;
  // Whole numbers that a double cannot tell apart, and those that JSON has with an exponent.
  if (typeof time === "number" && Number.isInteger(time) && !Number.isSafeInteger(time))
    return roundedTime;
  const us = readTime(
    typeof time === "string" || typeof time === "number" ? String(time) : "",
    context,
    series,
  );
  return us instanceof TimeFault ? rowFault("TIME_INVALID", `time: ${us.message}`) : Number(us);
}

/**
 * Numbers, and their decimal digits as a text, as protobuf's JSON and CSV have them. `notation`:
 * how texts write them, if that is declared.
 */
export function sampleValue(value: unknown, notation?: Decimal): number | RowFault {
  if (typeof value === "number") return Number.isFinite(value) ? value : beyondDoubles;
  if (!isGiven(value)) return noValue;
  if (typeof value !== "string") return notANumber;
  const plain = notation === undefined ? value : plainDecimal(value.trim(), notation);
  if (plain !== undefined && decimal.test(plain)) {
    const number = Number(plain);
    return Number.isFinite(number) ? number : beyondDoubles;
  }
  if (infinity.test(value)) return isNotFinite;
  if (notation !== undefined) return /\d/.test(value) ? otherNotation[notation] : notANumber;
  if (/^[+-]?[\d.]+,\d+$/.test(value)) return decimalComma;
  return plainDecimal(value, "point") === undefined ? notANumber : grouped;
}

export function maxGapOf(
  value: unknown,
  otherwise: number | undefined,
): number | undefined | RowFault {
  if (!isGiven(value)) return otherwise;
  const us = typeof value === "string" ? parseInterval(value) : undefined;
  if (us === undefined) return badMaxGap;
  return us > 0n && us <= maxMaxGapUs ? Number(us) : new RowFault(maxGapFault);
}

export function sampleTypeOf(
  value: unknown,
  otherwise: SampleType | undefined,
): SampleType | undefined | RowFault {
  if (!isGiven(value)) return otherwise;
  return (
    (typeof value === "string" ? readSampleType(value) : undefined) ?? new RowFault(sampleTypeFault)
  );
}

export function duplicatesOf(
  value: unknown,
  otherwise: Duplicates | undefined,
): Duplicates | undefined | RowFault {
  if (!isGiven(value)) return otherwise;
  return (
    (typeof value === "string" ? readDuplicates(value) : undefined) ?? new RowFault(duplicatesFault)
  );
}

export function textOf(
  row: Row,
  field: keyof typeof textBounds,
  otherwise = "",
): string | RowFault {
  const given = row[field];
  const value = field === "unit" && typeof given === "string" ? readUnit(given) : given;
  if (value === undefined || value === null || value === "") {
    if (otherwise !== "" || field !== "code") return otherwise;
  } else if (typeof value !== "string") {
    return rowFault("TEXT_INVALID", `${field}: a text is expected, in quotes`);
  }
  const text = typeof value === "string" ? value : "";
  const found = textFault(field, text, textBounds[field]);
  return found === undefined ? text : new RowFault(found);
}
