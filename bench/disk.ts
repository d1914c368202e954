// (b) Bytes a sample on disk, everything included: tables, indexes, out-of-line values, free space
// in them.
import { type DataSet, entropyBytes, epochUs, machineNames } from "./data.ts";
import { digits, type Figure, formatBytes } from "./report.ts";
import { copyMessages } from "./rows.ts";
import type { Scene, Stage } from "./stage.ts";

export type DiskSize = { machines: number; hours: number };

export async function measureDisk(stage: Stage, size: DiskSize): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const set of ["R", "J"] as const)
    for (const figure of await measureSet(stage, set, size)) figures.push(figure);
  return figures;
}

async function measureSet(
  stage: Stage,
  set: DataSet,
  { machines, hours }: DiskSize,
): Promise<Figure[]> {
  await using scene = await stage.open();
  const names = machineNames(machines);
  const span = { fromUs: epochUs, toUs: epochUs + hours * 3_600_000_000 };
  const sender = scene.role("send.ts");
  await sender.call("connect", { url: scene.accessor.url });
  const samples = await sender.call<number>("fill", {
    set,
    machines: names,
    ...span,
    sliceUs: 1e6,
  });
  await scene.compacted();
  await scene.rows.create("sample_row", { indexed: true });
  await scene.rows.copyIn(
    "sample_row",
    copyMessages(set, { machines: names, ...span, sliceUs: 1e6 }),
  );
  // As tidying does 20 minutes later. The space of old versions could then be reused for new
  // blocks; here none come, so it is removed.
  await scene.rows.query("select drop_superseded(0, 1000000)");
  const used = (await sizeOf(scene, settledTables)) / samples;
  await scene.rows.query("vacuum full");
  const rows = (await sizeOf(scene, "^sample_row$")) / samples;
  const log = (await sizeOf(scene, "^(log|receipt)")) / samples;
  const settled = (await sizeOf(scene, settledTables)) / samples;
  const live = (
    await scene.rows.query("select sum(octet_length(payload) + octet_length(tail)) from block")
  )[0]![0];
  const entropy = set === "R" ? `; entropy of its noise ${digits(entropyBytes)} B` : "";
  return [
    {
      what: `b ${set} in the log, batches of 1 s`,
      ours: formatBytes(log),
      baseline: formatBytes(rows),
      ratio: `1/${digits(rows / log)}`,
      ...(set === "R" ? { target: "≤ 8 B" } : {}),
    },
    {
      what: `b ${set} settled`,
      ours: formatBytes(settled),
      baseline: formatBytes(rows),
      ratio: `1/${digits(rows / settled)}`,
      target: set === "R" ? "≤ 1.5 B" : "≤ 8 B",
      note: `payloads ${digits(Number(live) / samples)} B${entropy}; with the space of old versions, for new ones ${digits(used)} B`,
    },
  ];
}

const settledTables = "^(block|rollup|watermark)";

/** Tables by name, with their indexes and out-of-line values. */
async function sizeOf(scene: Scene, pattern: string): Promise<number> {
  const [row] = await scene.rows.query(
    `select sum(pg_total_relation_size(oid))::float8 from pg_class where relkind = 'r' and relname ~ '${pattern}'`,
  );
  return row![0] as number;
}
