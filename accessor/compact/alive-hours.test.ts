// The minutes in which machines gave signs of life: as they come, in every version that is kept; of
// a database from before; and dropped with the last of what they stand for.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { forAtMost } from "../../test/testing/for-at-most.ts";
import { toRetention } from "../domain/retention.ts";
import { oneSample } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";
import { anyBatch, type RawRecord, toBatch, toRecords } from "../testing/records.ts";
import { retain } from "./retain.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

const minuteUs = 60e6;
const hourUs = 60 * minuteUs;

type Row = {
  machine: string;
  hour_us: string;
  minutes: string;
  first_minute: number;
  last_minute: number;
};

/** As of a watermark. */
async function alive(watermark: number): Promise<string[]> {
  const rows = await history.query<Row>(
    `select distinct on (m.name, a.hour_us) m.name as machine, a.* from alive_hour a join machine m on m.id = a.machine_id
     where a.valid_from <= $1 order by m.name, a.hour_us, a.valid_from desc`,
    [watermark],
  );
  return rows
    .flatMap(({ machine, hour_us, minutes, first_minute, last_minute }) => {
      const bits = Array.from({ length: 60 }, (_, i) => i).filter(
        (i) => (BigInt(minutes) >> BigInt(i)) & 1n,
      );
      expect([first_minute, last_minute]).toEqual([bits[0], bits.at(-1)]);
      return bits.map((i) => `${machine} ${Number(hour_us) + i * minuteUs}`);
    })
    .sort();
}

const minutesOf = (records: readonly RawRecord[]) =>
  [
    ...new Set(
      records.map(
        ({ machine, timeUs }) => `${machine} ${Math.floor(timeUs / minuteUs) * minuteUs}`,
      ),
    ),
  ].sort();

test("every version holds the minutes of all records up to it; those of before come with tidying", {
  timeout: 60_000,
}, async () => {
  const rounds = fc.array(fc.array(anyBatch, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(
      rounds,
      forAtMost(6_000, async (some) => {
        await history.clear();
        const records: RawRecord[] = [];
        const known = new Map<number, string[]>();
        for (const batches of some) {
          for (const batch of batches) {
            const { revision } = await history.ingest(toBatch(batch));
            for (const record of toRecords(batch, revision)) records.push(record);
          }
          const { through } = (await history.compact())!;
          known.set(through, minutesOf(records));
        }
        for (const [watermark, minutes] of known) expect(await alive(watermark)).toEqual(minutes);

        const head = [...known.keys()].at(-1)!;
        await history.query(
          "truncate alive_hour; insert into alive_due (machine_id) select id from machine",
        );
        // A step in between knows of its own minutes only.
        const batch = some[0]![0]!;
        const { revision } = await history.ingest(toBatch(batch));
        await history.compact();
        await history.query("select note_alive_before(1)");
        await history.tidy();
        expect(await alive(head)).toEqual(known.get(head));
        expect(await alive(revision)).toEqual(known.get(head));
        expect(await history.query("select from alive_due")).toEqual([]);

        await history.tidy({ supersededMs: 0 });
        const [{ versions, hours }] = (await history.query(
          "select count(*)::int4 as versions, count(distinct (machine_id, hour_us))::int4 as hours from alive_hour",
        )) as [{ versions: number; hours: number }];
        expect(versions).toBe(hours);
        expect(await alive(revision)).toEqual(known.get(head));
      }),
    ),
    { numRuns: 5 },
  );
});

test("of blocks from before minutes were noted, all from the first to the last count", async () => {
  const batch = oneSample(0);
  const { timesUs } = { timesUs: [0, 17].map((minute) => Date.UTC(2026, 0, 5, 0, minute) * 1000) };
  for (const timeUs of timesUs) {
    const samples = batch.samples.map((one) => ({
      ...one,
      times: { case: "deltas" as const, value: { deltaUs: [BigInt(timeUs)] } },
      maxGap: { seconds: 60n },
    }));
    await history.ingest({ ...batch, samples });
  }
  await history.compactAll();
  await history.query(
    "truncate alive_hour, touched; insert into alive_due (machine_id) select id from machine",
  );
  await history.tidy();
  const [first] = timesUs;
  expect(await alive(2)).toEqual(
    Array.from({ length: 18 }, (_, i) => `m1 ${first! + i * minuteUs}`).sort(),
  );
});

test("they go once nothing of them is kept", async () => {
  const nowUs = Date.UTC(2026, 0, 5) * 1000 + 100 * 24 * hourUs;
  await history.ingest(oneSample(0));
  await history.settle();
  const options = {
    database: history.database,
    catalog: history.catalog,
    log: quiet,
    nowUs: () => nowUs,
    abort: unaborted,
    retention: toRetention(10 * 86_400_000, []),
    maxDropped: 1_000,
  };
  await retain({ ...options, rollupRetentionMs: 200 * 86_400_000 });
  expect(await alive(2)).toHaveLength(1);
  await retain({ ...options, rollupRetentionMs: 50 * 86_400_000 });
  expect(await alive(2)).toEqual([]);
});
