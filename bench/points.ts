// (e) The latest sample of 100 machines, (g) a year of one machine for a plot.
import { epochUs, machineNames } from "./data.ts";
import { type Figure, formatMs, formatPart, median, spread } from "./report.ts";
import { copyMessages } from "./rows.ts";
import type { Stage } from "./stage.ts";

export async function measureLatest(stage: Stage, { runs }: { runs: number }): Promise<Figure[]> {
  await using scene = await stage.open();
  const machines = machineNames(100);
  const span = { fromUs: epochUs, toUs: epochUs + 120e6 };
  const sender = scene.role("send.ts");
  await sender.call("connect", { url: scene.accessor.url });
  await sender.call("fill", { set: "R", machines, ...span, sliceUs: 1e6 });
  await scene.compacted();
  await scene.rows.create("sample_row", { indexed: true });
  await scene.rows.copyIn("sample_row", copyMessages("R", { machines, ...span, sliceUs: 1e6 }));
  await scene.rows.query("vacuum analyze");
  const reader = scene.role("read.ts");
  await reader.call("connect", { url: scene.accessor.url });
  const base: number[] = [];
  const ours: number[] = [];
  for (let run = 0; run < runs + 20; run++) {
    const from = performance.now();
    await scene.rows.query(`select newest.* from generate_series(1, 100) as m(id), lateral (
      select machine, time, value from sample_row where machine = m.id order by time desc limit 1) newest`);
    const baseMs = performance.now() - from;
    const { ms, records } = await reader.call<{ ms: number; records: number }>("latest", {
      machines,
    });
    if (records !== 100) throw new Error(`${records} records came`);
    if (run < 20) continue;
    base.push(baseMs);
    ours.push(ms);
  }
  return [
    {
      what: "e latest of 100 machines",
      ours: spread(ours, formatMs),
      baseline: spread(base, formatMs),
      ratio: formatPart(median(ours), median(base)),
      target: "≤ 5 ms",
      note: "baseline: one index look-up a machine",
    },
  ];
}

const hourUs = 3_600_000_000;
const hoursAYear = 365 * 24;

export async function measureYear(stage: Stage, { runs }: { runs: number }): Promise<Figure[]> {
  await using scene = await stage.open();
  const sender = scene.role("send.ts");
  await sender.call("connect", { url: scene.accessor.url });
  const yearUs = epochUs - hoursAYear * hourUs;
  // A real hour registers the series; the year before it is synthetic.
  await sender.call("fill", {
    set: "R",
    machines: ["m1"],
    fromUs: epochUs,
    toUs: epochUs + hourUs,
    sliceUs: 60e6,
  });
  await scene.compacted();
  await scene.rows.query(`insert into rollup_hour (valid_from, hour_us, first_us, last_us, min_us, max_us, covered_us, count, sum, min, max,
      first, last, integral, series_id)
    select 1, hour, hour, hour + 3599990000, hour + 5000000, hour + 9000000, 3599990000, 360000, 360000 * 5000.0, 300 + n % 7, 7000 + n % 5,
      5000, 5000, 3599.99 * 5000, (select min(series_id) from block)
    from generate_series(0, ${hoursAYear - 1}) as n, lateral (select ${yearUs}::int8 + n * ${hourUs}::int8 as hour) h`);
  await scene.rows.query("vacuum analyze");
  const reader = scene.role("read.ts");
  await reader.call("connect", { url: scene.accessor.url });
  const ours: number[] = [];
  let buckets = 0;
  for (let run = 0; run < runs + 5; run++) {
    const answer = await reader.call<{ ms: number; buckets: number; samples: number }>(
      "aggregate",
      {
        machine: "m1",
        fromUs: yearUs,
        toUs: epochUs,
        points: 1000,
      },
    );
    if (answer.samples !== hoursAYear * 360_000)
      throw new Error(`${answer.samples} samples counted`);
    buckets = answer.buckets;
    if (run >= 5) ours.push(answer.ms);
  }
  return [
    {
      what: "g a year of one machine, 1,000 points",
      ours: spread(ours, formatMs),
      target: "≤ 50 ms",
      note: `${buckets} buckets of a round width, from 8,760 made-up hourly roll-ups`,
    },
  ];
}
