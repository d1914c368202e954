// (h) How ingest and reads change with the number of machines, and with the amount of stored data:
// one at a time.
import { epochUs } from "./data.ts";
import { measureIngest } from "./ingest.ts";
import type { Role } from "./processes.ts";
import { measureRanges } from "./ranges.ts";
import type { ReadResult } from "./read.ts";
import { type Figure, formatMs, formatRate, median } from "./report.ts";
import type { Stage } from "./stage.ts";

const hourUs = 3_600_000_000;
const samplesAnHour = 360_000;

export type GrowthSize = { fillMs: number; machines: readonly number[]; samples: number };

/**
 * fillMs: how long to store days. machines: the numbers of machines. samples: how many samples each
 * number of machines sends for (a).
 */
export async function measureGrowth(
  stage: Stage,
  { fillMs, samples, ...size }: GrowthSize,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const machines of size.machines) {
    // Targets are those of (a), (c) and (d), at their own sizes.
    const of = ({ target: _, what, ...figure }: Figure): Figure => ({
      ...figure,
      what: `h ${machines} machine${machines === 1 ? "" : "s"}: ${what.trim()}`,
    });
    // The same number of samples for any number of machines; and an hour from each: rows for a day
    // of 100 machines would take an hour to store.
    const ingested = await measureIngest(stage, {
      machines,
      seconds: samples / 100 / machines,
      runs: 2,
    });
    for (const figure of ingested) figures.push(of(figure));
    for (const figure of await measureRanges(stage, { machines, hours: 1, runs: 3 }))
      figures.push(of(figure));
  }
  for (const figure of await measureDays(stage, fillMs)) figures.push(figure);
  return figures;
}

/**
 * One machine, day after day, until the time is over; measured after an hour, at each doubling of
 * days, and at the end.
 */
async function measureDays(stage: Stage, fillMs: number): Promise<Figure[]> {
  await using scene = await stage.open();
  const sender = scene.role("send.ts");
  const reader = scene.role("read.ts");
  await sender.call("connect", { url: scene.accessor.url });
  await reader.call("connect", { url: scene.accessor.url });
  // The code is warm; the measured machine is new.
  const warm = {
    set: "R",
    machines: ["warm"],
    fromUs: epochUs,
    toUs: epochUs + 4 * hourUs,
    sliceUs: 60e6,
  };
  await sender.call("fill", warm);
  await scene.compacted();
  const figures: Figure[] = [];
  let filledMs = 0;
  let portion = { hours: 0, ms: 0 };
  for (let hours = 0, lookAt = 1; filledMs < fillMs; ) {
    const next = hours < 24 ? lookAt : hours + 24;
    const from = performance.now();
    const span = { fromUs: epochUs + hours * hourUs, toUs: epochUs + next * hourUs };
    await sender.call("fill", { set: "R", machines: ["m1"], ...span, sliceUs: 60e6 });
    await scene.compacted();
    const ms = performance.now() - from;
    filledMs += ms;
    portion = { hours: portion.hours + next - hours, ms: portion.ms + ms };
    hours = next;
    if (hours < lookAt && filledMs < fillMs) continue;
    const rate = (portion.hours * samplesAnHour) / (portion.ms / 1000);
    figures.push(await look(reader, { hours, rate }));
    portion = { hours: 0, ms: 0 };
    lookAt = hours === 1 ? 24 : 2 * hours;
  }
  return figures;
}

/** Reads from the middle of the stored data. */
async function look(
  reader: Role,
  { hours, rate }: { hours: number; rate: number },
): Promise<Figure> {
  const length = Math.min(24, hours);
  const fromUs = epochUs + Math.floor((hours - length) / 2) * hourUs;
  const window = { machine: "m1", fromUs, toUs: fromUs + length * hourUs };
  const reads: number[] = [];
  const sums: number[] = [];
  // The first of each is not counted: caches are cold.
  for (let run = 0; run < 6; run++) {
    const read = await reader.call<ReadResult>("read", {
      ...window,
      toUs: fromUs + hourUs,
      as: "blocks",
    });
    const buckets = await reader.call<{ ms: number; samples: number }>("aggregate", {
      ...window,
      widthUs: 60e6,
    });
    if (read.samples !== samplesAnHour || buckets.samples !== length * samplesAnHour)
      throw new Error(`${read.samples} samples came, and ${buckets.samples} in buckets`);
    reads.push(read.ms);
    sums.push(buckets.ms);
  }
  return {
    what: `h ${hours === 1 ? "1 h" : `${hours / 24} d`} stored`,
    ours: `${formatRate(rate)} to fill and compact; 1 h as blocks ${formatMs(median(reads.slice(1)))}`,
    note: `${length} h into ${length * 60} buckets ${formatMs(median(sums.slice(1)))}`,
  };
}
