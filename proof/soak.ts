// The soak: npm run soak -- [--minutes 30] [--seed 1] [--every 20] [--machines 20] [--folder DIR]
// [--json FILE] Side a (two accessors, a producer) has its processes killed and stopped. Side b
// (accessor, gateway, producer, a watching process) survives everything else in one life each, so
// that its memory and descriptors have a trend. A database for each side, one PostgreSQL.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { KeptProcess } from "./chaos/process.ts";
import { createRandom } from "./chaos/random.ts";
import { openRecord } from "./chaos/record.ts";
import { askNumber } from "./chaos/stored.ts";
import { Deaths } from "./deaths.ts";
import { loadGateway } from "./gateway-load.ts";
import { heapArguments, heapPath, heapTrend, judgeHeap, startHeaps } from "./heaps.ts";
import { drain, freePort, openSide, type Side } from "./side.ts";
import { drawFaults, soakFaults } from "./soak-faults.ts";
import { judgeSide, printSoak } from "./soak-report.ts";
import { judgeDescriptors, startUsage, trendsOf } from "./usage.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    every: { type: "string", default: "20" },
    machines: { type: "string", default: "20" },
    folder: { type: "string" },
    json: { type: "string" },
  },
});
const [minutes, seed, everyMs, machines] = [
  Number(values.minutes),
  Number(values.seed),
  Number(values.every) * 1000,
  Number(values.machines),
];
const record = openRecord(values.folder ?? (await mkdtemp(join(tmpdir(), "millrace-soak-"))));
const random = createRandom(seed);
const startMs = performance.now();
await using stack = new AsyncDisposableStack();
stack.defer(() => record.flush());
// In the folder of the record: if the judges fail, their input still exists.
const dataDir = `${record.folder}/postgres`;
mkdirSync(dataDir);
chmodSync(record.folder, 0o755);
const postgres = stack.use(await KeptPostgres.open(dataDir));
const common = { machines, postgres, record, stack };
const hit = await openSide({ ...common, name: "a", accessors: 2, seed, random: random.fork("a") });
const kept = await openSide({
  ...common,
  name: "b",
  heaps: true,
  accessors: 1,
  seed: seed + 1,
  random: random.fork("b"),
});
const sides = [hit, kept];

const gatewayPort = await freePort();
const accessorUrl = `http://127.0.0.1:${kept.accessors[0]!.front.port}`;
const gateway = stack.use(
  new KeptProcess({
    name: "gateway-b",
    file: "gateway/main.ts",
    nodeArgs: heapArguments(heapPath(record, "gateway-b")),
    // Its cache of answers fills up within the warm-up, and does not grow after it.
    args: [
      "--listen",
      `127.0.0.1:${gatewayPort}`,
      "--accessor",
      accessorUrl,
      "--cache-bytes",
      "4MiB",
    ],
    record,
  }),
);
gateway.start();
const load = stack.use(loadGateway(`http://127.0.0.1:${gatewayPort}`));
const outcomePath = `${record.folder}/watcher.json`;
const watcher = stack.use(
  new KeptProcess({
    name: "watcher-b",
    file: "proof/watcher.ts",
    nodeArgs: heapArguments(heapPath(record, "watcher-b")),
    args: [accessorUrl, outcomePath, kept.begin],
    record,
  }),
);
watcher.start();
const ours = [
  ...sides.flatMap(({ accessors, producer }) => [...accessors.map((one) => one.process), producer]),
];
const targets = new Map<string, () => number | undefined>(
  [...ours, gateway, watcher].map((one) => [one.name, () => one.pid]),
);
targets.set("harness", () => process.pid);
using usage = startUsage(targets, `${record.folder}/usage.csv`);
const living = [kept.accessors[0]!.process, kept.producer, gateway, watcher];
using heaps = startHeaps(living);
using deaths = new Deaths(hit.producer);
console.log(
  `soak of ${minutes} min, seed ${seed}, a fault every ${everyMs / 1000} s; record in ${record.folder}`,
);

// The last half minute is quiet, so that everything can settle.
const untilMs = performance.now() + minutes * 60_000 - 30_000;
const counts = new Map<string, number>();
const names = drawFaults(random.fork("faults"));
for (let next = performance.now() + everyMs; next < untilMs; next += everyMs) {
  await sleep(Math.max(0, next - performance.now()));
  const name = names.next().value;
  counts.set(name, (counts.get(name) ?? 0) + 1);
  record.note({ who: "harness", what: "fault", name });
  console.log(`${((performance.now() - startMs) / 60_000).toFixed(1)} min: ${name}`);
  await soakFaults[name]!(
    { hit, sides, postgres, record },
    random.fork(`${name} ${counts.get(name)}`),
  );
}
await sleep(Math.max(0, untilMs + 30_000 - performance.now()));

record.note({ who: "harness", what: "settle" });
await postgres.up();
const left = [await drain(hit, record), await drain(kept, record)];
for (const side of sides) await rest(side);
await sleep(1_000);
usage[Symbol.dispose]();
heaps[Symbol.dispose]();
await watcher[Symbol.asyncDispose]();
const judged = [
  await judgeSide(hit, { postgres, record, machines, mayMiss: deaths.judge() }),
  await judgeSide(kept, { postgres, record, machines, outcomePath }),
];
const trends = trendsOf(usage.rows, { warmUpS: Math.min(600, minutes * 20) });
for (const { name, lives } of trends)
  if (name.endsWith("-b") || name.includes("-b1"))
    if (lives > 1) record.violation(`${name} had ${lives} lives, and nobody ended it`);
const alive = new Set(living.map(({ name }) => name));
for (const trend of trends.filter(({ name }) => alive.has(name))) {
  // A pool opens and closes connections as it needs them; a leak of one at each fault is 60 in half
  // an hour.
  const opened = judgeDescriptors(trend, { mayGrow: 10 });
  if (opened !== undefined) record.violation(opened);
}
const warmUp = Math.min(10, Math.floor(minutes / 3));
const heapTrends = living.map(({ name }) => heapTrend(name, heapPath(record, name), { warmUp }));
for (const trend of heapTrends) {
  // An accessor's tail of the log fills up to 16 MiB, however long that takes.
  const grew = judgeHeap(trend, { mayGrowMb: trend.name.startsWith("accessor") ? 24 : 10 });
  if (grew !== undefined) record.violation(grew);
}
const result = {
  minutes,
  seed,
  everyMs,
  machines,
  counts: Object.fromEntries(counts),
  judged,
  left,
  trends,
  heapTrends,
};
printSoak({ ...result, gateway: load.counts, deaths: deaths.count, violations: record.violations });
writeFileSync(
  values.json ?? `${record.folder}/result.json`,
  JSON.stringify({ ...result, gateway: load.counts, violations: record.violations }, undefined, 1),
);
process.exitCode = record.violations.length > 0 ? 1 : 0;
// After half an hour, with everything printed and closed, Node 24.21 once hung in the clean-up of
// its handles (uv_run in CleanupHandles, seen with gdb).
process.once("exit", (code) => process.exit(code));
setTimeout(() => {
  console.log(`did not close within 30 s: ${process.getActiveResourcesInfo().join(" ")}`);
  process.exit(1);
}, 30_000).unref();

/** Waits until every subscriber has received everything. */
async function rest({ name, subscribers, database }: Side): Promise<void> {
  const head = await askNumber(postgres.url(database), "select max(revision) from log");
  const restMs = performance.now() + 60_000;
  while (subscribers.some(({ revision }) => revision < head)) {
    await sleep(50);
    if (performance.now() < restMs) continue;
    record.violation(`hang: subscribers of side ${name} are not at ${head}`);
    return;
  }
}
