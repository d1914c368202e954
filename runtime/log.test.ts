// A log entry: its form, its levels, errors with causes, and no password in it.
import { expect, test } from "vitest";
import {
  causeChain,
  createLog,
  type LogOptions,
  limitLines,
  maskSecrets,
  printable,
} from "./log.ts";

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    name: "demo",
    format: "json",
    sink: (line) => lines.push(line),
    now: () => 0,
    color: false,
    ...options,
  });
  return { log, lines, entry: () => JSON.parse(lines.at(-1)!) };
}

test("an entry is one JSON line with time, level, name, message and fields of the whole chain of children", () => {
  const { log, lines, entry } = capture();
  log.child({ a: 1 }).child({ b: 2n }).info("hello\nthere", { a: 3, level: "x" });
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  expect(entry()).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    name: "demo",
    message: "hello\nthere",
    a: 3,
    b: "2",
  });
});

test("entries below the level are not written", () => {
  const { log, lines } = capture({ level: "warn" });
  log.debug("no");
  log.info("no");
  log.warn("yes");
  log.error("yes");
  expect(lines).toHaveLength(2);
  const silent = capture({ level: "silent" });
  silent.log.error("no");
  expect(silent.lines).toHaveLength(0);
});

test("an error is written with its code, stack and causes, without the passwords in them", () => {
  const { log, lines, entry } = capture();
  const inner = Object.assign(
    new Error("connect postgres://millrace:hunter2@127.0.0.1:5432/db refused"),
    {
      code: "ECONNREFUSED",
    },
  );
  log.error("ingest failed", { error: new Error("no database", { cause: inner }) });
  expect(entry().error).toMatchObject({
    type: "Error",
    message: "no database",
    cause: {
      message: "connect postgres://millrace:***@127.0.0.1:5432/db refused",
      code: "ECONNREFUSED",
    },
  });
  expect(entry().error.stack).toContain("log.test.ts");
  expect(lines.join()).not.toContain("hunter2");
});

test.each([
  ["postgres://u:p@ss/w:rd@h:1/d", "postgres://u:***@h:1/d"],
  ["http://u:p@h/x http://h:80/a@b", "http://u:***@h/x http://h:80/a@b"],
  ["host=h password=hunter2 user=u", "host=h password=*** user=u"],
  ["postgres://h/d?password=x&user=y", "postgres://h/d?password=***&user=y"],
  ["http://127.0.0.1:8080/signals", "http://127.0.0.1:8080/signals"],
])("%s is masked", (given, masked) => {
  expect(maskSecrets(given)).toBe(masked);
});

test("fields named like secrets are masked at any depth", () => {
  const { log, lines } = capture();
  log.info("x", { options: { password: "hunter2", headers: { Authorization: "Bearer hunter2" } } });
  expect(lines.join()).not.toContain("hunter2");
});

test("cycles, odd numbers, bytes and throwing getters do not stop a log", () => {
  const { log, entry, lines } = capture();
  const cycle: Record<string, unknown> = {
    nan: Number.NaN,
    data: new Uint8Array(3),
    at: new Date(Number.NaN),
  };
  cycle["self"] = cycle;
  log.info("odd", { cycle });
  expect(entry().cycle).toMatchObject({ nan: "NaN", data: "3 bytes", at: "invalid date" });
  log.info("worse", {
    get boom() {
      throw new Error("no");
    },
  });
  expect(lines.at(-1)).toContain("no");
});

test("pretty entries are for reading: fields as words, an error as its chain of causes", () => {
  const { log, lines } = capture({ format: "pretty" });
  log.info("listening", { port: 80, why: "be cause", gone: undefined });
  expect(lines[0]).toBe('00:00:00.000 info  listening port=80 why="be cause"\n');
  log.warn("retrying", { error: new Error("outer", { cause: new Error("inner") }) });
  expect(lines[1]).toBe("00:00:00.000 warn  retrying error=outer ← inner\n");
});

test("a chain of causes ends, and shows what an aggregate hides", () => {
  const loop = new Error("round");
  loop.cause = loop;
  expect(causeChain(loop)).toBe("round");
  expect(causeChain(new AggregateError([new Error("a"), "b"]))).toContain("a; b");
});

const hostile =
  "\x1b[2J\x1b]0;title\x07 \x9b31m \x7f \u202eevil\u202c \u2028next\r\n12:00:00.000 info  forged";

test("nothing that is said can move a terminal's cursor, colour it or begin a line of its own", () => {
  for (const format of ["pretty", "json"] as const) {
    const { log, lines } = capture({ format });
    const error = new Error(hostile, { cause: hostile });
    error.stack = `Error: ${hostile}\n    at ${hostile}\n    at b\n`;
    log.error(hostile, { text: hostile, [hostile]: 1, list: [hostile], error });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(lines[0]!.replaceAll("\n", "")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028-\u202e]/);
    expect(lines[0]!.split("\n").filter((line) => /^\d\d:/.test(line))).toHaveLength(
      format === "pretty" ? 1 : 0,
    );
  }
  const { log, entry } = capture();
  log.info(hostile);
  expect(entry().message).toBe(hostile);
  expect(printable("Fräse 7 — ü\tx")).toBe("Fräse 7 — ü\\tx");
});

test("texts are as long as anyone reads, and masked before they are cut", () => {
  const { log, lines, entry } = capture();
  const long = `${"x".repeat(8_180)} postgres://u:hunter2hunter2@h/d ${"y".repeat(1_000_000)}`;
  log.warn(long, { long, error: new Error(long) });
  expect(lines[0]!.length).toBeLessThan(40_000);
  expect(lines[0]).not.toContain("hunter2");
  expect(entry().message).toMatch(/characters more\)$/);
});

test("what others cause is told so often a second, and then counted", () => {
  let nowMs = 0;
  const { log, lines } = capture({ format: "pretty", level: "debug" });
  const limited = limitLines(log, { maxPerSecond: 2, monotonicMs: () => nowMs });
  for (let i = 0; i < 5; i++) limited[i % 2 ? "warn" : "error"]("broke");
  limited.info("all is well");
  expect(lines).toHaveLength(3);
  nowMs = 1_000;
  limited.error("broke");
  expect(lines.slice(3).join("")).toMatch(/to log each one count=3\n.*error broke\n$/);
});
