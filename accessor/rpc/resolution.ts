// How a request cuts its window into buckets: by a width, by a calendar, or into about as many as a
// plot has points.
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type AggregateSamplesRequest,
  type Calendar as CalendarMessage,
  CalendarUnit,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { Failure } from "../domain/failure.ts";
import { BucketEdgesError, bucketEdges, roundWidthUs, slotEdges } from "../history/bucket-edges.ts";
import {
  type Calendar,
  type CalendarUnit as CalendarName,
  calendarEdges,
} from "../history/calendar-edges.ts";
import { invalid } from "./check-request.ts";
import type { QuestionWindow } from "./window.ts";

export const maxBucketsInARow = 10_000;
export const maxBuckets = 100_000;

type Resolution = AggregateSamplesRequest["resolution"];

/**
 * Edges of the buckets of a window; none if it has not begun, but errors in its resolution are
 * reported all the same. Fails with TOO_MANY_BUCKETS, TIME_ZONE_UNKNOWN or REQUEST_INVALID.
 */
export function toEdges(
  resolution: Resolution,
  { window, defaultPoints }: { window: QuestionWindow; defaultPoints: number },
): Float64Array {
  const { fromUs, toUs, askedUs } = window;
  if (toUs <= fromUs) {
    if (askedUs > fromUs)
      toEdges(resolution, { window: { ...window, toUs: askedUs }, defaultPoints });
    return new Float64Array(0);
  }
  const calendar = calendarOf(resolution);
  const of = { fromUs, toUs, maxBuckets: maxBucketsInARow };
  try {
    if (calendar !== undefined) return calendarEdges({ ...of, ...calendar });
    if (resolution.case === "width")
      return bucketEdges({ ...of, widthUs: checkWidth(resolution.value) });
    const points = resolution.case === "points" ? resolution.value : defaultPoints;
    // No round width gives exactly one bucket for every window.
    if (points === 1) return slotEdges({ ...of, points });
    return bucketEdges({ ...of, widthUs: roundWidthUs({ fromUs, toUs: askedUs, points }) });
  } catch (error) {
    if (!(error instanceof BucketEdgesError)) throw error;
    if (error.reason === "too_many_buckets") throw tooManyBuckets(error.message);
    if (error.reason === "unknown_time_zone") {
      const metadata = { time_zone: calendar?.timeZone ?? "" };
      throw new Failure(
        "TIME_ZONE_UNKNOWN",
        `${error.message}: give a name such as "Europe/Berlin" or "UTC"`,
        {
          metadata,
        },
      );
    }
    throw error;
  }
}

/** The time zone that a resolution names. */
export function zoneOf(resolution: Resolution): string | undefined {
  return calendarOf(resolution)?.timeZone;
}

export function tooManyBuckets(message: string): Failure {
  return new Failure("TOO_MANY_BUCKETS", message, {
    metadata: { max_buckets: String(maxBucketsInARow), max_buckets_in_all: String(maxBuckets) },
  });
}

function checkWidth(width: Duration): number {
  const widthUs = toDurationUs(width);
  if (Number.isSafeInteger(widthUs) && widthUs >= 1_000) return widthUs;
  throw invalid("width", "must be at least 1 ms, and at most 285 years");
}

const units: Readonly<Partial<Record<CalendarUnit, CalendarName>>> = {
  [CalendarUnit.SHIFT]: "shift",
  [CalendarUnit.DAY]: "day",
  [CalendarUnit.WEEK]: "week",
  [CalendarUnit.MONTH]: "month",
  [CalendarUnit.QUARTER]: "quarter",
  [CalendarUnit.YEAR]: "year",
};

function calendarOf({ case: kind, value }: Resolution): Calendar | undefined {
  if (kind === "daysInTimeZone") return { timeZone: value, unit: "day" };
  return kind === "calendar" ? toCalendar(value) : undefined;
}

function toCalendar({ timeZone, unit: number, dayStart, shiftStarts }: CalendarMessage): Calendar {
  const unit = units[number];
  if (unit === undefined) throw invalid("calendar.unit", "must be one of the units");
  if (unit !== "shift") {
    if (shiftStarts.length > 0)
      throw invalid("calendar.shift_starts", "are only allowed with the unit SHIFT");
    return { timeZone, unit, startsMs: [toTimeOfDayMs("calendar.day_start", dayStart || "00:00")] };
  }
  if (dayStart !== "")
    throw invalid("calendar.day_start", "must be empty with the unit SHIFT: give shift_starts");
  if (shiftStarts.length === 0)
    throw invalid(
      "calendar.shift_starts",
      'must say when shifts begin, such as "06:00", "14:00", "22:00"',
    );
  const startsMs = shiftStarts
    .map((text) => toTimeOfDayMs("calendar.shift_starts", text))
    .sort((a, b) => a - b);
  if (new Set(startsMs).size < startsMs.length)
    throw invalid("calendar.shift_starts", "must not contain a time twice");
  return { timeZone, unit, startsMs };
}

const timeOfDay = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

function toTimeOfDayMs(field: string, text: string): number {
  const match = timeOfDay.exec(text);
  if (match === null)
    throw invalid(
      field,
      `${JSON.stringify(text)} is not a time of day from "00:00" to "23:59", such as "06:00"`,
    );
  const [, hour, minute, second = "0"] = match;
  return ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
}
