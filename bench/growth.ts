// (h) How ingest and reads change with the number of machines, and with what is stored: one at a time.
import { epochUs } from "./data.ts";
import { measureIngest } from "./ingest.ts";
import { measureRanges } from "./ranges.ts";
import type { ReadResult } from "./read.ts";
import { type Figure, formatMs, formatRate, median } from "./report.ts";
import type { Stage } from "./stage.ts";

const hourUs = 3_600_000_000;
const samplesAnHour = 360_000;

export async function measureGrowth(stage: Stage, { fillMs }: { fillMs: number }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const machines of [1, 10, 100]) {
    const of = (figure: Figure): Figure => ({ ...figure, what: `h ${machines} machines: ${figure.what.trim()}` });
    // The same number of samples for any number of machines.
    figures.push(...(await measureIngest(stage, { machines, seconds: 36_000 / machines, runs: 2 })).map(of));
    figures.push(...(await measureRanges(stage, { machines, hours: 2, runs: 3 })).map(of));
  }
  figures.push(...(await measureDays(stage, fillMs)));
  return figures;
}

/** One machine, day after day, until the time is over; each doubling is looked at. */
async function measureDays(stage: Stage, fillMs: number): Promise<Figure[]> {
  await using scene = await stage.open();
  const sender = scene.role("send.ts");
  const reader = scene.role("read.ts");
  await sender.call("connect", { url: scene.accessor.url });
  await reader.call("connect", { url: scene.accessor.url });
  const figures: Figure[] = [];
  let filledMs = 0;
  for (let hours = 0, next = 1; filledMs < fillMs; next = next === 1 ? 24 : 2 * next) {
    const from = performance.now();
    const span = { fromUs: epochUs + hours * hourUs, toUs: epochUs + next * hourUs };
    await sender.call("fill", { set: "R", machines: ["m1"], ...span, sliceUs: 60e6 });
    await scene.compacted();
    const ms = performance.now() - from;
    const rate = ((next - hours) * samplesAnHour) / (ms / 1000);
    filledMs += ms;
    hours = next;
    // The day (or the hour) in the middle.
    const length = Math.min(24, hours);
    const fromUs = epochUs + Math.floor((hours - length) / 2) * hourUs;
    const window = { machine: "m1", fromUs, toUs: fromUs + length * hourUs };
    const reads: number[] = [];
    const sums: number[] = [];
    for (let run = 0; run < 6; run++) {
      const hour = { ...window, toUs: fromUs + hourUs };
      reads.push((await reader.call<ReadResult>("read", { ...hour, as: "blocks" })).ms);
      sums.push((await reader.call<{ ms: number }>("aggregate", { ...window, widthUs: 60e6 })).ms);
    }
    figures.push({
      what: `h ${hours === 1 ? "1 h" : `${hours / 24} d`} stored`,
      ours: `${formatRate(rate)} to fill; 1 h as blocks ${formatMs(median(reads.slice(1)))}`,
      note: `${length} h into ${length * 60} buckets ${formatMs(median(sums.slice(1)))}`,
    });
  }
  return figures;
}
