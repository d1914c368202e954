// (f) The latency from the producer's sending to a subscriber, at 100 machines of 100 Hz, and the
// cost of the processes meanwhile.
import { setTimeout } from "node:timers/promises";
import { epochUs, machineNames } from "./data.ts";
import { digits, type Figure, formatMegabytes, formatMs } from "./report.ts";
import type { Stage } from "./stage.ts";
import { watchUsage } from "./usage.ts";
import type { Latencies } from "./watch.ts";

export type LiveSize = { seconds: number; intervalMs: number };

// Sent before anything is measured, as fast as possible and to as many subscribers, so that the
// measurement shows a service that has been up for a minute. 100 batches of each of 100 machines.
const warmBatches = 100;
// Not counted at the start of each audience: its first messages arrive at feeds that have just been
// opened.
const settleSeconds = 1;

export async function measureLive(
  stage: Stage,
  { seconds, intervalMs }: LiveSize,
): Promise<Figure[]> {
  const machines = machineNames(100);
  const one = (count: number) =>
    Array.from({ length: count }, (_, i) => [machines[i % machines.length]!]);
  const ofOne = {
    subscribers: one(100),
    name: "100 subscribers of one machine each",
    target: "p99 ≤ 25 ms",
  };
  const many = { subscribers: one(1000), name: "1,000 subscribers of one machine each" };
  const ofAll = {
    subscribers: Array.from({ length: 10 }, () => []),
    name: "10 subscribers of everything",
  };
  const audiences: readonly {
    name: string;
    subscribers: string[][];
    target?: string;
    atOnce: boolean;
  }[] = [
    { name: "1 subscriber of one machine", subscribers: one(1), atOnce: false },
    ...[ofOne, many, ofAll].flatMap((audience) => [
      { ...audience, atOnce: false },
      { ...audience, atOnce: true },
    ]),
  ];
  await using scene = await stage.open({ compactInterval: "10s" });
  const sender = scene.role("send.ts");
  const watcher = scene.role("watch.ts");
  await sender.call("connect", { url: scene.accessor.url });
  const sliceUs = intervalMs * 1000;
  await watcher.call("open", { url: scene.accessor.url, subscribers: one(100) });
  await sender.call("fill", {
    set: "R",
    machines,
    fromUs: epochUs,
    toUs: epochUs + warmBatches * sliceUs,
    sliceUs,
  });
  await watcher.call("close");
  const figures: Figure[] = [];
  for (const { name, subscribers, target, atOnce } of audiences) {
    await watcher.call("open", { url: scene.accessor.url, subscribers });
    const sending = sender.call<number>("live", {
      machines,
      seconds: seconds + settleSeconds,
      intervalMs,
      atOnce,
    });
    await setTimeout(settleSeconds * 1000);
    await watcher.call("reset");
    const processes = {
      producer: sender.usage,
      accessor: scene.accessor.usage,
      PostgreSQL: stage.usage,
      subscribers: watcher.usage,
    };
    const { of, seconds: took } = await watchUsage(processes, () => sending);
    await setTimeout(200);
    const { count, p50, p99, max } = await watcher.call<Latencies>("close");
    const cost = Object.entries(of).map(
      ([process, { cpuSeconds, peakBytes }]) =>
        `${process} ${Math.round((cpuSeconds / took) * 100)} % ${formatMegabytes(peakBytes)}`,
    );
    figures.push({
      what: `f ${name}, ${atOnce ? "all machines at once" : "machines in turn"}`,
      ours: `p50 ${formatMs(p50)}, p99 ${formatMs(p99)}`,
      ...(target === undefined ? {} : { target }),
      note: `max ${formatMs(max)} of ${digits(count)} batches of ${intervalMs} ms; ${cost.join(", ")}`,
    });
  }
  return figures;
}
