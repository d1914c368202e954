// millrace_v1.calendar has the same boundaries as REST and gRPC, whatever PostgreSQL's own time
// zones are.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CalendarUnit } from "#gen/millrace/v1/signal_service_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { type CalendarUnit as CalendarName, calendarEdges } from "../history/calendar-edges.ts";
import { zoneStretches } from "../history/zone-clocks.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { openSession, openSqlFixture, type SqlFixture } from "../testing/sql-database.ts";
import { type Database, openDatabase } from "./database.ts";
import { ZoneClocks } from "./zone-clocks.ts";

const log = createLog({ name: "test", level: "error" });
const zones = [
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "America/New_York",
  "America/Sao_Paulo",
  "America/Havana",
  "Asia/Kolkata",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/St_Johns",
];
const offsets = ["+05:30", "-03:30", "-0330", "+14", "-00:00", "+23:59"];
const toUs = (text: string) => Date.parse(text) * 1000;
const hourMs = 3_600_000;

let fixture: SqlFixture;
let database: Database;
let reader: Awaited<ReturnType<typeof openSession>>;
beforeAll(async () => {
  fixture = await openSqlFixture();
  database = await openDatabase({ url: fixture.url, isPrepared: true, log });
  reader = await openSession(fixture.url, "millrace_reader");
  await using clocks = new ZoneClocks({ database, version: "2026c", log });
  for (const zone of zones) clocks.use(zone);
  await clocks.settled();
}, 60_000);
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

type Asked = {
  fromUs: number;
  toUs: number;
  timeZone: string;
  unit: CalendarName;
  startsMs: number[];
};

async function edgesInSql({
  fromUs,
  toUs: endUs,
  timeZone,
  unit,
  startsMs,
}: Asked): Promise<number[]> {
  const starts = startsMs.map((ms) => new Date(ms).toISOString().slice(11, 19));
  const rows = await reader.query<{ from_us: string; to_us: string }>(
    `select (extract(epoch from start_time) * 1000000)::bigint as from_us, (extract(epoch from end_time) * 1000000)::bigint as to_us
     from millrace_v1.calendar($1, $2, timestamptz 'epoch' + $3 * interval '1 microsecond', timestamptz 'epoch' + $4 * interval '1 microsecond', $5)`,
    [timeZone, unit, fromUs, endUs, `{${starts.join(",")}}`],
  );
  for (const [i, { from_us: from }] of rows.slice(1).entries()) expect(from).toBe(rows[i]!.to_us);
  return [...rows.map(({ from_us: from }) => Number(from)), Number(rows.at(-1)!.to_us)];
}

const anyTime = fc.integer({ min: 0, max: 47 }).map((half) => (half * hourMs) / 2);
const anyCalendar = fc.oneof(
  fc.record({
    unit: fc.constantFrom<CalendarName>("day", "week", "month", "quarter", "year"),
    startsMs: fc.tuple(anyTime),
    days: fc.integer({ min: 1, max: 500 }),
  }),
  fc.record({
    unit: fc.constant<CalendarName>("shift"),
    startsMs: fc
      .uniqueArray(anyTime, { minLength: 1, maxLength: 4 })
      .map((all) => all.sort((a, b) => a - b)),
    days: fc.integer({ min: 1, max: 20 }),
  }),
);
const anyStart = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("2011-12-29", "2024-03-31", "2024-10-27", "2010-11-07", "2026-09-20"),
      fc.integer(),
    )
    .map(([day, us]) => toUs(day) + (us % 86_400e6)),
  fc.integer({ min: toUs("1971-01-01"), max: toUs("2090-01-01") }),
);

describe("millrace_v1.calendar", () => {
  it("has the edges that REST and gRPC have", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        anyStart,
        fc.constantFrom(...zones, ...offsets),
        anyCalendar,
        async (fromUs, timeZone, { days, ...of }) => {
          const asked = { fromUs, toUs: fromUs + days * 86_400e6, timeZone, ...of };
          expect(await edgesInSql(asked)).toEqual([
            ...calendarEdges({ ...asked, maxBuckets: 10_000 }),
          ]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("says what clocks show at each start, of a zone in any case", async () => {
    const rows = await reader.query(
      `select to_char(local_start, 'IYYY-"W"IW HH24:MI') as week from millrace_v1.calendar('europe/berlin', 'week', '2025-12-29 05:00Z', '2026-01-08Z', '{06:00}')`,
    );
    expect(rows).toEqual([{ week: "2026-W01 06:00" }, { week: "2026-W02 06:00" }]);
  });

  it.each([
    ["Asia/Tokyo", /days=Asia\/Tokyo$/],
    ["Etc/GMT+5", /days=Etc\/GMT%2B5$/],
    ["Etc/GMT 5", /^Zones have names such as/],
    ["", /^Zones have names such as/],
    [" 05:30", /^An offset from UTC is a sign/],
    ["+5:30", /^An offset from UTC is a sign/],
    ["+05:30:15", /^An offset from UTC is a sign/],
    ["+24:00", /^An offset from UTC is a sign/],
  ])("says what to do about %j", async (zone, hint) => {
    const asked = reader.query(
      "select * from millrace_v1.calendar($1, 'day', '2026-01-01', '2026-01-02')",
      [zone],
    );
    await expect(asked).rejects.toMatchObject({ code: "22023", hint: expect.stringMatching(hint) });
  });

  it("takes a fixed offset, whose days begin at its midnight", async () => {
    const rows = await reader.query(
      "select * from millrace_v1.calendar('+05:30', 'day', '2026-01-01 00:00Z', '2026-01-02 00:00Z')",
    );
    expect(rows).toEqual([
      {
        start_time: "2026-01-01 00:00:00+00",
        end_time: "2026-01-01 18:30:00+00",
        local_start: "2026-01-01 05:30:00",
      },
      {
        start_time: "2026-01-01 18:30:00+00",
        end_time: "2026-01-02 00:00:00+00",
        local_start: "2026-01-02 00:00:00",
      },
    ]);
  });

  it.each([
    ["('Asia/Tokyo', 'day', '2026-01-01', '2026-01-02')", "the clocks of time zone"],
    ["('UTC', 'fortnight', '2026-01-01', '2026-01-02')", "is no unit"],
    ["('UTC', 'day', '2026-01-01', '2026-01-02', '{06:00,14:00}')", "p_starts"],
    ["('UTC', 'shift', '2026-01-01', '2026-01-02', '{}')", "p_starts"],
    ["('UTC', 'day', '2026-01-01', 'infinity')", "finite"],
  ])("refuses %s", async (call, message) => {
    await expect(reader.query(`select * from millrace_v1.calendar${call}`)).rejects.toThrow(
      message,
    );
  });
});

it("is of a zone once an answer was cut by it", { timeout: 60_000 }, async () => {
  await using accessor = await openTestAccessor();
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: oneSample(1) });
  const startTime = { seconds: BigInt(Math.floor(Date.now() / 1000) - 86_400) };
  const inSql = () =>
    accessor.query(
      "select * from millrace_v1.calendar('Asia/Tokyo', 'day', now() - interval '1 day', now())",
    );
  await expect(inSql()).rejects.toThrow("are not kept here");
  const value = { timeZone: "Asia/Tokyo", unit: CalendarUnit.DAY };
  const { machines } = await accessor.signals.aggregateStates({
    startTime,
    resolution: { case: "calendar", value },
  });
  const rows = await eventually("the zone is kept", () => inSql().catch(() => undefined));
  const starts = machines[0]!.buckets
    .slice(1)
    .map(({ startTime: time }) => Number(time!.seconds) * 1000);
  expect(rows.slice(1, 1 + starts.length).map((row) => Number(row["start_time"]))).toEqual(starts);
});

it("a newer time zone database replaces what an older one has written, and is not replaced by it", async () => {
  const versions = async () =>
    fixture.query(
      "select zone, min(version) as version, count(*) as stretches from zone_clock where zone = 'utc' group by 1",
    );
  const writeAs = async (version: string, work: (clocks: ZoneClocks) => void) => {
    await using clocks = new ZoneClocks({ database, version, log });
    work(clocks);
    await clocks.settled();
    await clocks.settled();
  };
  await writeAs("2025a", (clocks) => clocks.use("UTC"));
  expect(await versions()).toEqual([{ zone: "utc", version: "2026c", stretches: "1" }]);
  await writeAs("2026d", (clocks) => clocks.refresh());
  expect(await versions()).toEqual([{ zone: "utc", version: "2026d", stretches: "1" }]);
});

it("stretches show what Intl shows, on days of forty years", async () => {
  for (const timeZone of ["Europe/Berlin", "Africa/Casablanca", "Pacific/Apia"]) {
    const stretches = await zoneStretches(timeZone);
    const format = (zone: string, ms: number) =>
      new Intl.DateTimeFormat("en-GB", {
        timeZone: zone,
        dateStyle: "short",
        timeStyle: "medium",
      }).format(ms);
    for (let i = 0; i < 400; i++) {
      const ms = Date.UTC(1995, 0, 1) + i * 37 * 86_400_000 + i * 1_234_000;
      const { offsetUs } = stretches.find(
        ({ fromUs, toUs: endUs }) => fromUs <= ms * 1000 && endUs > ms * 1000,
      )!;
      expect(format("UTC", ms + offsetUs / 1000)).toBe(format(timeZone, ms));
    }
  }
});
