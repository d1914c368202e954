// Turns a row of a file, by the declared meaning of its columns or members, into rows of one record
// each.
import { anyOther, type ColumnMapping, type ColumnTarget } from "./column-target.ts";
import { isGiven } from "./field-values.ts";
import { fieldGroups, fieldNames, otherSpellings } from "./fields.ts";
import { namedColumn, type Row, type RowFault, type RowMapping, rowFault } from "./row-record.ts";
import type { WideHeader } from "./wide-header.ts";

/** Objects in objects are members by path, up to this depth. */
const maxDepth = 8;
const noValue = rowFault("VALUE_NOT_FINITE", "value: missing: all columns of values are empty");
const fieldTargets: ReadonlyMap<string, ColumnTarget> = new Map(
  [...fieldGroups.keys()].map((name) => [
    name,
    { kind: "field" as const, field: otherSpellings.get(name) ?? name },
  ]),
);

/** Undefined where columns are named like the fields of rows. */
export function createRowMapping({
  columns = [],
  wide,
}: {
  columns?: readonly ColumnMapping[] | undefined;
  wide?: WideHeader | undefined;
}): RowMapping | undefined {
  if (columns.length === 0 && wide === undefined) return undefined;
  const byName = new Map(columns.map(({ name, target }) => [name, target]));
  const others = byName.get(anyOther);
  const own = (name: string) => byName.get(name) ?? fieldTargets.get(name) ?? wide?.read(name);

  function rowsOf(row: Row): readonly (Row | RowFault)[] {
    const cells = new Cells();
    const unknown: string[] = [];
    const read = (part: Row, before: string, depth: number) => {
      for (const member of Object.keys(part)) {
        const [name, value] = [before + member, part[member]];
        const target = own(name);
        if (target !== undefined) cells.add(target, name, value);
        else if (isObject(value) && depth < maxDepth) read(value, `${name}.`, depth + 1);
        else if (others !== undefined) cells.add(others, name, value);
        // A column without a name, as a delimiter at the end of each line makes.
        else if (name !== "" || isGiven(value)) unknown.push(name);
      }
    };
    read(row, "", 0);
    if (unknown.length > 0) return [rowFault("REQUEST_INVALID", unmapped(unknown))];
    return cells.rows();
  }

  return {
    targetOf: (name) => own(name) ?? others,
    names: [...byName.keys()].filter((name) => name !== anyOther),
    timePaths: columns.flatMap(({ name, target }) =>
      target.kind === "field" && target.field === "time" ? [name] : [],
    ),
    rowsOf,
  };
}

/** The message about columns or members that nothing explains. */
export function unmapped(names: readonly string[]): string {
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name.slice(0, 80)));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  const [first = ""] = names;
  return `not known: ${shown.join(", ")}${more}: say what each is with column=${first.slice(0, 80)}=FIELD (producer flag: --column), or with - for FIELD that it is not stored; fields are ${fieldNames.join(", ")}, and value:SIGNAL`;
}

const isObject = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

type Sample = { target: Extract<ColumnTarget, { kind: "sample" }>; name: string; value: unknown };

/** The cells of one row of the file. */
class Cells {
  readonly #fields: Record<string, unknown> = {};
  readonly #samples: Sample[] = [];
  #fault: RowFault | undefined;

  add(target: ColumnTarget, name: string, value: unknown): void {
    if (target.kind === "none" || !isGiven(value)) return;
    if (target.kind === "sample") this.#samples.push({ target, name, value });
    else if (Object.hasOwn(this.#fields, target.field))
      this.#fault ??= rowFault("REQUEST_INVALID", `${target.field}: given twice`);
    else this.#fields[target.field] = value;
  }

  rows(): readonly (Row | RowFault)[] {
    if (this.#fault !== undefined) return [this.#fault];
    const { date, clock, ...fields } = this.#fields;
    if (date !== undefined || clock !== undefined) {
      if (fields["time"] !== undefined)
        return [rowFault("TIME_INVALID", "time: given beside date and clock")];
      if (date === undefined) return [rowFault("TIME_INVALID", "time: the date is missing")];
      fields["time"] = clock === undefined ? date : `${date} ${clock}`;
    }
    const { value, state, reason, severity, code, message, ...shared } = fields;
    const { unit, max_gap, sample_type, ...head } = shared;
    const rows: Row[] = this.#samples.map(({ target, name, value }) => ({
      ...shared,
      machine: target.machine ?? shared["machine"],
      signal: target.signal ?? shared["signal"],
      unit: target.unit ?? unit,
      value,
      [namedColumn]: name,
    }));
    // A row that names its signal is of that kind, and its other fields must fit.
    if (shared["signal"] !== undefined && rows.length === 0) return [fields];
    if (value !== undefined) rows.push({ ...shared, value });
    const isState = fields["stateChange"] !== undefined || fields["state_change"] !== undefined;
    const isError = fields["errorReport"] !== undefined || fields["error_report"] !== undefined;
    if (isState || isError) return [fields];
    if (state !== undefined) rows.push({ ...head, signal: "state", state, reason });
    if (code !== undefined || severity !== undefined)
      rows.push({ ...head, signal: "error", severity: severity ?? "ERROR", code, message });
    return rows.length === 0 ? [noValue] : rows;
  }
}
