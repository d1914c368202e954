// The status line: what it says, and how often it is written.
import { expect, test } from "vitest";
import { createLog } from "../runtime/log.ts";
import { createStatus, logAround, type Status, statusLine } from "./status.ts";

const live: Status = {
  machines: 5,
  sent: 0,
  acked: 1_234_567,
  inFlight: 125,
  rejected: 0,
  warnings: 0,
  connected: true,
};

test("live: machines, samples per second, acked, in flight, rejected", () => {
  expect(statusLine(live, { perSecond: 502.4 })).toBe(
    "5 machines · 502 samples/s · 1,234,567 acked · 125 in flight · 0 rejected",
  );
  expect(statusLine({ ...live, machines: 1, connected: false }, { perSecond: 0 })).toMatch(
    /^1 machine · .*not connected$/,
  );
});

test("with a spool: what it holds, what waits, and what is wrong", () => {
  const spool = {
    heldBytes: 12.34 * 2 ** 20,
    backlogRecords: 4321,
    droppedRecords: 0,
    diskFull: false,
  };
  expect(statusLine({ ...live, spool }, { perSecond: 0 })).toMatch(
    / · 12\.3 MiB spooled · 4,321 backlog$/,
  );
  const bad = { ...spool, droppedRecords: 7000, diskFull: true };
  expect(statusLine({ ...live, spool: bad }, { perSecond: 0 })).toMatch(
    / · 7,000 DROPPED · DISK FULL$/,
  );
});

test("on the way through the past: a bar and what is left", () => {
  const line = (part: number, leftSeconds?: number) =>
    statusLine(
      { ...live, progress: { part, ...(leftSeconds === undefined ? {} : { leftSeconds }) } },
      { perSecond: 0 },
    );
  expect(line(0.427, 49_500)).toMatch(/^████████░{12} {2}42 %, 13\.8 h left · 5 machines/);
  expect(line(0, 90)).toMatch(/^░{20} {3}0 %, 2 min left · /);
  expect(line(1)).toMatch(/^█{20} 100 % · /);
});

test("a narrow terminal cuts the line, so that it stays one", () => {
  expect(statusLine(live, { perSecond: 1, columns: 40 }).length).toBeLessThan(40);
});

function createStream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 120, written, write: (text: string) => written.push(text) };
}

test("a terminal's line is rewritten in place, with the rate since the last time", () => {
  const stream = createStream(true);
  let ms = 0;
  let sent = 0;
  const status = createStatus({ stream, nowMs: () => ms, read: () => ({ ...live, sent }) });
  for (sent of [500, 1500]) {
    ms += 1000;
    status.tick();
  }
  status.clear();
  status.end();
  const erase = "\r\x1b[2K";
  for (const [i, rate] of ["500", "1,000"].entries()) {
    expect(stream.written[i]!.startsWith(`${erase}5 machines · ${rate} samples/s · `)).toBe(true);
    expect(stream.written[i]).not.toContain("\n");
  }
  expect(stream.written.slice(2, 4)).toEqual([erase, erase]);
  expect(stream.written[4]).toMatch(/^5 machines · 750 samples\/s[^\n]*\n$/);
});

test("elsewhere a line comes every 5 s", () => {
  const stream = createStream(false);
  let ms = 0;
  const status = createStatus({ stream, nowMs: () => ms, read: () => ({ ...live, sent: ms / 2 }) });
  for (; ms <= 20_000; ms += 1000) status.tick();
  expect(stream.written).toHaveLength(4);
  for (const line of stream.written)
    expect(line).toMatch(/^5 machines · 500 samples\/s[^\n\r]*\n$/);
});

test("log lines take the status line away first", () => {
  const order: string[] = [];
  const log = createLog({
    name: "x",
    format: "pretty",
    color: false,
    sink: (line) => order.push(line.slice(13)),
  });
  logAround(log, () => order.push("clear"))
    .child({ a: 1 })
    .warn("hello");
  expect(order).toEqual(["clear", "warn  hello a=1\n"]);
});
