// samples() in SQL: everything committed in a range, from current blocks and from the log after
// them, in order.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { drawColumn } from "../../codec/testing/column-kinds.ts";
import {
  addBlock,
  addCommit,
  addSeries,
  openSqlFixture,
  type SqlFixture,
} from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() =>
  database.query(`truncate log, receipt, block, block_end, rollup_hour, rollup_due, series, machine cascade;
    delete from watermark where revision > 0`),
);

const startUs = 1_760_000_040_000_000;
const minuteUs = 60_000_000;

/** One sample a second: from, from + 1 … */
function seconds(from: number, values: number[]) {
  return {
    timesUs: Float64Array.from(values, (_, i) => startUs + (from + i) * 1_000_000),
    values: Float64Array.from(values),
  };
}

async function readSamples(
  range: { from?: number; to?: number; machines?: string[] } = {},
): Promise<string[]> {
  const { from = -3600, to = 3600, machines } = range;
  const rows = await database.query(
    `select extract(epoch from time) - $1 as second, machine, value
     from millrace_v1.samples('power', to_timestamp($1 + $2::int), to_timestamp($1 + $3::int), $4)`,
    [startUs / 1e6, from, to, machines],
  );
  return rows.map(({ second, machine, value }) => `${Number(second)} ${machine} ${value}`);
}

it("joins blocks and the log, without what is superseded or already compacted", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  await database.query("insert into watermark (revision) values (2), (3)");
  const old = await addBlock(database, {
    seriesId,
    watermark: 2,
    bucketUs: startUs,
    column: seconds(0, [90, 91]),
  });
  await database.query(
    "insert into block_end (block_id, series_id, bucket_us, ended_at) values ($1, $2, $3, 3)",
    [old, seriesId, startUs],
  );
  await addBlock(database, {
    seriesId,
    watermark: 3,
    bucketUs: startUs,
    column: seconds(0, [0, 1, 2]),
  });
  await addBlock(database, {
    seriesId,
    watermark: 3,
    bucketUs: startUs + minuteUs,
    column: seconds(60, [60, 61]),
  });
  await addCommit(database, { seriesId, revision: 3, column: seconds(0, [99]) });
  await addCommit(database, { seriesId, revision: 4, column: seconds(61, [610, 620]) });
  await addCommit(database, { seriesId, revision: 5, column: seconds(1, [10]) });
  expect(await readSamples()).toEqual([
    "0 a 0",
    "1 a 1",
    "1 a 10",
    "2 a 2",
    "60 a 60",
    "61 a 61",
    "61 a 610",
    "62 a 620",
  ]);
  expect(await readSamples({ from: 1, to: 61 })).toEqual(["1 a 1", "1 a 10", "2 a 2", "60 a 60"]);
  expect(await readSamples({ from: 62, to: 62 })).toEqual([]);
});

it("keeps the order of commits at equal times", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  await database.query("insert into watermark (revision) values (2)");
  const at = (values: number[]) => ({
    timesUs: Float64Array.from(values, () => startUs),
    values: Float64Array.from(values),
  });
  await addBlock(database, { seriesId, watermark: 2, bucketUs: startUs, column: at([7, 3]) });
  await addBlock(database, { seriesId, watermark: 2, bucketUs: startUs, column: at([9, 1]) });
  await addCommit(database, { seriesId, revision: 4, column: at([4]) });
  await addCommit(database, { seriesId, revision: 3, column: at([8, 2]) });
  expect(await readSamples()).toEqual(
    ["7", "3", "9", "1", "8", "2", "4"].map((value) => `0 a ${value}`),
  );
});

it("takes the machines asked for", async () => {
  for (const machine of ["b", "a", "c"]) {
    const seriesId = await addSeries(database, { machine, signal: "power" });
    await addCommit(database, { seriesId, revision: 1, column: seconds(0, [1, 2]) });
  }
  const other = await addSeries(database, { machine: "a", signal: "temperature" });
  await addCommit(database, { seriesId: other, revision: 1, column: seconds(0, [20]) });
  expect(await readSamples()).toEqual(["0 a 1", "0 b 1", "0 c 1", "1 a 2", "1 b 2", "1 c 2"]);
  expect(await readSamples({ machines: ["c", "a", "nobody"], to: 1 })).toEqual(["0 a 1", "0 c 1"]);
  expect(await readSamples({ machines: [] })).toEqual([]);
});

it("reads without bounds, and blocks of an hour from inside", async () => {
  const seriesId = await addSeries(database, {
    machine: "a",
    signal: "power",
    maxGapUs: 60_000_000,
  });
  const hourUs = Math.floor(startUs / 3.6e9) * 3.6e9;
  await database.query("insert into watermark (revision) values (1)");
  await addBlock(database, {
    seriesId,
    watermark: 1,
    bucketUs: hourUs,
    column: seconds(-300, [1, 2, 3]),
  });
  expect(await readSamples({ from: -299, to: -298 })).toEqual(["-299 a 2"]);
  const rows = await database.query(
    "select value from millrace_v1.samples('power', '-infinity', 'infinity')",
  );
  expect(rows.map(({ value }) => value)).toEqual(["1", "2", "3"]);
  expect(
    await database.query("select value from millrace_v1.samples('power', 'infinity', '-infinity')"),
  ).toEqual([]);
});

it("decodes nothing outside the range, and says which bytes are no block", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  await addCommit(database, { seriesId, revision: 1, column: seconds(0, [1]) });
  await addCommit(database, { seriesId, revision: 2, column: seconds(100, [2]) });
  await database.query("update log set payload = '\\x0200' where revision = 2");
  expect(await readSamples({ to: 100 })).toEqual(["0 a 1"]);
  await expect(readSamples()).rejects.toMatchObject({
    code: "XX001",
    message: "corrupt block: version 2 is not known",
  });
});

it("gives back every bit and microsecond of late, overlapping commits", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  const expected: { timeUs: number; value: number }[] = [];
  for (let revision = 1; revision <= 12; revision++) {
    const column = drawColumn({
      times: "jitter and holes",
      values: "mixed magnitudes",
      count: 300,
      seed: revision,
    });
    const fromUs = column.timesUs[0]!;
    const shifted = {
      timesUs: column.timesUs.map((timeUs) => timeUs - fromUs + startUs + (revision % 4) * 500_000),
      values: column.values,
    };
    await addCommit(database, { seriesId, revision, column: shifted });
    expected.push(
      ...Array.from(shifted.timesUs, (timeUs, i) => ({ timeUs, value: shifted.values[i]! })),
    );
  }
  // A stable sort: at equal times in the order of commits.
  expected.sort((a, b) => a.timeUs - b.timeUs);
  const [row] =
    await database.query(`select encode(string_agg(int8send(to_us(time)), '' order by n), 'hex') as times,
    encode(string_agg(float8send(value), '' order by n), 'hex') as values
    from millrace_v1.samples('power', '2025-01-01', '2026-01-01') with ordinality s(time, machine, value, n)`);
  const bytes = Buffer.alloc(expected.length * 16);
  for (const [i, { timeUs, value }] of expected.entries()) {
    bytes.writeBigInt64BE(BigInt(timeUs), i * 8);
    bytes.writeDoubleBE(value, (expected.length + i) * 8);
  }
  expect(`${row!.times}${row!.values}`).toBe(bytes.toString("hex"));
});
