// 1,000 W for a day are 24 kWh, whatever the cadence, through every door, with every query, without
// any declaration.
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, type TestAccessor } from "../accessor/testing/accessor.ts";
import { at } from "../accessor/testing/batches.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { openCheckedGateway } from "../gateway/testing/gateway.ts";
import { sendInput } from "../producer/input/input.ts";
import { createLog } from "../runtime/log.ts";
import { eventually } from "./testing/eventually.ts";

const log = createLog({ name: "test", level: "silent" });
const stack = new AsyncDisposableStack();
const history = {
  compactIntervalMs: 40,
  logWindowMs: 86_400_000,
  maxLogBytes: 2 ** 34,
  retentionMs: undefined,
  rollupRetentionMs: undefined,
};
let accessor: TestAccessor;
let gateway: Gateway;
beforeAll(async () => {
  accessor = stack.use(await openTestAccessor({ history }));
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  gateway = stack.use(await openCheckedGateway({ host: "127.0.0.1", port: 0, accessorUrl, log }));
});
afterAll(() => stack.disposeAsync());

const dayUs = 86_400e6;
const baseUs = Date.UTC(2026, 9, 1) * 1000;
const watts = 1_000;

type Load = { machine: string; stepUs: number; count: number };
let producers = 0;

async function ingest(batches: readonly Batch[] | readonly object[]): Promise<void> {
  const producerId = `energy-${producers++}`;
  for (const [i, batch] of batches.entries())
    await accessor.ingest.ingestBatch({
      producerId,
      sequence: BigInt(i + 1),
      batch: batch as Batch,
    });
}

function asColumns({ machine, stepUs, count }: Load): Promise<void> {
  const perBatch = 60_000;
  const batches = Array.from({ length: Math.ceil(count / perBatch) }, (_, i) => {
    const start = i * perBatch;
    const grid = { startUs: BigInt(baseUs + start * stepUs), periodUs: BigInt(stepUs) };
    const values = new Array<number>(Math.min(perBatch, count - start)).fill(watts);
    return {
      machine,
      samples: [{ signal: "power", times: { case: "grid" as const, value: grid }, values }],
    };
  });
  return ingest(batches);
}

const timeOf = ({ stepUs }: Load, i: number) =>
  new Date((baseUs + i * stepUs) / 1000).toISOString();
const lines = (load: Load, line: (time: string) => string) =>
  Array.from({ length: load.count }, (_, i) => `${line(timeOf(load, i))}\n`).join("");
const ndjson = (load: Load) =>
  lines(load, (time) =>
    JSON.stringify({ machine: load.machine, signal: "power", time, value: watts }),
  );
const csv = (load: Load) =>
  `machine,signal,time,value\n${lines(load, (time) => `${load.machine},power,${time},${watts}`)}`;

async function post(body: string, type: string): Promise<void> {
  const url = `http://127.0.0.1:${gateway.port}/signals`;
  const response = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
  expect(await response.json()).toMatchObject({ rejected: 0, verdicts: [] });
}

async function asInput(load: Load): Promise<void> {
  const batches: Batch[] = [];
  await sendInput({
    source: Readable.from([Buffer.from(csv(load))]),
    log,
    batchIntervalMs: 60_000,
    abort: new AbortController().signal,
    append: async (batch) => void batches.push(batch),
  });
  await ingest(batches);
}

const doors: Record<string, (load: Load) => Promise<void>> = {
  columns: asColumns,
  rows: (load) => post(ndjson(load), "application/x-ndjson"),
  CSV: (load) => post(csv(load), "text/csv"),
  "--input": asInput,
};

async function askEverywhere({ machine }: Load, endUs: number) {
  const window = { startTime: at(baseUs), endTime: at(endUs) };
  const { machines } = await accessor.signals.summarizeMachines({ machines: [machine], ...window });
  const query = `from=${new Date(baseUs / 1000).toISOString()}&to=${new Date(endUs / 1000).toISOString()}`;
  const ask = async (path: string) =>
    (await (await fetch(`http://127.0.0.1:${gateway.port}${path}${query}`)).json()) as Record<
      string,
      never
    >;
  const summary = (await ask(`/machines/${machine}/summary?`)) as unknown as {
    energy: { energy_kwh: number };
  };
  const hours = await ask(`/signals/power/buckets?machine=${machine}&width=1h&`);
  const [{ buckets }] = (hours as unknown as { series: [{ buckets: { integral: number }[] }] })
    .series;
  const found: Record<string, number> = {
    gRPC: machines[0]!.energy!.energyKwh,
    REST: summary.energy.energy_kwh,
    buckets: buckets.reduce((sum, { integral }) => sum + integral, 0) / 3.6e6,
  };
  for (const view of ["minute", "hour", "day"]) {
    const [row] = await accessor.query(
      `select sum(kwh)::float8 as kwh from millrace_v1.samples_${view}
       where machine = $1 and signal = 'power' and time >= $2::timestamptz and time < $3::timestamptz`,
      [machine, new Date(baseUs / 1000).toISOString(), new Date(endUs / 1000).toISOString()],
    );
    found[view] = Number(row!["kwh"]);
  }
  return found;
}

const compacted = () =>
  eventually("all is in the history", async () => {
    const [row] = await accessor.query(
      "select lag_commits::int as lag from millrace_v1.compaction",
    );
    return row!["lag"] === 0;
  });

const second = 1e6;
const cadences: [string, number][] = [
  ["10 ms", 0.01 * second],
  ["1 s", second],
  ["10 s", 10 * second],
  ["60 s", 60 * second],
  ["15 min", 900 * second],
  ["1 h", 3_600 * second],
];
// A day of rows every 10 ms is a gigabyte of text: dense samples are sent as rows for ten minutes
// only.
const spanOf = (door: string, stepUs: number) =>
  stepUs <= second && door !== "columns" ? 600 * second : dayUs;
const cases = Object.keys(doors).flatMap((door) =>
  cadences.map(([name, stepUs]) => [door, name, stepUs] as const),
);

test.each(cases)("%s, a sample every %s", { timeout: 120_000 }, async (door, name, stepUs) => {
  const spanUs = spanOf(door, stepUs);
  const load = {
    machine: `${door}-${name}`.replaceAll(/[^a-z0-9]/gi, ""),
    stepUs,
    count: spanUs / stepUs + 1,
  };
  await doors[door]!(load);
  await compacted();
  // SQL counts whole days; the first sample of the next day belongs to that.
  const found = await askEverywhere(load, spanUs === dayUs ? baseUs + dayUs : baseUs + spanUs);
  const kwh = (24 * spanUs) / dayUs;
  for (const [how, value] of Object.entries(found))
    expect([how, value]).toEqual([how, expect.closeTo(kwh, 9)]);
});
