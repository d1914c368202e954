// Reads one record from a row of named fields, and reports everything that can be wrong with the
// row: the same for a POST and for a file that the producer sends.
import {
  type MachineState,
  MachineStateSchema,
  type Severity,
  SeveritySchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { machineNameFault, readMachineName } from "../machine-name.ts";
import { enumWords } from "./enum-words.ts";
import {
  duplicatesOf,
  isGiven,
  maxGapOf,
  sampleTypeOf,
  sampleValue,
  textOf,
  timeOf,
} from "./field-values.ts";
import { fieldGroup, fieldGroups, otherSpellings, unknownField, unknownFields } from "./fields.ts";
import {
  namedColumn,
  type Row,
  type RowContext,
  RowFault,
  type RowRecord,
  rowFault,
} from "./row-record.ts";
import { severityFault, stateFault } from "./text-fault.ts";
import type { TimeContext } from "./time.ts";
import { convert } from "./unit-conversion.ts";

const noMachine = rowFault("MACHINE_NAME_INVALID", "machine: a text is required");
const noUnit = rowFault(
  "SIGNAL_DECLARATION_MISMATCH",
  "unit: missing, and a conversion of units is declared: give the unit in the row, or declare unit=kW (producer flag: --unit kW)",
);
const beyondConversion = rowFault(
  "VALUE_NOT_FINITE",
  "value: a number beyond the range of float64 after its conversion",
);
const noSignal = rowFault("SIGNAL_NAME_INVALID", "signal: a text is required");
const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * The record of a row: flat, as GET returns it and exports write it (`machine`, `signal`, `time`,
 * `duplicates`; `value`, `unit`, `max_gap` and `sample_type`; `state` and `reason`; `severity`,
 * `code` and `message`), or the contract's Signal as JSON (with `stateChange` or `errorReport`).
 * Empty texts and nulls count as absent. A field that is unknown, or belongs to another kind of
 * signal, is a fault: input is never ignored silently.
 */
export function readRecord(row: Row, context: RowContext): RowRecord | RowFault {
  const read = recordOf(row, context);
  const column = row[namedColumn];
  if (!(read instanceof RowFault) || typeof column !== "string") return read;
  const { reason, message, declares } = read;
  return new RowFault({ reason, message: `${column.slice(0, 80)}: ${message}` }, declares);
}

function recordOf(row: Row, context: RowContext): RowRecord | RowFault {
  let given = 0;
  for (const name in row) {
    const group = fieldGroups.get(name);
    if (group === undefined) return unknownFault(row);
    if (isGiven(row[name])) given |= group;
  }
  if ((given & fieldGroup.otherSpelling) !== 0) {
    const twice = givenTwice(row);
    if (twice !== undefined) return twice;
  }
  const { time } = row;
  const signal = isGiven(row["signal"]) ? row["signal"] : context.signal;
  const named = isGiven(row["machine"]) ? row["machine"] : context.machine;
  if (typeof named !== "string") return noMachine;
  const machine = readMachineName(named);
  if (machine === undefined) return rowFault("MACHINE_NAME_INVALID", machineNameFault(named));
  if (typeof signal !== "string") return noSignal;
  const series = context.local?.needsSeries ? `${signal} ${machine}` : "";
  const timeUs = timeOf(time, context, series);
  if (typeof timeUs !== "number") return declaring(timeUs, row, { machine, signal, context });
  const stray = given & ~(groupOf(signal) | fieldGroup.any | fieldGroup.otherSpelling);
  if (stray !== 0) return strayFault(row, stray, signal);
  if (signal === "state") return stateOf(row, machine, timeUs, context);
  if (signal === "error") return errorOf(row, machine, timeUs, context);
  if (!signalPattern.test(signal)) {
    const shown = JSON.stringify(signal.slice(0, 80));
    return rowFault("SIGNAL_NAME_INVALID", `signal ${shown} does not fit [a-z][a-z0-9_]{0,62}`);
  }
  const read = sampleValue(row["value"], context.decimal);
  if (typeof read !== "number") return declaring(read, row, { machine, signal, context });
  const written = textOf(row, "unit", context.unit);
  if (typeof written !== "string") return written;
  if (context.conversions !== undefined && written === "") return noUnit;
  const conversion = context.conversions?.get(written);
  const unit = conversion?.to ?? written;
  const value = conversion === undefined ? read : convert(read, conversion);
  if (!Number.isFinite(value)) return beyondConversion;
  const maxGapUs = maxGapOf(row["max_gap"] ?? row["maxGap"], context.maxGapUs);
  if (maxGapUs instanceof RowFault) return maxGapUs;
  const sampleType = sampleTypeOf(row["sample_type"] ?? row["sampleType"], context.sampleType);
  if (sampleType instanceof RowFault) return sampleType;
  const duplicates = duplicatesOf(row["duplicates"], context.duplicates);
  if (duplicates instanceof RowFault) return duplicates;
  return { kind: "value", machine, timeUs, signal, unit, maxGapUs, sampleType, duplicates, value };
}

/** A fault in one field does not invalidate what the row declares in others. */
function declaring(
  fault: RowFault,
  row: Row,
  { machine, signal, context }: { machine: string; signal: string; context: RowContext },
): RowFault {
  if (groupOf(signal) !== fieldGroup.sample || !signalPattern.test(signal)) return fault;
  const written = textOf(row, "unit", context.unit);
  const unit =
    typeof written === "string" ? (context.conversions?.get(written)?.to ?? written) : undefined;
  const maxGapUs = maxGapOf(row["max_gap"] ?? row["maxGap"], context.maxGapUs);
  const sampleType = sampleTypeOf(row["sample_type"] ?? row["sampleType"], context.sampleType);
  const duplicates = duplicatesOf(row["duplicates"], context.duplicates);
  return new RowFault(fault, {
    machine,
    signal,
    unit: unit ?? "",
    maxGapUs: maxGapUs instanceof RowFault ? undefined : maxGapUs,
    sampleType: sampleType instanceof RowFault ? undefined : sampleType,
    duplicates: duplicates instanceof RowFault ? undefined : duplicates,
  });
}

function stateOf(
  row: Row,
  machine: string,
  timeUs: number,
  context: RowContext,
): RowRecord | RowFault {
  const part = partOf(row, "stateChange", stateFields, { timeUs, context });
  if (part instanceof RowFault) return part;
  const state = states.get(wordOf(part["state"], context));
  if (state === undefined) return new RowFault(stateFault);
  const reason = textOf(part, "reason");
  if (typeof reason !== "string") return reason;
  const duplicates = duplicatesOf(row["duplicates"], context.duplicates);
  if (duplicates instanceof RowFault) return duplicates;
  return { kind: "state", machine, timeUs, state, reason, duplicates };
}

function errorOf(
  row: Row,
  machine: string,
  timeUs: number,
  context: RowContext,
): RowRecord | RowFault {
  const part = partOf(row, "errorReport", errorFields, { timeUs, context });
  if (part instanceof RowFault) return part;
  const severity = severities.get(wordOf(part["severity"], context));
  if (severity === undefined) return new RowFault(severityFault);
  const code = textOf(part, "code");
  if (typeof code !== "string") return code;
  const message = textOf(part, "message");
  if (typeof message !== "string") return message;
  const duplicates = duplicatesOf(row["duplicates"], context.duplicates);
  if (duplicates instanceof RowFault) return duplicates;
  return { kind: "error", machine, timeUs, severity, code, message, duplicates };
}

const unknownFault = (row: Row): RowFault =>
  rowFault(
    "REQUEST_INVALID",
    unknownFields(Object.keys(row).filter((name) => !fieldGroups.has(name))),
  );

const stateFields = ["state", "reason"];
const errorFields = ["severity", "code", "message"];

const groupOf = (signal: string): number =>
  signal === "state" ? fieldGroup.state : signal === "error" ? fieldGroup.error : fieldGroup.sample;

/** The fault of a field that has a value but does not belong to a record of this signal. */
function strayFault(row: Row, stray: number, signal: string): RowFault {
  const name = Object.keys(row).find(
    (one) => isGiven(row[one]) && (fieldGroups.get(one)! & stray) !== 0,
  )!;
  const kind =
    signal === "state" ? "a state change" : signal === "error" ? "an error report" : "a sample";
  return rowFault("REQUEST_INVALID", `${name}: not a field of ${kind}`);
}

/** The fault of a field that is given in two spellings: one of the values would be lost. */
function givenTwice(row: Row): RowFault | undefined {
  for (const [spelling, name] of otherSpellings) {
    if (isGiven(row[spelling]) && isGiven(row[name]))
      return rowFault(
        "REQUEST_INVALID",
        `${name}: given in both spellings, ${name} and ${spelling}: send one`,
      );
  }
  return undefined;
}

/** Where the fields of a kind are: in the row itself, or in a message of the contract inside it. */
function partOf(
  row: Row,
  name: "stateChange" | "errorReport",
  fields: readonly string[],
  at: { timeUs: number; context: TimeContext },
): Row | RowFault {
  const part = row[name] ?? row[name === "stateChange" ? "state_change" : "error_report"];
  if (!isGiven(part)) return row;
  if (typeof part !== "object" || Array.isArray(part))
    return rowFault("REQUEST_INVALID", `${name}: an object is expected`);
  const beside = fields.find((field) => isGiven(row[field]));
  if (beside !== undefined)
    return rowFault("REQUEST_INVALID", `${beside}: given beside ${name}: send only one of them`);
  for (const [field, value] of Object.entries(part as Row)) {
    if (field === "time") {
      if (isGiven(value) && timeOf(value, at.context) !== at.timeUs)
        return rowFault("TIME_INVALID", `${name}.time: not the time of the row: leave it out`);
    } else if (!fields.includes(field)) {
      return rowFault(
        "REQUEST_INVALID",
        unknownField(field, { of: `a field of ${name}`, known: fields }),
      );
    }
  }
  return part as Row;
}

function wordOf(word: unknown, { words }: RowContext): string {
  if (typeof word !== "string") return "";
  return words?.get(word.toLowerCase()) ?? word.toUpperCase();
}
const states = enumWords<MachineState>(MachineStateSchema);
const severities = enumWords<Severity>(SeveritySchema);
