// samples_minute and samples_hour on blocks and roll-ups made by hand equal the summary of the
// samples.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { drawColumn } from "../../codec/testing/column-kinds.ts";
import { type Summary, summarize } from "../history/summary.ts";
import {
  addBlock,
  addSeries,
  openSqlFixture,
  type SqlFixture,
  summaryColumns,
  summaryValues,
} from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() =>
  database.query(`truncate log, receipt, block, block_end, rollup_hour, rollup_due, rollup_state, state_change, error_report, quarantine,
    series_day, series_day_due, kept_minute, kept_minute_day, kept_hour, series, machine cascade; delete from watermark where revision > 0`),
);

const hourUs = 3_600_000_000;
const minuteUs = 60_000_000;
const startUs = 1_759_968_000_000_000;
const start = "2025-10-09 00:00:00+00";

/** The columns of a summary view, as numbers. */
function summaryOf(column: Column, maxGapUs = 1_000_000) {
  const { count, sum, min, max, first, last, integral, coveredUs } = summarize(column, {
    maxGapUs,
    sampleType: SampleType.UNSPECIFIED,
  });
  return {
    count,
    min,
    max,
    mean: sum.high / count,
    first,
    last,
    integral: integral.high,
    covered_seconds: coveredUs / 1e6,
  };
}

async function readSummaries(view: string, where = "true") {
  const rows = await database.query(
    `select * from millrace_v1.${view} where ${where} order by machine, signal, time`,
  );
  return rows.map(
    ({
      machine,
      signal,
      unit,
      time,
      kwh: _kwh,
      increase: _i,
      rate: _r,
      sample_type: _t,
      ...numbers
    }) => ({
      of: `${machine} ${signal} ${unit} ${time}`,
      ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
    }),
  );
}

function close(summary: ReturnType<typeof summaryOf>) {
  const { mean, integral } = summary;
  return { ...summary, mean: expect.closeTo(mean, 6), integral: expect.closeTo(integral, 6) };
}

function part({ timesUs, values }: Column, from: number, to: number): Column {
  return { timesUs: timesUs.subarray(from, to), values: values.subarray(from, to) };
}

const wave = (fromUs: number, count: number, stepUs: number): Column => ({
  timesUs: Float64Array.from({ length: count }, (_, i) => fromUs + i * stepUs),
  values: drawColumn({ times: "grid", values: "spiky decimals", count, seed: count }).values,
});

it("a minute is its current blocks joined, lines between them included", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  await database.query("insert into watermark (revision) values (1), (2)");
  const minute = wave(startUs, 500, 100_000);
  // A hole longer than max_gap, between the second and the third block.
  for (let i = 300; i < 500; i++) minute.timesUs[i]! += 5_000_000;
  for (const [from, to] of [
    [0, 120],
    [300, 500],
    [120, 300],
  ] as const) {
    await addBlock(database, {
      seriesId,
      watermark: 1,
      bucketUs: startUs,
      column: part(minute, from, to),
    });
  }
  const old = await addBlock(database, {
    seriesId,
    watermark: 1,
    bucketUs: startUs,
    column: part(minute, 0, 50),
  });
  await database.query(
    "insert into block_end (block_id, series_id, bucket_us, ended_at) values ($1, $2, $3, 2)",
    [old, seriesId, startUs],
  );
  const next = wave(startUs + minuteUs, 100, 10_000);
  await addBlock(database, { seriesId, watermark: 2, bucketUs: startUs + minuteUs, column: next });
  const first = { of: `a power W ${start}`, ...close(summaryOf(minute)) };
  const second = { of: "a power W 2025-10-09 00:01:00+00", ...close(summaryOf(next)) };
  expect(await readSummaries("samples_minute")).toEqual([first, second]);
  expect(
    await readSummaries("samples_minute", `time >= '2025-10-09 00:01Z' and machine = 'a'`),
  ).toEqual([second]);
  expect(
    await readSummaries("samples_minute", `time < '2025-10-09 00:01Z' and signal = 'power'`),
  ).toEqual([first]);
});

it("an hour is its roll-up, or its blocks where it is due; sparse signals have minutes of their samples", async () => {
  const dense = await addSeries(database, { machine: "a", signal: "power" });
  const sparse = await addSeries(database, {
    machine: "a",
    signal: "temperature",
    unit: "°C",
    maxGapUs: 60_000_000,
  });
  await database.query("insert into watermark (revision) values (1), (2)");
  const whole = wave(startUs, 4000, 900_000);
  for (let minute = 0; minute < 60; minute++) {
    const [from, to] = [minute, minute + 1].map((m) =>
      whole.timesUs.findIndex((timeUs) => timeUs >= startUs + m * minuteUs),
    );
    const column = part(whole, from!, to! < 0 ? 4000 : to!);
    await addBlock(database, {
      seriesId: dense,
      watermark: 1,
      bucketUs: startUs + minute * minuteUs,
      column,
    });
  }
  await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
    dense,
    startUs,
  ]);
  const temperatures = wave(startUs + hourUs, 100, 30_000_000);
  await addBlock(database, {
    seriesId: sparse,
    watermark: 1,
    maxGapUs: 60_000_000,
    bucketUs: startUs + hourUs,
    column: temperatures,
  });
  await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
    sparse,
    startUs + hourUs,
  ]);
  const power = { of: `a power W ${start}`, ...close(summaryOf(whole)) };
  const temperature = {
    of: "a temperature °C 2025-10-09 01:00:00+00",
    ...close(summaryOf(temperatures, 60_000_000)),
  };
  expect(await readSummaries("samples_hour")).toEqual([power, temperature]);
  expect(await readSummaries("samples_hour", "time >= '2025-10-09 01:00Z'")).toEqual([temperature]);
  expect(await readSummaries("samples_day")).toEqual([
    power,
    { ...temperature, of: `a temperature °C ${start}` },
  ]);
  // Two samples and two lines each; the last minute has one line.
  const minutes = await readSummaries("samples_minute", "signal = 'temperature'");
  const covered = (seconds: number) =>
    expect.objectContaining({ count: 2, covered_seconds: seconds });
  expect(minutes).toEqual([...Array(49).fill(covered(60)), covered(30)]);
  expect(minutes[1]).toMatchObject({
    of: "a temperature °C 2025-10-09 01:01:00+00",
    first: temperatures.values[2],
    last: temperatures.values[3],
    integral: expect.closeTo(
      (temperatures.values[2]! / 2 + temperatures.values[3]! + temperatures.values[4]! / 2) * 30,
      6,
    ),
  });

  // Rolled up at 1, then again at 2: the later one counts, and the blocks no longer do.
  await database.query("delete from rollup_due");
  for (const [validFrom, column] of [
    [1, part(whole, 0, 10)],
    [2, part(whole, 0, 1000)],
  ] as const) {
    await addRollup({
      validFrom,
      seriesId: dense,
      summary: summarize(column, { maxGapUs: 1_000_000, sampleType: SampleType.UNSPECIFIED }),
    });
  }
  expect(await readSummaries("samples_hour")).toEqual([
    { of: power.of, ...close(summaryOf(part(whole, 0, 1000))) },
  ]);

  // Late data at 3: no roll-up is valid any more.
  await database.query(
    "insert into rollup_hour (valid_from, series_id, hour_us) values (3, $1, $2)",
    [dense, startUs],
  );
  await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
    dense,
    startUs,
  ]);
  expect(await readSummaries("samples_hour")).toEqual([power]);
});

async function addRollup({
  validFrom,
  seriesId,
  summary,
}: {
  validFrom: number;
  seriesId: number;
  summary: Summary;
}): Promise<void> {
  await database.query(
    `insert into rollup_hour (valid_from, series_id, hour_us, ${summaryColumns})
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [validFrom, seriesId, startUs, ...summaryValues(summary)],
  );
}

it("power in any unit of watts has its energy, other units and signals have none", async () => {
  for (const [machine, signal, unit] of [
    ["a", "power", "kW"],
    ["b", "power", ""],
    ["c", "power", "VA"],
    ["d", "load", "W"],
  ] as const) {
    const seriesId = await addSeries(database, { machine, signal, unit });
    const column = {
      timesUs: Float64Array.of(startUs, startUs + 1e6),
      values: Float64Array.of(1800, 1800),
    };
    await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
    await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
      seriesId,
      startUs,
    ]);
  }
  for (const view of ["samples_minute", "samples_hour", "samples_day"]) {
    const rows = await database.query(`select kwh from millrace_v1.${view} order by machine`);
    expect(rows.map(({ kwh }) => kwh)).toEqual(["0.5", "0.0005", null, null]);
  }
});

it("values at the ends of float64 fail no view", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
    seriesId,
    startUs,
  ]);
  const wild = [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 0, -0, 1, Number.MAX_VALUE];
  for (const [i, value] of wild.entries()) {
    for (const offsetUs of [0, 500_000]) {
      const column = {
        timesUs: Float64Array.of(startUs + i * 1_000_000 + offsetUs),
        values: Float64Array.of(value),
      };
      await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
    }
  }
  for (const view of ["samples_minute", "samples_hour", "samples_day"]) {
    const [row] = await database.query(
      `select count, min, max, first, covered_seconds from millrace_v1.${view}`,
    );
    const max = String(Number.MAX_VALUE);
    expect(row).toEqual({ count: "14", min: `-${max}`, max, first: max, covered_seconds: "6.5" });
    for (const type of [2, 3, 1]) {
      await database.query("update series set sample_type = $1", [type]);
      expect(await database.query(`select * from millrace_v1.${view}`)).toHaveLength(1);
    }
  }
  const day = 86_400_000_000;
  for (const type of [1, 2, 3])
    await database.query("select * from line_area(0, -1e300, $1, 1e300, 0, $1, $1, $2::int2)", [
      day,
      type,
    ]);
});
