// (a) Durable ingest from end to end, including compaction, compared with COPY of the same samples.
import { epochUs, machineNames } from "./data.ts";
import {
  digits,
  type Figure,
  formatMegabytes,
  formatRate,
  formatTimes,
  median,
  spread,
} from "./report.ts";
import { copyMessages } from "./rows.ts";
import type { Scene, Stage } from "./stage.ts";
import { watchUsage } from "./usage.ts";

export type IngestSize = { machines: number; seconds: number; runs: number };

// Short, so that the wait for the last step is a small part of the measured time.
const compactInterval = "100ms";

const variants = [
  { name: "10,000 samples a batch", sliceUs: 100e6 },
  { name: "batches of 1 s", sliceUs: 1e6 },
];

export async function measureIngest(
  stage: Stage,
  { machines, seconds, runs }: IngestSize,
): Promise<Figure[]> {
  await using scene = await stage.open({ compactInterval });
  const span = { fromUs: epochUs, toUs: epochUs + seconds * 1e6 };
  const names = machineNames(machines);
  const samples = machines * seconds * 100;
  const messages = [...copyMessages("R", { ...span, machines: names, sliceUs: 100e6 })];
  const senders = await Promise.all(
    variants.map(async ({ sliceUs }) => {
      const role = scene.role("send.ts");
      await role.call("connect", { url: scene.accessor.url });
      await role.call("prepare", { set: "R", machines: names, ...span, sliceUs });
      return role;
    }),
  );
  // The first run is not measured: later ones show a service that has been up for a minute.
  for (const [i, sender] of senders.entries())
    await sender.call("send", { machines: machineNames(machines, `warm${i}-`) });
  await scene.compacted();

  const base: number[] = [];
  const found = variants.map(() => ({
    acked: [] as number[],
    compacted: [] as number[],
    peakBytes: 0,
    cpu: [] as string[],
  }));
  for (let run = 0; run < runs; run++) {
    base.push(samples / (await copySeconds(scene, messages)));
    for (const [i, sender] of senders.entries()) {
      const renamed = machineNames(machines, `r${run}v${i}-`);
      const from = performance.now();
      const processes = {
        producer: sender.usage,
        accessor: scene.accessor.usage,
        PostgreSQL: stage.usage,
      };
      const { result: ackedMs, of } = await watchUsage(processes, async () => {
        const ms = await sender.call<number>("send", { machines: renamed });
        await scene.compacted();
        return ms;
      });
      const into = found[i]!;
      into.acked.push(samples / (ackedMs / 1000));
      into.compacted.push(samples / ((performance.now() - from) / 1000));
      into.peakBytes = Math.max(into.peakBytes, of["accessor"]!.peakBytes);
      into.cpu.push(
        Object.entries(of)
          .map(([name, { cpuSeconds }]) => `${name} ${digits(cpuSeconds / (samples / 1e6))}`)
          .join(", "),
      );
    }
  }
  return variants.flatMap(({ name }, i) => {
    const { acked, compacted, peakBytes, cpu } = found[i]!;
    return [
      {
        what: `a ingest, ${name}, compacted`,
        ours: spread(compacted, formatRate),
        baseline: spread(base, formatRate),
        ratio: formatTimes(median(compacted) / median(base)),
        target: "≥ 4 ×, going for 8 ×",
        note: `CPU seconds for 1 M samples: ${cpu.at(-1)}`,
      },
      {
        what: "  acknowledged",
        ours: spread(acked, formatRate),
        ratio: formatTimes(median(acked) / median(base)),
      },
      { what: "  accessor's memory at most", ours: formatMegabytes(peakBytes), target: "< 300 MB" },
    ];
  });
}

async function copySeconds(scene: Scene, messages: readonly Buffer[]): Promise<number> {
  await scene.rows.create("sample_row", { indexed: true });
  await scene.rows.query("checkpoint");
  const from = performance.now();
  await scene.rows.copyIn("sample_row", messages);
  const seconds = (performance.now() - from) / 1000;
  await scene.rows.query("drop table sample_row");
  return seconds;
}
