// A record of a file as rows of REST, by the mapping of its columns; or what is wrong with it.
import { plainDecimal } from "../../../codec/row/decimal-text.ts";
import { type EpochUnit, epochUnits, readTime } from "../../../codec/row/time.ts";
import { formatTime } from "../../../codec/row/time-text.ts";
import { type ColumnMapping, localTimes, type SingleRole } from "./columns.ts";

export type FileMapping = {
  readonly columns: readonly ColumnMapping[];
  /** For records that name no machine. */
  readonly machine: string;
  /** For values of records that name no signal. */
  readonly signal: string;
  /** The unit of times that are numbers. */
  readonly epoch: EpochUnit | undefined;
  readonly decimalComma: boolean;
};

/** A row as POST /signals takes it. */
export type Row = Readonly<Record<string, string>>;

export type Mapped = { readonly rows: readonly Row[]; readonly fault?: string };

export { type EpochUnit, epochUnits };

/** Several rows where one record has several signals. */
export function mapRecord(fields: readonly string[], mapping: FileMapping): Mapped {
  const { columns } = mapping;
  if (fields.length !== columns.length)
    return fault(`${fields.length} fields, but the header names ${columns.length}`);
  const cells: Partial<Record<SingleRole, string>> = {};
  columns.forEach(({ role }, at) => {
    const text = fields[at]!.trim();
    if (role !== "sample" && role !== "ignore" && text !== "") cells[role] = text;
  });
  if (cells.time === undefined) return fault("there is no time");
  const read = readTime(cells.time, {
    nowUs: undefined,
    epoch: mapping.epoch,
    local: localTimes,
  });
  if (typeof read !== "bigint") return fault(`time: ${read.message}`);
  const machine = cells.machine ?? mapping.machine.trim();
  if (machine === "") return fault("there is no machine: choose a column, or type a name");
  const head = { machine, time: formatTime(read) };
  const number = (text: string) =>
    mapping.decimalComma ? (plainDecimal(text, "comma") ?? text) : text;
  const rows: Row[] = [];
  columns.forEach(({ role, signal, unit }, at) => {
    const text = fields[at]!.trim();
    if (role === "sample" && text !== "")
      rows.push({ ...head, signal, value: number(text), ...unitOf(unit) });
  });
  if (cells.value !== undefined)
    rows.push({
      ...head,
      signal: cells.signal ?? mapping.signal,
      value: number(cells.value),
      ...unitOf(cells.unit ?? ""),
    });
  if (cells.state !== undefined)
    rows.push({
      ...head,
      signal: "state",
      state: cells.state.toUpperCase(),
      ...(cells.reason === undefined ? {} : { reason: cells.reason }),
    });
  if (cells.code !== undefined)
    rows.push({
      ...head,
      signal: "error",
      severity: (cells.severity ?? "ERROR").toUpperCase(),
      code: cells.code,
      ...(cells.message === undefined ? {} : { message: cells.message }),
    });
  return rows.length === 0 ? fault("there is no value, state or error code") : { rows };
}

const fault = (text: string): Mapped => ({ rows: [], fault: text });
const unitOf = (unit: string): Row => (unit === "" ? {} : { unit });
