// Numbers, times, delimiters and units as files write them, each against a reader of its own kind.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readColumn } from "./column-target.ts";
import { CsvRecords } from "./csv-record.ts";
import { plainDecimal, shiftDecimal } from "./decimal-text.ts";
import { delimiterWords, recogniseDelimiter } from "./delimiter.ts";
import { JsonArrayRows } from "./json-array.ts";
import { createLocalTimes, type RepeatedHour } from "./local-time.ts";
import { readTime } from "./time.ts";
import { TimeFault } from "./time-fault.ts";
import { convert, readConversion } from "./unit-conversion.ts";
import { readWideHeader } from "./wide-header.ts";

test("numbers come back from either notation, with groups and without", () => {
  const marks = { comma: ["", ".", " ", "\u00a0", "'"], point: ["", ",", " ", "\u202f", "’"] };
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
      fc.constantFrom("comma" as const, "point" as const),
      fc.nat({ max: 4 }),
      (number, decimal, at) => {
        const [digits = "", exponent] = String(number).split("e");
        const [whole = "", fraction] = digits.split(".");
        const grouped =
          exponent === undefined ? whole.replace(/\B(?=(\d{3})+$)/g, marks[decimal][at]!) : whole;
        const text = `${grouped}${fraction ? (decimal === "comma" ? "," : ".") + fraction : ""}${exponent ? `e${exponent}` : ""}`;
        expect(Number(plainDecimal(text, decimal))).toBe(number === 0 ? 0 : number);
      },
    ),
  );
  for (const [text, decimal] of [
    ["1.5", "comma"],
    ["1.23.456", "comma"],
    ["1,234", "comma"],
    ["1,23", "point"],
    ["1 23", "point"],
    ["1.234 567", "comma"],
    [",", "comma"],
    ["-", "point"],
  ] as const)
    expect([text, plainDecimal(text, decimal)]).toEqual([
      text,
      text === "1,234" ? "1.234" : undefined,
    ]);
});

const zones = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Pacific/Apia",
  "UTC",
  "+01:00",
];

test("local times are the instants at which Intl's clocks show them", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(1971) / 1000, max: Date.UTC(2030) / 1000 }),
      (timeZone, second) => {
        const shown = new Intl.DateTimeFormat("de-DE", {
          timeZone,
          ...({ dateStyle: "medium", timeStyle: "medium" } as const),
        }).format(second * 1000);
        const read = (repeatedHour: RepeatedHour) =>
          createLocalTimes({ format: "DD.MM.YYYY", timeZone, repeatedHour }).read(shown, "");
        const [first, last] = [read("first"), read("second")];
        expect([first, last]).toContain(BigInt(second) * 1_000_000n);
        if (first === last) expect(read("reject")).toBe(first);
        else expect(read("reject")).toBeInstanceOf(TimeFault);
      },
    ),
    { numRuns: 300 },
  );
});

test("hours that are skipped or come twice, and dates alone", () => {
  const berlin = (repeatedHour?: RepeatedHour) =>
    createLocalTimes({ timeZone: "Europe/Berlin", repeatedHour });
  const at = (text: string) => BigInt(Date.parse(text)) * 1_000n;
  const said = (text: string) => (berlin().read(text, "") as TimeFault).message;
  expect(said("2026-03-29 02:30:00")).toMatch(/has no 2026-03-29 02:30:00: clocks are set forward/);
  expect(said("2026-10-25 02:30:00")).toMatch(/twice.*repeated_hour=first, second or in-order/);
  expect(berlin("first").read("2026-10-25 02:30:00", "")).toBe(at("2026-10-25T00:30:00Z"));
  expect(berlin("second").read("2026-10-25 02:30:00", "")).toBe(at("2026-10-25T01:30:00Z"));
  expect(berlin().read("2026-03-01", "")).toBe(at("2026-02-28T23:00:00Z"));
  const inOrder = berlin("in-order");
  const hours = ["01:45", "02:00", "02:30", "02:00", "02:30", "03:00"];
  for (const series of ["a", "b"])
    expect(hours.map((hour) => inOrder.read(`2026-10-25 ${hour}`, series))).toEqual(
      ["23:45", "00:00", "00:30", "01:00", "01:30", "02:00"].map((hour, i) =>
        at(`2026-10-${i === 0 ? 24 : 25}T${hour}:00Z`),
      ),
    );
  expect(inOrder.read("2026-10-25 02:30", "a")).toBeInstanceOf(TimeFault);
});

test("dates in a declared order, and what an undeclared one asks for", () => {
  const read = (text: string, format?: Parameters<typeof createLocalTimes>[0]["format"]) => {
    const local = format && createLocalTimes({ format, timeZone: "UTC" });
    const us = readTime(text, { nowUs: undefined, local });
    return typeof us === "bigint" ? new Date(Number(us / 1_000n)).toISOString() : us.message;
  };
  const time = "2026-03-01T20:05:00.500Z";
  expect(read("1.3.2026 20:05:00,5", "DD.MM.YYYY")).toBe(time);
  expect(read("01.03.26, 20:05:00.5", "DD.MM.YY")).toBe(time);
  expect(read("3/1/2026 8:05:00.5 PM", "MM/DD/YYYY")).toBe(time);
  expect(read("01/03/2026 20:05:00.5", "DD/MM/YYYY")).toBe(time);
  expect(read("20260301T200500.5", "YYYYMMDD")).toBe(time);
  expect(read("01.03.2026 21:05:00.5 +0100", "DD.MM.YYYY")).toBe(time);
  expect(read("2026-03-01T20:05:00.5Z", "DD.MM.YYYY")).toBe(time);
  expect(read("31.02.2026", "DD.MM.YYYY")).toBe("there is no day 2026-02-31");
  expect(read("13/01/2026", "MM/DD/YYYY")).toBe("there is no day 2026-13-01");
  expect(read("1.3.2026 13:00 PM", "DD.MM.YYYY")).toBe("there is no hour 99");
  expect(read("01.03.2026")).toMatch(/--time-format DD.MM.YYYY/);
  expect(read("3/1/2026 08:00")).toMatch(/time_format=DD\/MM\/YYYY or MM\/DD\/YYYY/);
  expect(read("2026-03-01 08:00")).toMatch(/without a zone.*--time-zone/);
});

test("the delimiter is the one outside quotes; where several are, the known names decide", () => {
  const names = ["time", "machine", "value"];
  const isKnown = (name: string) => names.includes(name);
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(delimiterWords)),
      fc.array(fc.string({ unit: fc.constantFrom("a", ",", ";", "\t", "|", " ") }), {
        minLength: 1,
        maxLength: 4,
      }),
      (delimiter, texts) => {
        const quoted = texts.map((text) => `"x${text}"`);
        const line = [...names, ...quoted].join(delimiter);
        expect(recogniseDelimiter(line, isKnown)).toBe(delimiter);
        const record = new CsvRecords({ delimiter }).take(1, line);
        expect(record!.fields).toEqual([...names, ...texts.map((text) => `x${text}`)]);
      },
    ),
  );
  expect(recogniseDelimiter("time;machine;value, in total", isKnown)).toBe(";");
  expect(() => recogniseDelimiter("a;b,c", isKnown)).toThrow(/delimiter=comma or semicolon/);
});

test("an array is cut into its elements, however it arrives", () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(0, 2),
      (rows, size, space) => {
        const text = JSON.stringify(rows, null, space);
        const array = new JsonArrayRows({ timePaths: [] });
        const read = [];
        for (let at = 0; at < text.length; at += size)
          read.push(...array.push(text.slice(at, at + size)));
        expect(array.end()).toEqual([]);
        expect(read.map(({ row }) => row)).toEqual(JSON.parse(text));
      },
    ),
  );
  const faults = (text: string) => {
    const array = new JsonArrayRows();
    return [...array.push(text), ...array.end()].map(({ line, row }) => ({ line, row }));
  };
  expect(faults('[{"a":1},\n{"a":2 "b"},\n{"a":3}')).toMatchObject([
    { line: 1, row: { a: 1 } },
    { line: 2, row: { message: expect.stringContaining("not JSON") } },
    { line: 3, row: { message: "the JSON array is not closed: it ends without ]" } },
  ]);
  expect(faults("[1] x")).toMatchObject([{ row: 1 }, { row: { message: /text after/ } }]);
});

test("units convert by their prefix without losing a digit, or by a factor", () => {
  const converted = (text: string, value: number) => convert(value, readConversion(text)!);
  expect(converted("kW=W", 1.005)).toBe(1005);
  expect(converted("MWh=kWh", 4.35)).toBe(4350);
  expect(converted("mm=m", 1234.5)).toBe(1.2345);
  expect(converted("hp=W*745.7", 2)).toBe(1491.4);
  expect(converted("K=°C*1-273.15", 273.15)).toBe(0);
  for (const text of ["kW", "kW=A", "kW=kW", "=W", "kW=W*0", "kW=W*x"])
    expect([text, readConversion(text)]).toEqual([text, undefined]);
  // A double holds any number of 15 digits.
  fc.assert(
    fc.property(
      fc.integer({ min: -1e14, max: 1e14 }),
      fc.integer({ min: -20, max: 20 }),
      (digits, exponent) => {
        const value = Number(`${digits}e${exponent}`);
        expect(shiftDecimal(value, 3)).toBe(Number(`${digits}e${exponent + 3}`));
      },
    ),
  );
});

test("columns and wide headers are read from their texts", () => {
  expect(readColumn("a=b=time")).toEqual({ name: "a=b", target: { kind: "field", field: "time" } });
  expect(readColumn("x=value:hall.mill-1.power[kW]")).toMatchObject({
    target: { machine: "hall.mill-1", signal: "power", unit: "kW" },
  });
  expect(readWideHeader("MACHINE SIGNAL [UNIT]")!.read("Presse 3 power [kW]")).toMatchObject({
    machine: "Presse 3",
    signal: "power",
    unit: "kW",
  });
  expect(readWideHeader("MACHINE.SIGNAL")!.read("mill-1.Power")).toBeUndefined();
  for (const text of ["UNIT", "MACHINE.MACHINE", "MACHINESIGNAL", "x"])
    expect(readWideHeader(text)).toBeUndefined();
});
