// One record from a row of named fields, and everything that can be wrong with the row: the same
// for a POST and for a file that the producer sends.
import {
  type MachineState,
  MachineStateSchema,
  type SampleType,
  type Severity,
  SeveritySchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { machineNameFault, readMachineName } from "../machine-name.ts";
import { readUnit } from "../unit.ts";
import type { Declaration } from "../wire/samples.ts";
import { parseInterval } from "./duration.ts";
import { enumWords } from "./enum-words.ts";
import { fieldGroup, fieldGroups, otherSpellings, unknownField, unknownFields } from "./fields.ts";
import { readSampleType } from "./sample-type.ts";
import {
  type Fault,
  maxGapFault,
  maxMaxGapUs,
  notFinite,
  sampleTypeFault,
  severityFault,
  stateFault,
  textBounds,
  textFault,
} from "./text-fault.ts";
import { readTime, type TimeContext } from "./time.ts";
import { TimeFault } from "./time-fault.ts";

/** A record of a machine: what a row says. Times in microseconds since 1970. */
export type RowRecord =
  | {
      readonly kind: "value";
      readonly machine: string;
      readonly timeUs: number;
      readonly signal: string;
      /** Empty: as declared. */
      readonly unit: string;
      /** Undefined: as declared, or as the accessor finds. */
      readonly maxGapUs: number | undefined;
      /** Undefined: as declared. */
      readonly sampleType: SampleType | undefined;
      readonly value: number;
    }
  | {
      readonly kind: "state";
      readonly machine: string;
      readonly timeUs: number;
      readonly state: MachineState;
      readonly reason: string;
    }
  | {
      readonly kind: "error";
      readonly machine: string;
      readonly timeUs: number;
      readonly severity: Severity;
      readonly code: string;
      readonly message: string;
    };

/** What holds for rows that do not say it themselves. */
export type RowDefaults = {
  /** The signal of rows that name none. */
  signal?: string | undefined;
  /** Of numeric signals. */
  unit?: string | undefined;
  maxGapUs?: number | undefined;
  sampleType?: SampleType | undefined;
};

export type RowContext = TimeContext & RowDefaults;

/** What a row declares of a numeric signal, though it may be no record. */
export type RowDeclaration = { readonly machine: string } & Declaration;

/** Why a row is no record. */
export class RowFault implements Fault {
  readonly reason: Fault["reason"];
  readonly message: string;
  /** Undefined: nothing, or nothing that can be read. */
  readonly declares: RowDeclaration | undefined;
  constructor({ reason, message }: Fault, declares?: RowDeclaration) {
    this.reason = reason;
    this.message = message;
    this.declares = declares;
  }
}

export type Row = Readonly<Record<string, unknown>>;

const fault = (reason: Fault["reason"], message: string) => new RowFault({ reason, message });
const noMachine = fault("MACHINE_NAME_INVALID", "machine: a text is required");
const noSignal = fault("SIGNAL_NAME_INVALID", "signal: a text is required");
const noValue = fault("VALUE_NOT_FINITE", "value: missing");
const notANumber = fault("VALUE_NOT_FINITE", "value: expected a number, such as 412.3 or 4.1e-3");
const decimalComma = fault(
  "VALUE_NOT_FINITE",
  "value: a number with a comma: write it with a point, as 1234.5",
);
const beyondDoubles = fault("VALUE_NOT_FINITE", "value: a number beyond the range of float64");
const isNotFinite = new RowFault(notFinite);
const noTime = fault("TIME_INVALID", "time: missing");
const roundedTime = fault(
  "TIME_INVALID",
  "time: a number of JSON above 2^53 has lost its last digits: send it as a text, or the rows as NDJSON",
);
const badMaxGap = fault(
  "SIGNAL_DECLARATION_MISMATCH",
  'max_gap: expected a length of time with its unit as a text, such as "20m" or "1200s"',
);
const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;

// Each digit can be read in one way only: with `\d+\.?\d*`, a long run of digits that is no number
// took a square of its length.
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const infinity = /^(?:nan|[+-]?inf(?:inity)?)$/i;

/**
 * The record of a row: flat, as GET answers it and exports write it (`machine`, `signal`, `time`;
 * `value`, `unit`, `max_gap` and `sample_type`; `state` and `reason`; `severity`, `code` and
 * `message`), or the contract's Signal as JSON (with `stateChange` or `errorReport`). Empty texts
 * and nulls say nothing. A field that is unknown, or belongs to another kind of signal, is a fault:
 * what somebody wrote is never left out in silence.
 */
export function readRecord(row: Row, context: RowContext): RowRecord | RowFault {
  let said = 0;
  for (const name in row) {
    const group = fieldGroups.get(name);
    if (group === undefined) return unknownFault(row);
    if (isSaid(row[name])) said |= group;
  }
  if ((said & fieldGroup.otherSpelling) !== 0) {
    const twice = saidTwice(row);
    if (twice !== undefined) return twice;
  }
  const { time } = row;
  const signal = isSaid(row["signal"]) ? row["signal"] : context.signal;
  if (typeof row["machine"] !== "string" || row["machine"] === "") return noMachine;
  const machine = readMachineName(row["machine"]);
  if (machine === undefined) return fault("MACHINE_NAME_INVALID", machineNameFault(row["machine"]));
  if (typeof signal !== "string") return noSignal;
  const timeUs = timeOf(time, context);
  if (typeof timeUs !== "number") return declaring(timeUs, row, { machine, signal, context });
  const stray = said & ~(groupOf(signal) | fieldGroup.any | fieldGroup.otherSpelling);
  if (stray !== 0) return strayFault(row, stray, signal);
  if (signal === "state") return stateOf(row, machine, timeUs, context);
  if (signal === "error") return errorOf(row, machine, timeUs, context);
  if (!signalPattern.test(signal)) {
    const shown = JSON.stringify(signal.slice(0, 80));
    return fault("SIGNAL_NAME_INVALID", `signal ${shown} does not fit [a-z][a-z0-9_]{0,62}`);
  }
  const value = sampleValue(row["value"]);
  if (typeof value !== "number") return declaring(value, row, { machine, signal, context });
  const unit = textOf(row, "unit", context.unit);
  if (typeof unit !== "string") return unit;
  const maxGapUs = maxGapOf(row["max_gap"] ?? row["maxGap"], context.maxGapUs);
  if (maxGapUs instanceof RowFault) return maxGapUs;
  const sampleType = sampleTypeOf(row["sample_type"] ?? row["sampleType"], context.sampleType);
  if (sampleType instanceof RowFault) return sampleType;
  return { kind: "value", machine, timeUs, signal, unit, maxGapUs, sampleType, value };
}

/** A fault of one field says nothing against what the row declares in others. */
function declaring(
  fault: RowFault,
  row: Row,
  { machine, signal, context }: { machine: string; signal: string; context: RowContext },
): RowFault {
  if (groupOf(signal) !== fieldGroup.sample || !signalPattern.test(signal)) return fault;
  const unit = textOf(row, "unit", context.unit);
  const maxGapUs = maxGapOf(row["max_gap"] ?? row["maxGap"], context.maxGapUs);
  const sampleType = sampleTypeOf(row["sample_type"] ?? row["sampleType"], context.sampleType);
  return new RowFault(fault, {
    ...{ machine, signal, unit: typeof unit === "string" ? unit : "" },
    maxGapUs: maxGapUs instanceof RowFault ? undefined : maxGapUs,
    sampleType: sampleType instanceof RowFault ? undefined : sampleType,
  });
}

function stateOf(
  row: Row,
  machine: string,
  timeUs: number,
  context: TimeContext,
): RowRecord | RowFault {
  const part = partOf(row, "stateChange", stateFields, { timeUs, context });
  if (part instanceof RowFault) return part;
  const state = states.get(upper(part["state"]));
  if (state === undefined) return new RowFault(stateFault);
  const reason = textOf(part, "reason");
  return typeof reason === "string" ? { kind: "state", machine, timeUs, state, reason } : reason;
}

function errorOf(
  row: Row,
  machine: string,
  timeUs: number,
  context: TimeContext,
): RowRecord | RowFault {
  const part = partOf(row, "errorReport", errorFields, { timeUs, context });
  if (part instanceof RowFault) return part;
  const severity = severities.get(upper(part["severity"]));
  if (severity === undefined) return new RowFault(severityFault);
  const code = textOf(part, "code");
  if (typeof code !== "string") return code;
  const message = textOf(part, "message");
  return typeof message === "string"
    ? { kind: "error", machine, timeUs, severity, code, message }
    : message;
}

const unknownFault = (row: Row): RowFault =>
  fault(
    "REQUEST_INVALID",
    unknownFields(Object.keys(row).filter((name) => !fieldGroups.has(name))),
  );

const stateFields = ["state", "reason"];
const errorFields = ["severity", "code", "message"];

const groupOf = (signal: string): number =>
  signal === "state" ? fieldGroup.state : signal === "error" ? fieldGroup.error : fieldGroup.sample;

/** A field that says something and has no place in a record of this signal. */
function strayFault(row: Row, stray: number, signal: string): RowFault {
  const name = Object.keys(row).find(
    (one) => isSaid(row[one]) && (fieldGroups.get(one)! & stray) !== 0,
  )!;
  const kind =
    signal === "state" ? "a state change" : signal === "error" ? "an error report" : "a sample";
  return fault("REQUEST_INVALID", `${name}: no field of ${kind}`);
}

/** Of one field, what one spelling says would be lost to what the other says. */
function saidTwice(row: Row): RowFault | undefined {
  for (const [spelling, name] of otherSpellings) {
    if (isSaid(row[spelling]) && isSaid(row[name]))
      return fault(
        "REQUEST_INVALID",
        `${name}: given in both spellings, ${name} and ${spelling}: send one`,
      );
  }
  return undefined;
}

/** Where the fields of a kind stand: in the row, or in a message of the contract in it. */
function partOf(
  row: Row,
  name: "stateChange" | "errorReport",
  fields: readonly string[],
  at: { timeUs: number; context: TimeContext },
): Row | RowFault {
  const part = row[name] ?? row[name === "stateChange" ? "state_change" : "error_report"];
  if (!isSaid(part)) return row;
  if (typeof part !== "object" || Array.isArray(part))
    return fault("REQUEST_INVALID", `${name}: an object is expected`);
  const beside = fields.find((field) => isSaid(row[field]));
  if (beside !== undefined)
    return fault("REQUEST_INVALID", `${beside}: stands beside ${name}: send one of them`);
  for (const [field, value] of Object.entries(part as Row)) {
    if (field === "time") {
      if (isSaid(value) && timeOf(value, at.context) !== at.timeUs)
        return fault("TIME_INVALID", `${name}.time: not the time of the row: leave it out`);
    } else if (!fields.includes(field)) {
      return fault(
        "REQUEST_INVALID",
        unknownField(field, { of: `a field of ${name}`, known: fields }),
      );
    }
  }
  return part as Row;
}

const isSaid = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

function timeOf(time: unknown, context: TimeContext): number | RowFault {
  if (!isSaid(time)) return noTime;
  // Whole numbers that a double cannot tell apart, and those that JSON has with an exponent.
  if (typeof time === "number" && Number.isInteger(time) && !Number.isSafeInteger(time))
    return roundedTime;
  const us = readTime(
    typeof time === "string" || typeof time === "number" ? String(time) : "",
    context,
  );
  return us instanceof TimeFault ? fault("TIME_INVALID", `time: ${us.message}`) : Number(us);
}

/** Numbers, and their decimal digits as a text, as protobuf's JSON and CSV have them. */
function sampleValue(value: unknown): number | RowFault {
  if (typeof value === "number") return Number.isFinite(value) ? value : beyondDoubles;
  if (!isSaid(value)) return noValue;
  if (typeof value !== "string") return notANumber;
  if (decimal.test(value)) {
    const number = Number(value);
    return Number.isFinite(number) ? number : beyondDoubles;
  }
  if (infinity.test(value)) return isNotFinite;
  return /^[+-]?[\d.]+,\d+$/.test(value) ? decimalComma : notANumber;
}

function maxGapOf(value: unknown, otherwise: number | undefined): number | undefined | RowFault {
  if (!isSaid(value)) return otherwise;
  const us = typeof value === "string" ? parseInterval(value) : undefined;
  if (us === undefined) return badMaxGap;
  return us > 0n && us <= maxMaxGapUs ? Number(us) : new RowFault(maxGapFault);
}

function sampleTypeOf(
  value: unknown,
  otherwise: SampleType | undefined,
): SampleType | undefined | RowFault {
  if (!isSaid(value)) return otherwise;
  return (
    (typeof value === "string" ? readSampleType(value) : undefined) ?? new RowFault(sampleTypeFault)
  );
}

function textOf(row: Row, field: keyof typeof textBounds, otherwise = ""): string | RowFault {
  const given = row[field];
  const value = field === "unit" && typeof given === "string" ? readUnit(given) : given;
  if (value === undefined || value === null || value === "") {
    if (otherwise !== "" || field !== "code") return otherwise;
  } else if (typeof value !== "string") {
    return fault("TEXT_INVALID", `${field}: a text is expected, in quotes`);
  }
  const text = typeof value === "string" ? value : "";
  const found = textFault(field, text, textBounds[field]);
  return found === undefined ? text : new RowFault(found);
}

const upper = (word: unknown): string => (typeof word === "string" ? word.toUpperCase() : "");
const states = enumWords<MachineState>(MachineStateSchema);
const severities = enumWords<Severity>(SeveritySchema);
