// How a window is divided into spans: the parameters for it, and their form in the contract.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AggregateSamplesRequestSchema,
  CalendarUnit,
  CalendarUnitSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { invalidField } from "../errors/reasons.ts";
import {
  countParameter,
  durationParameter,
  listParameter,
  textParameter,
  type ValuesOf,
  wordParameter,
  zoneParameter,
} from "./parameters.ts";
import { toDuration } from "./time.ts";

export const resolutionParameters = {
  width: durationParameter(
    "Spans of this width, at multiples of it since 1970-01-01T00:00:00Z; at least 1ms.",
  ),
  points: countParameter(
    "About so many spans, for a plot: a round width that makes no more of them, or with 1 the window as it is; 1 to 10,000.",
  ),
  days: zoneParameter('Calendar days of this time zone, such as "Europe/Berlin" or "UTC".'),
  calendar: wordParameter(
    CalendarUnitSchema,
    "Units of the calendar of the time zone tz. Weeks begin on Monday; of a start that clocks skip or repeat see Calendar in the contract.",
  ),
  tz: zoneParameter('Time zone of calendar and shifts, such as "Europe/Berlin" or "UTC".'),
  day_start: textParameter(
    "Local time at which days begin, and so weeks, months, quarters and years: 06:00; midnight if absent. With days or calendar.",
  ),
  shifts: listParameter(
    "Local times at which shifts begin each day: 06:00,14:00,22:00. A span for each shift. With tz.",
  ),
};

/** The fields of the contract that these parameters set. */
export const resolutionFields = {
  days_in_time_zone: "days",
  resolution: "width",
  "calendar.time_zone": "tz",
  "calendar.unit": "calendar",
  "calendar.day_start": "day_start",
  "calendar.shift_starts": "shifts",
  shift_starts: "shifts",
};

type Query = ValuesOf<typeof resolutionParameters>;
type Resolution = NonNullable<MessageInitShape<typeof AggregateSamplesRequestSchema>["resolution"]>;

/** Without parameters there is no resolution, so the accessor's default applies. */
export function resolutionOf(query: Query): { resolution?: Resolution } {
  const { width, points, days, calendar, tz, day_start: dayStart, shifts } = query;
  const ways = {
    width,
    points,
    days,
    [calendar === undefined ? "shifts" : "calendar"]: calendar ?? shifts,
  };
  const given = Object.entries(ways).filter(([, value]) => value !== undefined);
  if (given.length > 1) throw invalidField(given[1]![0], `cannot be combined with ${given[0]![0]}`);
  const [way] = given.map(([name]) => name);
  const ofCalendar = way === "calendar" || way === "shifts";
  if (tz !== undefined && !ofCalendar)
    throw invalidField("tz", "is only allowed with calendar or shifts");
  if (dayStart !== undefined && !ofCalendar && way !== "days")
    throw invalidField("day_start", "is only allowed with days or calendar");
  if (width !== undefined) return { resolution: { case: "width", value: toDuration(width) } };
  if (points !== undefined) return { resolution: { case: "points", value: points } };
  if (days !== undefined && dayStart === undefined)
    return { resolution: { case: "daysInTimeZone", value: days } };
  const timeZone = days ?? tz;
  if (way === undefined) return {};
  if (timeZone === undefined)
    throw invalidField("tz", `needed with ${way}: the time zone, such as Europe/Berlin or UTC`);
  const unit = days === undefined ? (calendar ?? CalendarUnit.SHIFT) : CalendarUnit.DAY;
  const value = { timeZone, unit, dayStart: dayStart ?? "", shiftStarts: shifts ?? [] };
  return { resolution: { case: "calendar", value } };
}
