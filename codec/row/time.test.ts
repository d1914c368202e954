// Times as people, PostgreSQL and machines write them: every form, every edge.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type EpochUnit, isRelativeTime, readTime } from "./time.ts";
import { TimeFault } from "./time-fault.ts";

const nowUs = 1_772_352_000_000_000n; // 2026-03-01T08:00:00Z
const parse = (text: string) => readTime(text, { nowUs, epoch: "ms" });

test.each([
  ["2026-03-01T08:00:00Z", nowUs],
  ["2026-03-01t08:00:00z", nowUs],
  ["2026-03-01T09:00:00+01:00", nowUs],
  ["2026-03-01T09:00:00 01:00", nowUs],
  ["2026-03-01T02:30:00-05:30", nowUs],
  ["2026-03-01T08:00:00.1Z", nowUs + 100_000n],
  ["2026-03-01T08:00:00.123456789Z", nowUs + 123_456n],
  ["1969-12-31T23:59:59.999999Z", -1n],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000n],
  ["9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999n],
  ["2026-03-01", nowUs - 8n * 3_600_000_000n],
  ["2024-02-29", 1_709_164_800_000_000n],
  ["1772352000000", nowUs],
  ["1772352000000.5", nowUs + 500n],
  ["-1", -1_000n],
  ["0", 0n],
  ["now", nowUs],
  ["-15m", nowUs - 900_000_000n],
  ["now-1h", nowUs - 3_600_000_000n],
  ["now+1s", nowUs + 1_000_000n],
  ["now 1s", nowUs + 1_000_000n],
  ["+250ms", nowUs + 250_000n],
  ["-2d", nowUs - 172_800_000_000n],
  ["-1w", nowUs - 604_800_000_000n],
])("%s", (text, us) => expect(parse(text)).toBe(us));

test.each([
  "",
  "yesterday",
  "2026-02-29",
  "2026-13-01",
  "0000-03-01",
  "2026-3-1",
  "20260301T",
  "2026-03-01Z",
  "2026-03-01T08:00:00",
  "2026-02-30T08:00:00Z",
  "2026-03-01T24:00:00Z",
  "2026-03-01T08:60:00Z",
  "2026-03-01T08:00:00+24:00",
  "0000-12-31T23:59:59Z",
  "0001-01-01T00:00:00+00:01",
  "9999-12-31T23:59:59-00:01",
  "10000-01-01T00:00:00Z",
  "253402300800000",
  "-999999w",
  "15m",
  "now-",
  "now-1y",
  "- 15m",
  "1e3",
  " 1",
])("%j is no time", (text) => expect(parse(text)).toBeInstanceOf(TimeFault));

test("epoch milliseconds name the same time as RFC 3339", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(parse(String(ms))).toBe(BigInt(ms) * 1_000n);
      expect(parse(new Date(ms).toISOString())).toBe(BigInt(ms) * 1_000n);
    }),
  );
});

test("a distance forth and back cancels out, and only distances are relative", () => {
  const units = fc.constantFrom("ms", "s", "m", "h", "d", "w");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), units, (amount, unit) => {
      const back = parse(`now-${amount}${unit}`) as bigint;
      expect(readTime(`+${amount}${unit}`, { nowUs: back })).toBe(nowUs);
      expect(isRelativeTime(`-${amount}${unit}`)).toBe(true);
      expect(isRelativeTime(String(amount))).toBe(false);
    }),
  );
});

const second = 1_000_000n;
const midnight = Date.UTC(2026, 0, 5) * 1_000;

test.each([
  ["2026-01-05 00:00:00.5+00", BigInt(midnight) + second / 2n],
  ["2026-01-05 00:00:00+05:30", BigInt(midnight) - 19_800n * second],
  ["2026-01-05 00:00:00-03:30", BigInt(midnight) + 12_600n * second],
  ["2026-01-05T00:00:00+0200", BigInt(midnight) - 7_200n * second],
  ["2026-01-05T00:00:00-02", BigInt(midnight) + 7_200n * second],
  ["2026-01-05T00:00:00 02", BigInt(midnight) - 7_200n * second],
  ["2026-01-05T08:00Z", BigInt(midnight) + 28_800n * second],
  ["2026-01-05 08:00+01:00", BigInt(midnight) + 25_200n * second],
  ["2026-01-05T00:00:00,25Z", BigInt(midnight) + second / 4n],
  // As PostgreSQL writes Berlin before 1893, and years of other lengths.
  ["1890-01-01 00:53:28+00:53:28", BigInt(Date.UTC(1890, 0, 1)) * 1_000n],
  ["0099-01-01 00:00:00+00", -59_042_995_200_000_000n],
  // A leap second is the second after it, in any zone.
  ["2016-12-31T23:59:60Z", BigInt(Date.UTC(2017, 0, 1)) * 1_000n],
  ["2016-12-31T23:59:60.5Z", BigInt(Date.UTC(2017, 0, 1)) * 1_000n + second / 2n],
  ["2017-01-01T00:59:60+01:00", BigInt(Date.UTC(2017, 0, 1)) * 1_000n],
  ["2016-12-31T15:59:60-0800", BigInt(Date.UTC(2017, 0, 1)) * 1_000n],
])("%s", (text, us) => expect(parse(text)).toBe(us));

test.each([
  ["2026-03-01T08:00:00", /without a zone/],
  ["2026-03-01 08:00", /without a zone/],
  ["2016-12-31T12:00:60Z", /leap second/],
  ["2016-12-31T23:59:60+01:00", /leap second/],
  ["2016-12-31T23:59:61Z", /^there is no second 61$/],
  ["2026-02-29T08:00:00Z", /^there is no day 2026-02-29$/],
  ["2026-11-31", /^there is no day 2026-11-31$/],
  ["2026-13-01 08:00:00+00", /^there is no day 2026-13-01$/],
  ["0004-02-29T25:00:00Z", /^there is no hour 25$/],
  ["2026-03-01T24:00:00Z", /^there is no hour 24: the end of a day is 00:00 of the next one$/],
  ["2026-03-01T08:60Z", /^there is no minute 60$/],
  ["2026-03-01T08:00:00+24:00", /^there is no offset of 24:00 from UTC$/],
  ["20261129", /^this looks like a date: write 2026-11-29$/],
  ["2026", /^this looks like a year: write 2026-01-01$/],
  ["202611", /^this looks like a month: write 2026-11-01$/],
  [
    "202611290800",
    /^this looks like a date and a time: write 2026-11-29T08:00:00Z, or with the offset/,
  ],
  ["20261129080910", /write 2026-11-29T08:09:10Z/],
  ["20261129T080910Z", /write 2026-11-29T08:09:10Z/],
  ["20261129T0809+0100", /write 2026-11-29T08:09:00Z/],
  ["20260229", /before 1990/],
  ["20261129.5", /before 1990/],
  ["2026-03-01T08:00.5Z", /RFC 3339/],
  ["2026-03-01T08:00:00+5:30", /RFC 3339/],
  ["2026-03-01T08:00:00+053", /RFC 3339/],
  ["0044-03-15 00:00:00+00 BC", /RFC 3339/],
  ["12026-01-05 00:00:00+00", /RFC 3339/],
  ["infinity", /RFC 3339/],
  ["now", /relative to now/],
  ["1772352000", /these look like seconds: declare epoch=s/],
  ["1772352000.25", /these look like seconds/],
  ["1772352000000000", /these look like microseconds: declare epoch=us/],
  ["1772352000000000000", /these look like nanoseconds: declare epoch=ns/],
  ["0", /before 1990/],
  ["-1", /before 1990/],
  ["5000", /before 1990/],
])("%s is refused with a word that helps", (text, says) => {
  const fault = readTime(text, { nowUs: undefined });
  expect(fault).toBeInstanceOf(TimeFault);
  expect((fault as TimeFault).message).toMatch(says);
});

test("a compact date is told as the date that it is, and what a unit is declared of is a number", () => {
  const day = fc.date({
    min: new Date("1900-01-01"),
    max: new Date("2099-12-31"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(day, (date) => {
      const text = date.toISOString().slice(0, 10);
      const fault = readTime(text.replaceAll("-", ""), { nowUs });
      expect(fault).toMatchObject({ message: `this looks like a date: write ${text}` });
      expect(readTime(text, { nowUs })).toBe(BigInt(Date.parse(text)) * 1_000n);
    }),
  );
  expect(readTime("20261129", { nowUs, epoch: "s" })).toBe(20_261_129_000_000n);
  // Seconds of 2034, and milliseconds of 2601, are what they were.
  expect(readTime("2026112908", { nowUs })).toMatchObject({
    message: expect.stringMatching(/look like seconds/),
  });
  expect(readTime("19901129080960", { nowUs })).toBe(19_901_129_080_960_000n);
});

test("a number of any declared unit is the instant of its digits, cut to the microsecond", () => {
  const perSecond: Record<EpochUnit, bigint> = {
    s: 1n,
    ms: 1_000n,
    us: 1_000_000n,
    ns: 1_000_000_000n,
  };
  const units = fc.constantFrom<EpochUnit>("s", "ms", "us", "ns");
  fc.assert(
    fc.property(
      units,
      fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }),
      fc.nat(12),
      (epoch, ns, places) => {
        const scale = 10n ** BigInt(places);
        // A decimal of so many places, and its floor in microseconds by whole numbers.
        const count = (ns * scale * perSecond[epoch]) / 1_000_000_000n;
        const digits = String(count < 0n ? -count : count).padStart(places + 1, "0");
        const fraction = places === 0 ? "" : `.${digits.slice(-places)}`;
        const text = `${count < 0n ? "-" : ""}${digits.slice(0, digits.length - places)}${fraction}`;
        const scaled = count * 1_000_000n;
        const by = scale * perSecond[epoch];
        const floor = scaled / by - (scaled % by < 0n ? 1n : 0n);
        const us = readTime(text, { nowUs: undefined, epoch });
        // What a coarser unit explains better: only in the first months of 1970.
        if (us instanceof TimeFault && floor > 0n && floor < 10_000_000_000_000n)
          expect(us.message).toMatch(/^these look like /);
        else expect(us).toBe(floor);
      },
    ),
  );
});

test("fractions of a millisecond are digits", () => {
  for (const [text, us] of [
    ["1110000000000.003", 1_110_000_000_000_003n],
    ["1110000000000.004", 1_110_000_000_000_004n],
    ["1110000000000.002", 1_110_000_000_000_002n],
    ["1110000000000.0029999999999", 1_110_000_000_000_002n],
  ] as const)
    expect(readTime(text, { nowUs: undefined })).toBe(us);
});

test.each<[text: string, EpochUnit, says: RegExp]>([
  ["1772352000", "ms", /these look like seconds: declare epoch=s/],
  ["631152000", "ms", /look like seconds/],
  ["1772352000.5", "ms", /look like seconds/],
  ["9999999999", "us", /look like seconds/],
  ["1772352000", "ns", /look like seconds/],
  ["1772352000000", "s", /these look like milliseconds: declare epoch=ms/],
  ["1772352000000", "us", /look like milliseconds/],
  ["1772352000000", "ns", /look like milliseconds/],
  ["1772352000000000", "s", /look like microseconds/],
  ["1772352000000000", "ms", /look like microseconds/],
  ["1772352000000000", "ns", /look like microseconds/],
  ["1772352000000000000", "s", /look like nanoseconds/],
  ["1772352000000000000", "us", /look like nanoseconds/],
  ["9999999999999999999999", "s", /years 1 to 9999/],
  ["-999999999999999", "s", /years 1 to 9999/],
])("%s, declared as %s, is refused as another count", (text, epoch, says) => {
  const fault = readTime(text, { nowUs: undefined, epoch });
  expect(fault).toBeInstanceOf(TimeFault);
  expect((fault as TimeFault).message).toMatch(says);
});

test("a declared count before 1990 that is none of a coarser unit is taken", () => {
  const read = (text: string) => readTime(text, { nowUs: undefined, epoch: "ms" });
  expect(["0", "631151999", "10000000000", "-1772352000", "500000000000"].map(read)).toEqual([
    0n,
    631_151_999_000n,
    10_000_000_000_000n,
    -1_772_352_000_000n,
    500_000_000_000_000n,
  ]);
});

test("no text makes it throw", () => {
  const context = { nowUs };
  fc.assert(
    fc.property(fc.string(), (text) =>
      ["bigint", "object"].includes(typeof readTime(text, context)),
    ),
  );
});
