// However many ends of blocks there are, PostgreSQL looks the end of a block up by index, and walks
// the index of blocks in its order: also in a plan that is made once for all values.
import { afterAll, beforeAll, expect, test } from "vitest";
import { readLatestSamples } from "../read/latest-samples.ts";
import { blockHeaders } from "../store/block-headers.ts";
import type { Database } from "../store/database.ts";
import { readBlocksOfRanges, readBuckets } from "../store/history.ts";
import { column } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import { baseUs } from "../testing/records.ts";

const minuteUs = 60_000_000;
const minutes = 300;

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  for (let from = 0; from < minutes; from += 60) {
    const values = Array.from(
      { length: 60 },
      (_, i) => [baseUs + (from + i) * minuteUs, i] as const,
    );
    for (const machine of ["a", "b", "c"])
      await history.ingest({ machine, samples: [column("power", values)] });
    await history.compactAll();
  }
});
afterAll(() => history[Symbol.asyncDispose]());

type Asked = { text: string; values: unknown[] };

/** The same database, which notes the statements that are put to it. */
function noted(database: Database): { database: Database; asked: Asked[] } {
  const asked: Asked[] = [];
  const note =
    <Rest extends unknown[], Answer>(
      ask: (text: string, values: unknown[], ...rest: Rest) => Answer,
    ) =>
    (text: string, values: unknown[], ...rest: Rest): Answer => {
      asked.push({ text, values });
      return ask(text, values, ...rest);
    };
  return {
    database: { ...database, read: note(database.read), lookUp: note(database.lookUp) },
    asked,
  };
}

type Node = { "Node Type": string; Alias?: string; "Index Name"?: string; Plans?: Node[] };

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** How the general plan of a statement reaches blocks and their ends. */
async function waysOf({ text }: Asked): Promise<string[]> {
  // In a session with the settings of our own.
  const [row] = await history.database.read(`explain (generic_plan, format json) ${text}`, [], {});
  const [{ Plan: plan }] = JSON.parse(row![0] as string) as [{ Plan: Node }];
  return nodesOf(plan).flatMap(({ Alias: alias = "", "Node Type": type }) => {
    // What is kept to be gone through again for every row.
    if (type === "Materialize") return [type];
    return /^[be](_\d+)?$/.test(alias) ? [`${alias[0]}: ${type}`] : [];
  });
}

test.each([200, 200_000])(
  "whatever is asked of blocks with %i ends is looked up by index",
  async (ends) => {
    await history.query("delete from block_end where block_id >= 1000000000");
    await history.query(
      "insert into block_end select 1000000000 + n, 1, 1, 1 from generate_series(1, $1::int4) n",
      [ends],
    );
    await history.query("vacuum analyze");
    const { database, asked } = noted(history.database);
    const [{ revision }] = (await history.query<{ revision: string }>(
      "select max(revision) as revision from watermark",
    )) as [{ revision: string }];
    const watermark = Number(revision);
    const series = ["a", "b", "c"].map((machine) => history.catalog.find(machine, "power")!);
    const range = { fromUs: baseUs, toUs: baseUs + minutes * minuteUs };
    const buckets = series.map(({ id }) => ({ seriesId: id, bucketUs: baseUs }));

    expect(
      await readLatestSamples(database, series, { through: watermark, abort: unaborted }),
    ).toHaveLength(3);
    const inRanges = { seriesId: series[0]!.id, ranges: [range], watermark };
    expect(await readBlocksOfRanges(database, inRanges, { abort: unaborted })).not.toEqual([]);
    await readBuckets(database, buckets, { watermark, abort: unaborted });
    for await (const _ of blockHeaders(database, { series, ...range, watermark }, { limit: 10 }));

    const aboutBlocks = asked.filter(({ text }) => text.includes("from block b"));
    expect(aboutBlocks.length).toBeGreaterThanOrEqual(4);
    const ways = new Set((await Promise.all(aboutBlocks.map(waysOf))).flat());
    expect([...ways].sort()).toEqual(["b: Index Scan", "e: Index Scan"]);
  },
);
