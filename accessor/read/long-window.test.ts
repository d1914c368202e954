// A window of 2,000 years costs as much as the data in it, whatever its length.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { Catalog } from "../store/catalog.ts";
import { openDatabase } from "../store/database.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { epochUs, grid } from "../testing/batches.ts";
import { aggregate } from "./aggregate.ts";

const log = createLog({ name: "t", level: "silent" });

test("one bucket since the year 1 takes a few statements, with history and without", async () => {
  const history = {
    logWindowMs: 86_400_000,
    maxLogBytes: 2 ** 34,
    retentionMs: undefined,
    rollupRetentionMs: undefined,
  };
  await using accessor = await openTestAccessor({
    history: { ...history, compactIntervalMs: 100 },
  });
  const batch = { machine: "m", samples: [grid("power", epochUs, [1, 2, 3])] };
  const { cursor } = await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  expect(cursor).not.toBe("");
  await using database = await openDatabase({ url: accessor.databaseUrl, log });
  const [series] = await new Catalog(database).select({ machines: ["m"], signals: ["power"] });
  let statements = 0;
  const counting = {
    ...database,
    read: (...args: Parameters<typeof database.read>) => {
      statements++;
      return database.read(...args);
    },
  };
  const [{ watermark }] = (await accessor.query(
    "select max(revision)::int as watermark from watermark",
  )) as [{ watermark: number }];
  const edgesUs = Float64Array.of(Date.UTC(-1, 0) * 1_000, epochUs + 1_000_000);
  const query = {
    series: series!,
    edgesUs,
    revision: 1,
    watermark,
    abort: new AbortController().signal,
  };
  const [bucket] = await aggregate(counting, query);
  expect(bucket).toMatchObject({ count: 3, min: 1, max: 3 });
  expect(statements).toBeLessThan(12);
});
