// What resolutions come to as edges, and what is refused of them and how.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it, test } from "vitest";
import { AggregateSamplesRequestSchema, CalendarUnit } from "#gen/millrace/v1/signal_service_pb.ts";
import { Failure } from "../domain/failure.ts";
import { toEdges } from "./resolution.ts";

type Resolution = NonNullable<MessageInitShape<typeof AggregateSamplesRequestSchema>["resolution"]>;
type Calendar = Extract<Resolution, { case: "calendar" }>["value"];

const toUs = (text: string) => Date.parse(text) * 1000;

function edges(resolution: Resolution, from: string, to: string): string[] {
  const request = create(AggregateSamplesRequestSchema, { resolution });
  const window = { fromUs: toUs(from), toUs: toUs(to), askedUs: toUs(to) };
  const edgesUs = toEdges(request.resolution, { window, defaultPoints: 100 });
  return [...edgesUs].map((us) => new Date(us / 1000).toISOString().slice(0, 16));
}

const calendar = (value: Calendar): Resolution => ({ case: "calendar", value });
const berlin = { timeZone: "Europe/Berlin" };

describe("a calendar", () => {
  it("cuts at days as days_in_time_zone does", () => {
    const window = ["2026-03-27T12:00Z", "2026-03-31T12:00Z"] as const;
    const days = edges({ case: "daysInTimeZone", value: "Europe/Berlin" }, ...window);
    expect(days).toEqual([
      "2026-03-27T12:00",
      "2026-03-27T23:00",
      "2026-03-28T23:00",
      "2026-03-29T22:00",
      "2026-03-30T22:00",
      "2026-03-31T12:00",
    ]);
    expect(edges(calendar({ ...berlin, unit: CalendarUnit.DAY }), ...window)).toEqual(days);
    expect(
      edges(calendar({ ...berlin, unit: CalendarUnit.DAY, dayStart: "00:00:00" }), ...window),
    ).toEqual(days);
  });

  it("has shifts in whatever order they are named", () => {
    const shifts = {
      ...berlin,
      unit: CalendarUnit.SHIFT,
      shiftStarts: ["22:00", "06:00:30", "14:00"],
    };
    expect(edges(calendar(shifts), "2026-01-07T00:00Z", "2026-01-08T00:00Z")).toEqual([
      "2026-01-07T00:00",
      "2026-01-07T05:00",
      "2026-01-07T13:00",
      "2026-01-07T21:00",
      "2026-01-08T00:00",
    ]);
  });

  it("has each unit from the day's start", () => {
    const cuts = (unit: CalendarUnit) =>
      edges(
        calendar({ ...berlin, unit, dayStart: "06:00" }),
        "2025-12-27T00:00Z",
        "2026-01-07T00:00Z",
      ).slice(1, -1);
    expect(cuts(CalendarUnit.WEEK)).toEqual(["2025-12-29T05:00", "2026-01-05T05:00"]);
    for (const unit of [CalendarUnit.MONTH, CalendarUnit.QUARTER, CalendarUnit.YEAR])
      expect(cuts(unit)).toEqual(["2026-01-01T05:00"]);
  });
});

const shift = { ...berlin, unit: CalendarUnit.SHIFT };
const day = { ...berlin, unit: CalendarUnit.DAY };

test.each<[string, Resolution, Record<string, string>]>([
  ["no unit", calendar(berlin), { field: "calendar.unit" }],
  ["shifts without starts", calendar(shift), { field: "calendar.shift_starts" }],
  [
    "a start twice",
    calendar({ ...shift, shiftStarts: ["06:00", "06:00:00"] }),
    { field: "calendar.shift_starts" },
  ],
  [
    "a start that is none",
    calendar({ ...shift, shiftStarts: ["6:00"] }),
    { field: "calendar.shift_starts" },
  ],
  [
    "an hour that is none",
    calendar({ ...day, dayStart: "24:00" }),
    { field: "calendar.day_start" },
  ],
  [
    "starts of days",
    calendar({ ...day, shiftStarts: ["06:00"] }),
    { field: "calendar.shift_starts" },
  ],
  [
    "a day's start of shifts",
    calendar({ ...shift, dayStart: "06:00", shiftStarts: ["06:00"] }),
    { field: "calendar.day_start" },
  ],
  ["a width of nothing", { case: "width", value: { nanos: 999_999 } }, { field: "width" }],
  ["a width of ages", { case: "width", value: { seconds: 10n ** 11n } }, { field: "width" }],
  ["a zone that is none", calendar({ ...day, timeZone: "Mars/Base" }), { time_zone: "Mars/Base" }],
  ["a zone of days that is none", { case: "daysInTimeZone", value: "CEST" }, { time_zone: "CEST" }],
  [
    "too many shifts",
    calendar({ ...shift, shiftStarts: ["06:00", "14:00"] }),
    { max_buckets: "10000", max_buckets_in_all: "100000" },
  ],
])("%s is refused", (_, resolution, metadata) => {
  const ask = () => edges(resolution, "2000-01-01", "2026-01-01");
  expect(ask).toThrow(Failure);
  expect(ask).toThrow(
    expect.objectContaining({
      reason: metadata["field"]
        ? "REQUEST_INVALID"
        : metadata["time_zone"]
          ? "TIME_ZONE_UNKNOWN"
          : "TOO_MANY_BUCKETS",
      metadata,
    }),
  );
});
