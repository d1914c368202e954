// One record of recorded signals from a row of named fields, and everything that can be wrong with
// it.
import { MachineState, MachineStateSchema, Severity, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { instant } from "../runtime/config-values.ts";
import type { ErrorAt, StateStart } from "./machine.ts";

/** A record of a machine: what a row says. */
export type InputRecord = { readonly machine: string } & (
  | ({ readonly kind: "state" } & StateStart)
  | ({ readonly kind: "error" } & ErrorAt)
  | {
      readonly kind: "value";
      readonly signal: string;
      readonly unit: string;
      readonly timeUs: number;
      readonly value: number;
    }
);

/** What is wrong with a row, for people. */
export class BadRow extends Error {
  override readonly name = "BadRow";
}

type Row = Readonly<Record<string, unknown>>;

/**
 * A record from a row: the contract's Signal as JSON (`machine`, `signal`, `time`, and
 * `stateChange`, `errorReport` or `value`), or flat, with `state` and `reason`, `severity`, `code`
 * and `message`, or `value` and `unit` beside them. Times are RFC 3339 (digits beyond microseconds
 * are cut) or milliseconds since the epoch; states and severities are names in any case. Throws
 * BadRow.
 */
export function parseRecord(row: Row): InputRecord {
  const machine = textOf(row, "machine");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(machine))
    throw new BadRow(`machine: ${shown(machine)} is not 1 to 128 of A-Z a-z 0-9 . _ -`);
  const signal = textOf(row, "signal");
  const timeUs = timeOf(row["time"]);
  if (signal === "state") {
    const part = partOf(row, "stateChange", "state_change");
    const state = enumOf(part["state"], "state", stateNumbers);
    return { machine, kind: "state", timeUs, state, reason: textOf(part, "reason", { max: 256, optional: true }) };
  }
  if (signal === "error") {
    const part = partOf(row, "errorReport", "error_report");
    return {
      machine,
      kind: "error",
      timeUs,
      severity: enumOf(part["severity"], "severity", severityNumbers),
      code: textOf(part, "code", { max: 64 }),
      message: textOf(part, "message", { max: 1024, optional: true }),
    };
  }
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(signal))
    throw new BadRow(`signal: ${shown(signal)} is not "state", "error", or a name such as power`);
  // Watts by the contract; any other unit must be said, or is as it was declared before.
  const unit = textOf(row, "unit", { max: 32, optional: true }) || (signal === "power" ? "W" : "");
  return { machine, kind: "value", signal, unit, timeUs, value: numberOf(row["value"]) };
}

function partOf(row: Row, ...names: string[]): Row {
  for (const name of names) {
    const part = row[name];
    if (typeof part === "object" && part !== null) return part as Row;
  }
  return row;
}

function textOf(row: Row, field: string, { max = 1024, optional = false } = {}): string {
  const value = row[field];
  if (value === undefined || value === null || value === "") {
    if (optional) return "";
    throw new BadRow(`${field}: missing`);
  }
  if (typeof value !== "string") throw new BadRow(`${field}: ${shown(value)} is not text`);
  if (value.includes("\0")) throw new BadRow(`${field}: holds U+0000`);
  // A code point is one or two units, so only long texts need counting.
  if (value.length > max && [...value].length > max) throw new BadRow(`${field}: longer than ${max} characters`);
  return value;
}

function numberOf(value: unknown): number {
  if (value === undefined || value === null || value === "") throw new BadRow("value: missing");
  const number = typeof value === "string" && /^\s*[-+.\d]/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number))
    throw new BadRow(`value: ${shown(value)} is not a finite number`);
  return number;
}

const instants = instant();

function timeOf(value: unknown): number {
  if (value === undefined || value === null || value === "") throw new BadRow("time: missing");
  const timeUs =
    typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value))
      ? Math.floor(Number(value) * 1000)
      : typeof value === "string"
        ? instants.read(value.replace(/(\.\d{6})\d+/, "$1"))
        : undefined;
  if (timeUs === undefined || !Number.isSafeInteger(timeUs))
    throw new BadRow(`time: ${shown(value)} is not ${instants.expects}, or milliseconds since 1970`);
  return timeUs;
}

function enumOf<T>(value: unknown, field: string, numbers: ReadonlyMap<string, T>): T {
  const number = typeof value === "string" ? numbers.get(value.toUpperCase()) : undefined;
  if (number === undefined) {
    const names = [...new Set(numbers.values())].map((one) => [...numbers].find(([, n]) => n === one)![0]);
    if (value === undefined || value === null || value === "") throw new BadRow(`${field}: missing`);
    throw new BadRow(`${field}: ${shown(value)} is not one of ${names.join(", ")}`);
  }
  return number;
}

const { ACTIVE, IDLE, FAULT, OFF } = MachineState;
const stateNumbers = namesOf<MachineState>(MachineStateSchema, [ACTIVE, IDLE, FAULT, OFF]);
const { INFO, WARNING, ERROR, CRITICAL } = Severity;
const severityNumbers = namesOf<Severity>(SeveritySchema, [INFO, WARNING, ERROR, CRITICAL]);

/** Each number under its short and its long name: "ACTIVE" and "MACHINE_STATE_ACTIVE". */
function namesOf<T>(
  { values }: typeof MachineStateSchema | typeof SeveritySchema,
  numbers: readonly T[],
): Map<string, T> {
  const names = new Map<string, T>();
  for (const number of numbers) {
    const named = values.find((value) => value.number === number)!;
    names.set(named.localName, number).set(named.name, number);
  }
  return names;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
