// Exports state what a signal declares, or what was inferred and is settled: sent back, they change
// nothing.
import pg from "pg";
import { expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { type Declaration, toSamples } from "../codec/wire/samples.ts";
import { grpcClients } from "./testing/ask.ts";
import { copySamplesBySql } from "./testing/copy-samples.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

const [ndjson, csv] = ["application/x-ndjson", "text/csv"];

test("what comes back changes no declaration where it came from, and gives the same gap elsewhere", async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const running = stack.use(await startGateway(accessor.url));
  const { ingest } = stack.use(grpcClients(accessor.url));
  const cases: [count: number, stepSeconds: number, declared: Partial<Declaration>][] = [
    ...([1, 2, 16, 17, 40] as const).map((count): [number, number, Partial<Declaration>] => [
      count,
      900,
      {},
    ]),
    [1, 900, { maxGapUs: 1_000_001 }],
    [20, 10, { maxGapUs: 1, unit: "K" }],
    [3, 900, { sampleType: SampleType.STEP }],
    [20, 900, { sampleType: SampleType.COUNTER, unit: "kWh" }],
    [20, 900, { sampleType: SampleType.LINEAR }],
  ];
  const client = stack.adopt(new pg.Client({ connectionString: database.url }), (one) => one.end());
  await client.connect();
  const declarationOf = async (of: string) => {
    const select =
      "select unit, max_gap_seconds, max_gap_inferred, max_gap, sample_type from millrace_v1.signals";
    return (await client.query(`${select} where machine = $1`, [of])).rows[0];
  };
  const post = async (body: string, type: string) => {
    const headers = { "content-type": type };
    const answer = await fetch(`${running.url}/signals`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ rejected: 0 });
  };
  let sequence = 0n;
  const send = async (
    of: string,
    from: number,
    to: number,
    stepSeconds: number,
    declared: Partial<Declaration>,
  ) => {
    const timesUs = Array.from(
      { length: to - from },
      (_, i) => 1_772_352_000e6 + (from + i) * stepSeconds * 1e6,
    );
    const samples = [
      toSamples(
        { signal: "heat", unit: "", maxGapUs: undefined, ...declared },
        { timesUs: Float64Array.from(timesUs), values: new Float64Array(timesUs.length) },
      ),
    ];
    const batch = { machine: of, samples };
    const { result, cursor } = await ingest.ingestBatch({
      producerId: "p",
      sequence: ++sequence,
      batch,
    });
    expect(result?.verdicts).toEqual([]);
    return cursor;
  };
  const exported = async (of: string, more: string) =>
    (await fetch(`${running.url}/signals/heat?machine=${encodeURIComponent(of)}&${more}`)).text();
  for (const [i, [count, stepSeconds, declared]] of cases.entries()) {
    const origin = `origin ${i};`;
    const cursor = await send(origin, 0, count, stepSeconds, declared);
    const before = await declarationOf(origin);
    const ways: [string, string][] = [
      [await exported(origin, `format=ndjson&min_cursor=${cursor}`), ndjson],
      [await exported(origin, `format=csv&min_cursor=${cursor}`), csv],
      [await copySamplesBySql(database.url, origin), csv],
    ];
    const isSettled = declared.maxGapUs !== undefined || count > 16;
    expect(before.max_gap === null).toBe(!isSettled);
    for (const [way, [written, type]] of ways.entries()) {
      const what = `${JSON.stringify(cases[i])} by way ${way}`;
      await post(written, type);
      expect(await declarationOf(origin), what).toEqual(before);
      await post(written.replaceAll(origin, `elsewhere ${i} ${way}`), type);
      const { max_gap_inferred: _, ...same } = before;
      expect(await declarationOf(`elsewhere ${i} ${way}`), what).toMatchObject(same);
    }
    if (!isSettled || count === 1) continue;
    // Exports of a part, too.
    const some = await exported(origin, "format=ndjson&limit=2");
    await post(some.replaceAll(origin, `part ${i}`), ndjson);
    expect((await declarationOf(`part ${i}`)).max_gap_seconds).toBe(before.max_gap_seconds);
  }
  // A guess that was exported early does not override what later samples show.
  const first = await send("meter", 0, 1, 3_600, {});
  const early = await exported("meter", `format=ndjson&min_cursor=${first}`);
  await send("meter", 1, 24, 3_600, {});
  await post(early, ndjson);
  expect(await declarationOf("meter")).toMatchObject({
    max_gap_seconds: 10_800,
    max_gap_inferred: true,
  });
}, 120_000);
