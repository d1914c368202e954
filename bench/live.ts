// (f) How long from the producer's sending to a subscriber, at 100 machines of 100 Hz, and what the processes cost meanwhile.
import { setTimeout } from "node:timers/promises";
import { machineNames } from "./data.ts";
import { digits, type Figure, formatMegabytes, formatMs } from "./report.ts";
import type { Stage } from "./stage.ts";
import { watchUsage } from "./usage.ts";
import type { Latencies } from "./watch.ts";

export type LiveSize = { seconds: number; intervalMs: number };

const warmSeconds = 3;

export async function measureLive(stage: Stage, { seconds, intervalMs }: LiveSize): Promise<Figure[]> {
  const machines = machineNames(100);
  const one = (count: number) => Array.from({ length: count }, (_, i) => [machines[i % machines.length]!]);
  const audiences = [
    { name: "1 subscriber of one machine", subscribers: one(1) },
    { name: "100 subscribers of one machine each", subscribers: one(100), target: "p99 ≤ 25 ms" },
    { name: "1,000 subscribers of one machine each", subscribers: one(1000) },
    { name: "10 subscribers of everything", subscribers: Array.from({ length: 10 }, () => []) },
  ];
  await using scene = await stage.open({ compactInterval: "10s" });
  const sender = scene.role("send.ts");
  const watcher = scene.role("watch.ts");
  await sender.call("connect", { url: scene.accessor.url });
  await sender.call("live", { machines, seconds: 1, intervalMs });
  const figures: Figure[] = [];
  for (const { name, subscribers, target } of audiences) {
    await watcher.call("open", { url: scene.accessor.url, subscribers });
    const sending = sender.call<number>("live", { machines, seconds: seconds + warmSeconds, intervalMs });
    await setTimeout(warmSeconds * 1000);
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
      what: `f ${name}`,
      ours: `p50 ${formatMs(p50)}, p99 ${formatMs(p99)}`,
      ...(target === undefined ? {} : { target }),
      note: `max ${formatMs(max)} of ${digits(count)} batches of ${intervalMs} ms; ${cost.join(", ")}`,
    });
  }
  return figures;
}
