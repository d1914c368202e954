// Each kind of value: what it takes, what it gives, what it refuses.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytes,
  count,
  decimal,
  durationMs,
  instant,
  listenAddress,
  oneOf,
  onOff,
  port,
  text,
  url,
  type ValueReader,
} from "./config-values.ts";

interface Kind {
  reader: ValueReader<unknown>;
  takes: Record<string, unknown>;
  refuses: string[];
}

const kinds: Record<string, Kind> = {
  text: { reader: text({ pattern: /^[a-z]+$/ }), takes: { abc: "abc" }, refuses: ["", "A", "a b"] },
  onOff: {
    reader: onOff(),
    takes: { true: true, "1": true, OFF: false, no: false },
    refuses: ["", "2", "toString"],
  },
  count: {
    reader: count({ min: 1, max: 10 }),
    takes: { "1": 1, "10": 10 },
    refuses: ["0", "11", "", " 1", "1.0", "1e1", "0x1", "NaN"],
  },
  decimal: {
    reader: decimal({ min: 0, max: 10 }),
    takes: { "0.5": 0.5, "10": 10, "1e-3": 0.001 },
    refuses: ["", "-1", "10.1", "Infinity", "1,5"],
  },
  port: { reader: port(), takes: { "0": 0, "65535": 65535 }, refuses: ["65536", "-1", "http"] },
  listenAddress: {
    reader: listenAddress(),
    takes: {
      "127.0.0.1:50051": { host: "127.0.0.1", port: 50051 },
      "[::1]:0": { host: "::1", port: 0 },
      "localhost:80": { host: "localhost", port: 80 },
    },
    refuses: [
      "",
      "50051",
      ":50051",
      "::1:80",
      "127.0.0.1:65536",
      "127.0.0.1",
      "http://127.0.0.1:80",
    ],
  },
  url: {
    reader: url({ schemes: ["postgres", "postgresql"] }),
    takes: { "postgres://u@h/d": "postgres://u@h/d", "postgresql://h": "postgresql://h" },
    refuses: ["", "h:5432", "http://h", "postgres//h"],
  },
  durationMs: {
    reader: durationMs({ maxMs: 7 * 86_400_000 }),
    takes: {
      "250ms": 250,
      "5s": 5000,
      "1m": 60_000,
      "24h": 86_400_000,
      "1.5s": 1500,
      "0s": 0,
      "0": 0,
      "7d": 604_800_000,
    },
    refuses: ["", "5", "5 s", "-5s", "s", "1h30m", "8d", "5S"],
  },
  bytes: {
    reader: bytes({ minBytes: 1 }),
    takes: { "1B": 1, "64KiB": 65_536, "4MiB": 4_194_304, "1.5GB": 1_500_000_000, "2kB": 2000 },
    refuses: ["", "4", "4 MiB", "0B", "4mb", "-1B", "4KB", "4kiB", "0"],
  },
  "bytes, also none": {
    reader: bytes(),
    takes: { "0": 0, "0B": 0 },
    refuses: ["", "00", "0.0", "-0"],
  },
  instant: {
    reader: instant(),
    takes: {
      "1970-01-01T00:00:00Z": 0,
      "1970-01-01T00:00:00.000001Z": 1,
      "2026-03-01T09:00:00.5+01:00": Date.UTC(2026, 2, 1, 8, 0, 0, 500) * 1000,
      "1969-12-31T23:59:59.999999Z": -1,
      "1700-01-01T00:00:00Z": Date.UTC(1700, 0, 1) * 1000,
      "2024-02-29t00:00:00z": Date.UTC(2024, 1, 29) * 1000,
    },
    refuses: [
      "",
      "2026-03-01",
      "0001-01-01T00:00:00Z",
      "9999-01-01T00:00:00Z",
      "2026-03-01T08:00:00",
      "2026-02-30T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:00:60Z",
      "2026-01-01T00:00:00.1234567Z",
      "2026-01-01T00:00:00+24:00",
    ],
  },
  oneOf: { reader: oneOf(["a", "b"]), takes: { a: "a", b: "b" }, refuses: ["", "c", "A"] },
};

describe.each(Object.entries(kinds))("%s", (_name, { reader, takes, refuses }) => {
  test.each(Object.entries(takes))("takes %s", (given, value) => {
    expect(reader.read(given)).toEqual(value);
  });
  test.each(refuses)("refuses %j", (given) => {
    expect(reader.read(given)).toBeUndefined();
  });
});

test("an instant keeps every microsecond of a JavaScript date", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("2254-12-31T23:59:59.999Z"), noInvalidDate: true }),
      fc.integer({ min: 0, max: 999 }),
      (date, us) => {
        const written = date.toISOString().replace("Z", `${String(us).padStart(3, "0")}Z`);
        expect(instant().read(written)).toBe(date.getTime() * 1000 + us);
      },
    ),
  );
});
