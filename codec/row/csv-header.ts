// The header of a CSV: which columns there are, and whether they say enough to store their rows.

import { isGiven } from "./field-values.ts";
import { fieldNames, unknownField } from "./fields.ts";
import type { FileFormat } from "./file-format.ts";
import { unmapped } from "./row-mapping.ts";
import type { RowMapping } from "./row-record.ts";
import { BadText } from "./unreadable.ts";

export type CsvFormat = Pick<FileFormat, "machine" | "signal" | "delimiter" | "decimal"> & {
  mapping?: RowMapping | undefined;
};

const fault = (message: string) => new BadText("header", message);
const noSignal =
  "no column names the signal: add a column signal, or set one for all rows with type=power (--type power)";

/** The names of the columns. Throws BadText that says what to write instead. */
export function checkHeader(fields: readonly string[], format: CsvFormat): string[] {
  const { mapping, machine, signal } = format;
  const trimmed = fields.map((field) => field.trim());
  const [only = ""] = trimmed;
  if (/^[[{]/.test(only)) {
    const how = only.startsWith("[")
      ? ", with one object of the array per line, as jq -c '.[]' writes it"
      : "";
    throw fault(`this is JSON, not CSV: send it as NDJSON${how}`);
  }
  if (mapping !== undefined) return checkMapped(trimmed, format);
  const names = trimmed.map((name) => name.toLowerCase());
  const unknown = names.find((name) => !fieldNames.includes(name));
  if (unknown !== undefined) {
    const message = unknownField(unknown, { of: "a column" });
    const how = `; a column of another name needs column=${fields[names.indexOf(unknown)]!.trim().slice(0, 80)}=FIELD (producer flag: --column)`;
    throw fault(message.endsWith("meant?") ? message : message + how);
  }
  for (const name of names)
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw fault(`${name} appears twice`);
  const missing = ["machine", "time"].find(
    (name) => !names.includes(name) && !(name === "machine" && isGiven(machine)),
  );
  if (missing !== undefined)
    throw fault(`the first line must name the columns, including ${missing}`);
  if (!names.includes("signal") && signal === undefined) throw fault(noSignal);
  return names;
}

function checkMapped(names: string[], { mapping, machine, signal }: CsvFormat): string[] {
  // The fields of rows in any case, other names as they are written.
  const known = names.map((name) =>
    mapping!.targetOf(name) === undefined || !fieldNames.includes(name.toLowerCase())
      ? name
      : mapping!.names.includes(name)
        ? name
        : name.toLowerCase(),
  );
  const targets = known.map((name) => mapping!.targetOf(name));
  const absent = mapping!.names.filter((name) => !known.includes(name));
  if (absent.length > 0)
    throw fault(
      `no column is called ${JSON.stringify(absent[0])}: the columns are ${known
        .slice(0, 20)
        .map((name) => JSON.stringify(name.slice(0, 80)))
        .join(", ")}`,
    );
  const unknown = known.filter((name, i) => targets[i] === undefined && name !== "");
  if (unknown.length > 0) throw fault(unmapped(unknown));
  const twice = known.find((name, i) => name !== "" && known.indexOf(name) !== i);
  if (twice !== undefined) throw fault(`${JSON.stringify(twice)} appears twice`);
  const given = targets.flatMap((target) => (target?.kind === "field" ? [target.field] : []));
  const field = given.find((name, i) => given.indexOf(name) !== i);
  if (field !== undefined) throw fault(`two columns are ${field}`);
  const samples = targets.flatMap((target) => (target?.kind === "sample" ? [target] : []));
  const has = (name: string) => given.includes(name);
  if (!has("time") && !has("date"))
    throw fault("no column is the time: name it with column=NAME=time (producer flag: --column)");
  const needsMachine = samples.length === 0 || samples.some((one) => one.machine === undefined);
  if (needsMachine && !has("machine") && machine === undefined)
    throw fault(
      "no column names the machine: name one with column=NAME=machine, or set one for all rows with machine=NAME (--machine NAME)",
    );
  const needsSignal = has("value") || samples.some((one) => one.signal === undefined);
  if (needsSignal && !has("signal") && signal === undefined) throw fault(noSignal);
  return known;
}
