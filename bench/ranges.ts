// (c) An hour and a day of one machine decoded in a client, (d) a day into 1,440 buckets; compared
// with the same from rows.
import { createSource, epochUs, machineNames, sumOf } from "./data.ts";
import type { Role } from "./processes.ts";
import type { ReadResult } from "./read.ts";
import { type Figure, formatMegabytes, formatMs, formatPart, median, spread } from "./report.ts";
import { copyMessages } from "./rows.ts";
import type { Scene, Stage } from "./stage.ts";
import { watchUsage } from "./usage.ts";

export type RangeSize = { machines: number; hours: number; runs: number };

const hourUs = 3_600_000_000;

export async function measureRanges(
  stage: Stage,
  { machines, hours, runs }: RangeSize,
): Promise<Figure[]> {
  await using scene = await stage.open();
  const names = machineNames(machines);
  const span = { fromUs: epochUs, toUs: epochUs + hours * hourUs };
  const sender = scene.role("send.ts");
  await sender.call("connect", { url: scene.accessor.url });
  await sender.call("fill", { set: "R", machines: names, ...span, sliceUs: 60e6 });
  await scene.compacted();
  await scene.rows.create("sample_row", { indexed: false });
  await scene.rows.copyIn(
    "sample_row",
    copyMessages("R", { machines: names, ...span, sliceUs: 60e6 }),
  );
  await scene.rows.index("sample_row");
  await scene.rows.query("vacuum analyze");
  await scene.rows.query("set max_parallel_workers_per_gather = 0");

  const reader = scene.role("read.ts");
  await reader.call("connect", { url: scene.accessor.url });
  const machine = names[machines >> 1]!;
  const id = (machines >> 1) + 1;
  await checkContent(reader, machine);

  const figures: Figure[] = [];
  for (const length of hours > 1 ? [1, hours] : [1]) {
    const measured = await measureRange(
      { stage, scene, reader },
      { machine, id, hours: length, runs },
    );
    for (const figure of measured) figures.push(figure);
  }
  figures.push(await measureBuckets({ scene, reader }, { machine, id, hours, runs }));
  return figures;
}

/** Both formats return the samples that were sent. */
async function checkContent(reader: Role, machine: string): Promise<void> {
  const range = { fromUs: epochUs, toUs: epochUs + hourUs };
  const expected = sumOf(createSource("R", machine)(range.fromUs, range.toUs).values);
  for (const as of ["columns", "blocks"]) {
    const sum = await reader.call<number>("sum", { machine, ...range, as });
    if (Math.abs(sum - expected) > 1e-9 * Math.abs(expected))
      throw new Error(`${as} add up to ${sum}, not ${expected}`);
  }
}

type Range = { machine: string; id: number; hours: number; runs: number };

async function measureRange(
  { stage, scene, reader }: { stage: Stage; scene: Scene; reader: Role },
  { machine, id, hours, runs }: Range,
): Promise<Figure[]> {
  const range = { machine, fromUs: epochUs, toUs: epochUs + hours * hourUs };
  const base: number[] = [];
  const formats = (["blocks", "columns"] as const).map((as) => ({
    as,
    ms: [] as number[],
    memory: "",
  }));
  // The first runs of each are not counted: code and caches are cold, and code that takes only
  // milliseconds needs several runs to become warm.
  const unmeasured = hours > 1 ? 1 : 10;
  const measured = hours > 1 ? runs : 3 * runs;
  for (let run = 0; run < unmeasured + measured; run++) {
    const from = performance.now();
    await scene.rows.copyOut(
      `select time, value from sample_row where ${ofRange(id, range)} order by time`,
    );
    base.push(performance.now() - from);
    for (const format of formats) {
      const processes = {
        client: reader.usage,
        accessor: scene.accessor.usage,
        PostgreSQL: stage.usage,
      };
      const { result, of } = await watchUsage(processes, () =>
        reader.call<ReadResult>("read", { ...range, as: format.as }),
      );
      if (result.samples !== hours * 360_000) throw new Error(`${result.samples} samples came`);
      format.ms.push(result.ms);
      const memory = Object.entries(of).map(
        ([name, { peakBytes }]) => `${name} ${formatMegabytes(peakBytes)}`,
      );
      format.memory = `at most ${memory.join(", ")}`;
    }
  }
  return formats.map(({ as, ms, memory }) => ({
    what: `c ${hours} h decoded, as ${as}`,
    ours: spread(ms.slice(unmeasured), formatMs),
    baseline: spread(base.slice(unmeasured), formatMs),
    ratio: formatPart(median(ms.slice(unmeasured)), median(base.slice(unmeasured))),
    target: as === "columns" ? "≤ 1/3" : hours === 1 ? "≤ 1/8" : "≤ 1/10",
    note: memory,
  }));
}

async function measureBuckets(
  { scene, reader }: { scene: Scene; reader: Role },
  range: Range,
): Promise<Figure> {
  const { machine, id, hours, runs } = range;
  const window = { machine, fromUs: epochUs, toUs: epochUs + hours * hourUs };
  const base: number[] = [];
  const ours: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const from = performance.now();
    const rows = await scene.rows.query(
      `select date_bin('60 s', time, 'epoch') as bucket, count(*), min(value), max(value), avg(value)
       from sample_row where ${ofRange(id, window)} group by bucket order by bucket`,
    );
    base.push(performance.now() - from);
    // Ten runs of ours for one of the baseline: each of ours takes milliseconds.
    for (let again = 0; again < 10; again++) {
      const answer = await reader.call<{ ms: number; buckets: number; samples: number }>(
        "aggregate",
        {
          ...window,
          widthUs: 60e6,
        },
      );
      if (answer.buckets !== rows.length || answer.samples !== hours * 360_000)
        throw new Error(JSON.stringify(answer));
      if (run > 0) ours.push(answer.ms);
    }
  }
  return {
    what: `d ${hours} h into ${hours * 60} buckets`,
    ours: spread(ours, formatMs),
    baseline: spread(base.slice(1), formatMs),
    ratio: formatPart(median(ours), median(base.slice(1))),
    target: "≤ 1/80",
  };
}

function ofRange(id: number, { fromUs, toUs }: { fromUs: number; toUs: number }): string {
  const time = (us: number) => `'${new Date(us / 1000).toISOString()}'`;
  return `machine = ${id} and time >= ${time(fromUs)} and time < ${time(toUs)}`;
}
