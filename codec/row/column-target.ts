// What a column of a file means: the field of a row that it is, or the signal whose values it has.
import { machineNameFault, readMachineName } from "../machine-name.ts";
import { readUnit } from "../unit.ts";
import { fieldNames, unknownField } from "./fields.ts";

/** Two columns that are a time together: its date and its time of day. */
export const halvesOfTime = ["date", "clock"] as const;

export type ColumnTarget =
  | { readonly kind: "field"; readonly field: string }
  /** Values of a signal of their own: a row of the file may have several of them. */
  | {
      readonly kind: "sample";
      /** Undefined: that of the row. */
      readonly machine: string | undefined;
      readonly signal: string | undefined;
      readonly unit: string | undefined;
    }
  /** Not stored. */
  | { readonly kind: "none" };

/** A column by its name in the header, or a member of JSON by its path: "data.temp_c". */
export type ColumnMapping = { readonly name: string; readonly target: ColumnTarget };

/** The name that stands for every column that nothing else names. */
export const anyOther = "*";

/** The forms of a mapping, to follow "expected". */
export const columnForms =
  "NAME=FIELD: a field of a row (time, machine, value …), date or clock, value:SIGNAL, value:SIGNAL[UNIT] or value:MACHINE.SIGNAL[UNIT] for the values of one signal, or - for a column that is not stored; the name * stands for all others";

const signalForm = /^(?:(.+)\.)?([a-z][a-z0-9_]{0,62})(?:\[([^[\]]{0,32})\])?$/su;
const maxNameLength = 1_000;

/** The mapping of a text such as "Zeit=time"; or, as a text, what is wrong with it. */
export function readColumn(text: string): ColumnMapping | string {
  const cut = text.lastIndexOf("=");
  if (cut < 1) return `${shown(text)} is not a mapping; expected ${columnForms}`;
  const name = text.slice(0, cut).trim();
  const target = targetOf(text.slice(cut + 1).trim());
  if (name === "" || name.length > maxNameLength)
    return `${shown(text)} names no column; expected ${columnForms}`;
  return typeof target === "string" ? target : { name, target };
}

function targetOf(text: string): ColumnTarget | string {
  if (text === "-") return { kind: "none" };
  if (text.startsWith("value:")) return sampleOf(text.slice("value:".length));
  const known = [...fieldNames, ...halvesOfTime];
  if (known.includes(text)) return { kind: "field", field: text };
  return `${unknownField(text, { of: "a field that a column can be", known })}; expected ${columnForms}`;
}

function sampleOf(text: string): ColumnTarget | string {
  const match = signalForm.exec(text);
  if (match === null)
    return `${shown(`value:${text}`)} names no signal: write value:SIGNAL, value:SIGNAL[UNIT] or value:MACHINE.SIGNAL[UNIT], where a signal's name fits [a-z][a-z0-9_]{0,62}`;
  const [, given, signal, unit = ""] = match;
  const machine = given === undefined ? undefined : readMachineName(given);
  if (given !== undefined && machine === undefined) return machineNameFault(given);
  return { kind: "sample", machine, signal, unit: readUnit(unit) || undefined };
}

const shown = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
