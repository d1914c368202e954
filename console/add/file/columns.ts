// What the columns of a file mean: recognised by their names and by a few rows, and changed by the
// reader where that was wrong.
import { plainDecimal } from "../../../codec/row/decimal-text.ts";
import {
  type Delimiter,
  delimiterWords,
  recogniseDelimiter,
} from "../../../codec/row/delimiter.ts";
import { createLocalTimes, type LocalTimes } from "../../../codec/row/local-time.ts";
import { readTime } from "../../../codec/row/time.ts";

/** Roles of columns of which there is one at most, and of those of which there may be many. */
export const singleRoles = [
  "time",
  "machine",
  "signal",
  "value",
  "unit",
  "state",
  "reason",
  "severity",
  "code",
  "message",
] as const;
export type SingleRole = (typeof singleRoles)[number];
/** sample: values of a signal of their own, in the form that one row has many signals. */
export type Role = SingleRole | "sample" | "ignore";

export type ColumnMapping = {
  readonly header: string;
  readonly role: Role;
  /** Of a sample: the signal's name and its unit. */
  readonly signal: string;
  readonly unit: string;
};

const names: Readonly<Record<SingleRole, RegExp>> = {
  time: /^(time|timestamp|ts|date|datetime|date_time|time_?stamp|zeit|zeitstempel|datum)$/,
  machine: /^(machine|machine_?(id|name)|device|device_?id|asset|equipment|maschine|anlage)$/,
  signal: /^(signal|metric|measurement|tag|variable|name|channel)$/,
  value: /^(value|val|wert|measure|reading)$/,
  unit: /^(unit|units|einheit)$/,
  state: /^(state|status|zustand|mode)$/,
  reason: /^(reason|grund|cause)$/,
  severity: /^(severity|level|priority)$/,
  code: /^(code|error_?code|alarm|alarm_?(id|code)|fehlercode)$/,
  message: /^(message|msg|text|description|meldung)$/,
};

const readers = (["YYYY-MM-DD", "DD.MM.YYYY"] as const).map((format) =>
  createLocalTimes({ format, timeZone: "UTC" }),
);

const isNumber = (text: string): boolean =>
  /^[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?$/i.test(text.trim());

/** "Power [kW]" and "power_kw (kW)" are the signal "power" and "power_kw" in kW. */
export function signalOf(header: string): { signal: string; unit: string } {
  const [, name = header, unit = ""] = /^(.*?)\s*[[(]\s*([^\])]*)\s*[\])]\s*$/.exec(header) ?? [];
  const word = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[_0-9]+|_+$/g, "")
    .slice(0, 63);
  return { signal: word === "" ? "value" : word, unit };
}

/** The roles of the columns, from the header and the first rows. */
export function recogniseColumns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): ColumnMapping[] {
  const taken = new Set<Role>();
  const texts = (at: number) =>
    rows.map((row) => row[at] ?? "").filter((text) => text.trim() !== "");
  const take = (role: Role): Role => {
    taken.add(role);
    return role;
  };
  const roles = header.map((title): Role | undefined => {
    const word = title
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, "_");
    const role = singleRoles.find((one) => !taken.has(one) && names[one].test(word));
    return role && take(role);
  });
  // A time may have any name.
  if (!taken.has("time")) {
    const at = header.findIndex(
      (_, i) => roles[i] === undefined && texts(i).length > 0 && texts(i).every(looksLikeTime),
    );
    if (at !== -1) roles[at] = take("time");
  }
  return header.map((title, at) => {
    const isSample = roles[at] === undefined && texts(at).some(isNumber);
    return {
      header: title,
      role: roles[at] ?? (isSample ? "sample" : "ignore"),
      ...signalOf(title),
    };
  });
}

const looksLikeTime = (text: string): boolean =>
  typeof readTime(text.trim(), { nowUs: undefined, local: localTimes }) === "bigint" ||
  /^\d{10}(\.\d+)?$/.test(text.trim());

/** A time without a zone is UTC: the page says so. DD.MM.YYYY cannot mean another order. */
export const localTimes: LocalTimes = {
  format: undefined,
  needsSeries: false,
  read(text, series) {
    for (const one of readers) {
      const us = one.read(text, series);
      if (us !== undefined) return us;
    }
    return undefined;
  },
};

/** Whether a name of a column says what the column is. */
const isKnown = (name: string): boolean =>
  singleRoles.some((role) =>
    names[role].test(
      name
        .trim()
        .toLowerCase()
        .replace(/[\s-]+/g, "_"),
    ),
  );

/**
 * The delimiter of a header, by the rules of every door; where they are not sure, the commonest.
 */
export function delimiterOf(line: string): Delimiter {
  try {
    return recogniseDelimiter(line, isKnown);
  } catch {
    const count = (mark: string) => line.split(mark).length;
    return Object.values(delimiterWords).reduce<Delimiter>(
      (best, mark) => (count(mark) > count(best) ? mark : best),
      ",",
    );
  }
}

/** Whether numbers have a comma for the point: only where commas do not separate fields. */
export const hasDecimalComma = (delimiter: string, rows: readonly (readonly string[])[]): boolean =>
  delimiter !== "," &&
  rows.some((row) =>
    row.some((cell) => cell.includes(",") && plainDecimal(cell.trim(), "comma") !== undefined),
  );
