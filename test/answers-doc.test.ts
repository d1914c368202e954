// docs/answers.md computes an hour by hand: its numbers are those that REST returns.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor } from "../accessor/testing/accessor.ts";
import { at, column } from "../accessor/testing/batches.ts";
import { openCheckedGateway } from "../gateway/testing/gateway.ts";
import { createLog } from "../runtime/log.ts";

const page = readFileSync(new URL("../docs/answers.md", import.meta.url), "utf8");
const log = createLog({ name: "test", level: "silent" });

/** Rows of the table under a header that begins with this text, as texts. */
function table(header: string): string[][] {
  const lines = page.slice(page.indexOf(`| ${header}`)).split("\n");
  const rows = lines.slice(2, lines.indexOf(""));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const timeUs = (clock: string) => Date.parse(`2026-03-02T${clock}:00Z`) * 1000;

test("the hour that is worked by hand", async () => {
  await using accessor = await openTestAccessor();
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  await using gateway = await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log });
  const rows = table("time | power").map(([clock, power, state, error]) => ({
    us: timeUs(clock!),
    power,
    state,
    error,
  }));
  const samples = rows.flatMap(({ us, power }) =>
    power === "" ? [] : [[us, Number(power)] as const],
  );
  const batch = {
    machine: "press-7",
    samples: [{ ...column("power", samples), unit: "W", maxGap: { seconds: 600n } }],
    stateChanges: rows.flatMap(({ us, state }) =>
      state === ""
        ? []
        : [{ time: at(us), state: MachineState[state as keyof typeof MachineState] }],
    ),
    errorReports: rows.flatMap(({ us, error }) => {
      const [severity, code] = error!.split(" ");
      return error === ""
        ? []
        : [{ time: at(us), severity: Severity[severity as keyof typeof Severity], code: code! }];
    }),
  };
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const ask = async (path: string) => {
    const window = "from=2026-03-02T08:00:00Z&to=2026-03-02T09:00:00Z";
    const response = await fetch(
      `http://127.0.0.1:${gateway.port}${path}${path.includes("?") ? "&" : "?"}${window}`,
    );
    return (await response.json()) as Record<string, unknown>;
  };
  const { cursor: _, ...summary } = await ask("/machines/press-7/summary?demand_interval=15m");
  expect(summary).toEqual(JSON.parse(/```json\n(.*?)```/s.exec(page)![1]!));
  const { series } = (await ask("/signals/power/buckets?width=15m")) as {
    series: [{ buckets: Record<string, number>[] }];
  };
  const shown = (value: number | undefined, digits: number) =>
    value === undefined ? "" : String(Number(value.toFixed(digits)));
  const found = series[0].buckets.map((bucket) => [
    String(bucket["time"]).slice(11, 16),
    ...["count", "mean"].map((field) => shown(bucket[field], 4)),
    shown(bucket["time_weighted_mean"], 1),
    ...["integral", "coverage"].map((field) => shown(bucket[field], 4)),
  ]);
  expect(found).toEqual(
    table("quarter").map((cells) => cells.map((cell) => cell.replaceAll(" ", ""))),
  );
});

test("the machine that falls silent from 12:00:30 to 13:00:10", async () => {
  await using accessor = await openTestAccessor();
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  await using gateway = await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log });
  const secondUs = 1e6;
  const run = (fromUs: number, count: number) =>
    Array.from({ length: count }, (_, i) => [fromUs + i * secondUs, 1] as const);
  const samples = [...run(timeUs("12:00"), 31), ...run(timeUs("13:00") + 10 * secondUs, 30)];
  const stateChanges = [{ time: at(timeUs("12:00")), state: MachineState.ACTIVE }];
  const batch = { machine: "saw-1", samples: [column("power", samples)], stateChanges };
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  const ask = async (path: string) => {
    const window = "from=2026-03-02T12:00:00Z&to=2026-03-02T13:00:10Z";
    const response = await fetch(`http://127.0.0.1:${gateway.port}${path}?${window}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const silent_seconds = 49 * 60;
  expect(await ask("/machines/saw-1/summary")).toMatchObject({
    states: [{ state: "ACTIVE", seconds: 3_610, silent_seconds }],
    silence_tolerance_seconds: 600,
  });
  expect(await ask("/signals/state/buckets")).toMatchObject({
    machines: [{ silence_tolerance_seconds: 600 }],
  });
  const { buckets } = ((await ask("/signals/state/buckets")) as never as Record<string, [never]>)[
    "machines"
  ]![0];
  const parts = (buckets as { states: { silent_seconds: number }[] }[]).flatMap(
    ({ states }) => states,
  );
  expect(parts.reduce((sum, part) => sum + part.silent_seconds, 0)).toBe(silent_seconds);
  // The state still lasts, and from the end of the samples until the newest commit the machine is
  // silent.
  expect(await ask("/signals/state/intervals")).toMatchObject({
    end_time: "2026-03-02T13:00:10Z",
    intervals: [
      { state: "ACTIVE", silent_seconds: expect.any(Number), silent_since: "2026-03-02T13:11:00Z" },
    ],
  });
  const latest = await fetch(`http://127.0.0.1:${gateway.port}/signals/state/latest`);
  expect(await latest.json()).toMatchObject({
    signals: [{ state: "ACTIVE", silent_since: "2026-03-02T13:11:00Z" }],
  });
});
