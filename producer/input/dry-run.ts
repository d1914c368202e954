// What an input would store, without an accessor: each series with its span, and every line that
// would not be stored.
import type { FileFormat } from "../../codec/row/file-format.ts";
import type { RowFault, RowRecord } from "../../codec/row/row-record.ts";
import type { FoundFormat } from "../../codec/row/source-rows.ts";
import { formatTime } from "../../codec/row/time-text.ts";
import type { Input } from "./input.ts";
import { readInput } from "./read-input.ts";
import { foundFields, lineText } from "./reports.ts";

/** Records of one machine and signal. */
type Series = {
  machine: string;
  signal: string;
  unit: string;
  records: number;
  fromUs: number;
  toUs: number;
  least: number | undefined;
  most: number | undefined;
};

export type DryRunOptions = {
  input: Input;
  format: FileFormat;
  repeatable: boolean;
  /** Lines of JSON in place of a table. */
  json: boolean;
  /** Takes the text, a line at a time. */
  write: (line: string) => unknown;
};

export type DryRunSummary = { lines: number; records: number; badLines: number };

/** Most series that are listed; the records of others are only counted. */
const maxSeries = 10_000;

/** Reads the whole input and reports it. Rejects with BadText for an input that is none of rows. */
export async function dryRun(options: DryRunOptions): Promise<DryRunSummary> {
  const { input, format, repeatable, json, write } = options;
  const summary = { lines: 0, records: 0, badLines: 0 };
  const series = new Map<string, Series>();
  let unlisted = 0;
  const say = (members: object, text: string) => write(json ? JSON.stringify(members) : text);
  const onFound = (found: FoundFormat) => {
    const fields = foundFields(found);
    const told = Object.entries(fields).map(([name, value]) => `, ${name} ${value}`);
    say({ format: found.kind, ...fields }, `format: ${found.kind}${told.join("")}`);
  };
  const note = (record: RowRecord) => {
    summary.records++;
    const signal = record.kind === "value" ? record.signal : record.kind;
    const key = `${signal} ${record.machine}`;
    const known = series.get(key);
    if (known === undefined && series.size >= maxSeries) unlisted++;
    else series.set(key, withRecord(known, record, signal));
  };
  const refuse = ({ line, lines }: { line: number; lines: number }, fault: RowFault) => {
    const { reason, message } = fault;
    say({ line, lines, reason, message }, `line ${lineText({ line, lines })}: ${message}`);
  };
  for await (const { rows } of readInput(input.source, { format, repeatable, onFound }))
    for (const { source, records, faults } of rows) {
      summary.lines += source.lines;
      if (faults.length > 0) summary.badLines += source.lines;
      for (const fault of faults) refuse(source, fault);
      for (const record of records) note(record);
    }
  const all = [...series.values()];
  if (json) for (const one of all) write(JSON.stringify(toMembers(one)));
  else for (const line of table(all.map(toMembers))) write(line);
  const more = unlisted > 0 ? { unlistedRecords: unlisted } : {};
  say(
    { ...summary, ...more },
    `${summary.records} records of ${summary.lines} lines would be sent, ${summary.badLines} lines are bad${unlisted > 0 ? `; ${unlisted} records of further signals are not listed` : ""}`,
  );
  return summary;
}

function withRecord(known: Series | undefined, record: RowRecord, signal: string): Series {
  const { machine, timeUs } = record;
  const value = record.kind === "value" ? record.value : undefined;
  const unit = record.kind === "value" ? record.unit : "";
  if (known === undefined)
    return {
      ...{ machine, signal, unit, records: 1, fromUs: timeUs, toUs: timeUs },
      ...{ least: value, most: value },
    };
  known.records++;
  known.unit ||= unit;
  known.fromUs = Math.min(known.fromUs, timeUs);
  known.toUs = Math.max(known.toUs, timeUs);
  if (value !== undefined) {
    known.least = Math.min(known.least ?? value, value);
    known.most = Math.max(known.most ?? value, value);
  }
  return known;
}

const toMembers = ({ machine, signal, unit, records, fromUs, toUs, least, most }: Series) => ({
  machine,
  signal,
  unit,
  records,
  from: formatTime(BigInt(fromUs)),
  to: formatTime(BigInt(toUs)),
  min: least,
  max: most,
});

/** Columns of equal width. */
function table(rows: readonly Record<string, unknown>[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "")))];
  const widths = names.map((_, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]!.length), 0),
  );
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
