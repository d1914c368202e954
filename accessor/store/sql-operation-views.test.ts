// The views of millrace_v1 for operators, on rows made by hand: storage and compaction.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { drawColumn } from "../../codec/testing/column-kinds.ts";
import {
  addBlock,
  addCommit,
  addReceipt,
  addSeries,
  addStates,
  openSqlFixture,
  type SqlFixture,
} from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() =>
  database.query(`truncate log, receipt, block, block_end, rollup_due, rollup_state_due, state_change, quarantine,
    series, machine cascade; delete from watermark where revision > 0`),
);

const startUs = 1_759_968_000_000_000;

it("storage counts what is current over all bytes", async () => {
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  const column = drawColumn({ times: "grid", values: "spiky decimals", count: 5000, seed: 1 });
  const few = drawColumn({ times: "grid", values: "spiky decimals", count: 70, seed: 2 });
  await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
  const old = await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
  await database.query(
    "insert into block_end (block_id, series_id, bucket_us, ended_at) values ($1, $2, $3, 0)",
    [old, seriesId, startUs],
  );
  await addCommit(database, { seriesId, revision: 1, column: few });
  await addStates(database, "a", [{ timeUs: startUs, state: 1 }]);
  const rows = await database.query(
    "select part, bytes, records, bytes_per_record from millrace_v1.storage",
  );
  expect(rows.map(({ part: name, records }) => `${name} ${records}`)).toEqual([
    "log 70",
    "receipts null",
    "blocks 5000",
    "rollups null",
    "state_changes 1",
    "error_reports 0",
  ]);
  const blocks = rows[2]!;
  expect(Number(blocks.bytes)).toBeGreaterThan(10_000);
  expect(Number(blocks.bytes_per_record)).toBeCloseTo(Number(blocks.bytes) / 5000, 6);
});

it("compaction says how far the history is behind", async () => {
  const read = async () => {
    const [row] =
      await database.query(`select watermark, head, lag_commits, round(lag_seconds::numeric, 1) as lag_seconds, quarantined,
      time <= now() as past from millrace_v1.compaction`);
    return Object.values(row!).join(" ");
  };
  expect(await read()).toBe("0 0 0 0.0 0 t");
  await addReceipt(database, { revision: 3, secondsAgo: 90 });
  await database.query("insert into watermark (revision) values (3)");
  expect(await read()).toBe("3 3 0 0.0 0 t");
  await addReceipt(database, { revision: 4, secondsAgo: 60 });
  await addReceipt(database, { revision: 5, secondsAgo: 10 });
  await database.query(
    "insert into quarantine (revision, series_id, reason, payload) values (2, 1, 'corrupt', '')",
  );
  expect(await read()).toMatch(/^3 5 2 60\.\d 1 t$/);
});

it("compaction counts the hours that are over and due, of signals and of machines, 100,000 at most", async () => {
  const due = async () =>
    (await database.query("select hours_due from millrace_v1.compaction"))[0]!.hours_due;
  expect(await due()).toBe("0");
  const hours = "to_us(date_trunc('hour', now())) + n * 3600000000::bigint";
  // The present hour and the next one are not over.
  await database.query(
    `insert into rollup_due (series_id, hour_us) select 1, ${hours} from generate_series(-5, 1) n`,
  );
  expect(await due()).toBe("5");
  await database.query(
    `insert into rollup_state_due (machine_id, hour_us) select 1, ${hours} from generate_series(-3, 1) n`,
  );
  // An hour of a machine is over when a newer record was committed.
  expect(await due()).toBe("5");
  await addReceipt(database, { revision: 1, secondsAgo: 0 });
  await database.query("insert into watermark (revision) values (1)");
  expect(await due()).toBe("8");
  await database.query(
    `insert into rollup_due (series_id, hour_us) select 2, ${hours} from generate_series(-100500, -1) n`,
  );
  expect(await due()).toBe("100000");
});
