// The cases of calendar tests: twelve time zones near a day that is odd there, all units of a
// calendar, all cadences.
import { CalendarUnit } from "#gen/millrace/v1/signal_service_pb.ts";
import { eventually } from "./eventually.ts";
import type { OracleUnit } from "./local-buckets.ts";

/** A zone and an instant near which its calendar is odd. */
export const oddDays: readonly (readonly [timeZone: string, near: string])[] = [
  ["Pacific/Apia", "2011-12-30T10:00Z"], // skips 2011-12-30
  ["Africa/Casablanca", "2026-03-22T02:00Z"], // an hour back, for Ramadan's end forth
  ["America/Sao_Paulo", "2017-10-15T03:00Z"], // has no midnight that day
  ["Asia/Beirut", "2023-03-25T22:00Z"], // has none either
  ["Australia/Lord_Howe", "2024-04-06T15:00Z"], // back by half an hour
  ["Europe/Berlin", "2026-03-29T01:00Z"],
  ["America/New_York", "2026-11-01T06:00Z"],
  ["Asia/Kathmandu", "2025-12-31T18:15Z"], // 5:45 ahead
  ["Asia/Kolkata", "2025-12-31T18:30Z"], // 5:30 ahead
  ["Pacific/Chatham", "2024-04-06T14:00Z"], // 12:45 and 13:45 ahead
  ["America/Havana", "2024-11-03T05:00Z"], // comes to midnight twice
  ["Africa/Cairo", "2024-04-25T22:00Z"], // has no midnight that day
];

const { DAY, WEEK, MONTH, QUARTER, YEAR, SHIFT } = CalendarUnit;

export const units = {
  day: DAY,
  week: WEEK,
  month: MONTH,
  quarter: QUARTER,
  year: YEAR,
  shift: SHIFT,
} as const;
export const allUnits = Object.keys(units) as OracleUnit[];

/** How many days a window reaches before and after an odd day. */
export const reachDays = { day: 9, week: 40, month: 300, quarter: 400, year: 800, shift: 4 };

export const dayStarts = ["", "06:00", "02:15", "23:30"];
export const shiftPlans = [
  ["06:00", "14:00", "22:00"],
  ["00:00", "02:30"],
  ["01:45", "23:45", "02:00"],
];

export const cadencesUs = [10e3, 1e6, 10e6, 60e6, 900e6, 3_600e6];

/** Waits until all that was committed is compacted, which takes long on a busy machine. */
export async function compacted({
  query,
}: {
  query(statement: string): Promise<Record<string, unknown>[]>;
}) {
  const statement =
    "select (select max(revision) from watermark) >= (select max(revision) from receipt) as done";
  await eventually("it is compacted", async () => (await query(statement))[0]!["done"], {
    withinMs: 60_000,
  });
}
