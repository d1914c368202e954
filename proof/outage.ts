// The accessor is away for ten minutes: node proof/outage.ts [--machines 20] [--minutes 10]
// [--haste 20] [--seed 1] [--folder DIR] The producer is a process with a spool whose clock runs
// fast until it has caught up with the system's; the accessor comes back after that, so that both
// clocks agree when live is measured. Batches are as many and as large as those of ten real
// minutes.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { grpcClients } from "../test/testing/ask.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor, startProgram } from "../test/testing/processes.ts";
import { openArrivals } from "./arrivals.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { askNumber, readStored } from "./chaos/stored.ts";
import { judgeFleet } from "./fleet-oracle.ts";
import { judgeWatcher } from "./watcher-outcome.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "20" },
    minutes: { type: "string", default: "10" },
    haste: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    folder: { type: "string" },
  },
});
const [machines, minutes, haste, seed] = [
  Number(values.machines),
  Number(values.minutes),
  Number(values.haste),
  Number(values.seed),
];
/** Simulated time with the accessor before it stops. */
const beforeS = 60;
const behindS = minutes * 60 + beforeS;
const startMs = performance.now();
const atS = () => ((performance.now() - startMs) / 1000).toFixed(1);
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), "millrace-outage-")));
await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`outage_${Date.now().toString(36)}`);
const first = await startAccessor(databaseUrl);
const { port, url } = first;
using clients = grpcClients(url);
const arrivals = stack.use(
  openArrivals(clients.signals, (await clients.signals.getLatest({})).cursor),
);
const beganUs = Date.now() * 1000 - behindS * 1e6;
const producer = stack.use(
  startProgram("proof/hasty-producer.ts", [
    "--accessor",
    url,
    "--machines",
    String(machines),
    "--seed",
    String(seed),
    "--spool",
    `${folder}/spool`,
    "--behind",
    `${behindS}s`,
    "--haste",
    String(haste),
  ]),
);
await eventually("a minute is stored", () => arrivals.newestUs - beganUs > beforeS * 1e6, {
  withinMs: 60_000,
});
first.signal("SIGKILL");
await first.ended;
const goneUs = arrivals.newestUs;
console.log(
  `${atS()} s: the accessor is killed; ${((goneUs - beganUs) / 1e6).toFixed(0)} s of ${machines} machines have come`,
);
// The clocks meet when the difference is made up for; a second later, the producer is live.
await sleep((Date.now() * 1000 - goneUs) / 1000 / (haste - 1) + 1_000);
const simulatedS = (Date.now() * 1000 - goneUs) / 1e6;
const linesBefore = producer.lines.length;
const startedMs = Date.now();
stack.use(await startAccessor(databaseUrl, { port }));
const servingMs = Date.now();
const connectedMs = await eventually("the producer is connected", () => connectedAt(".live"));
console.log(
  `${atS()} s: the accessor serves again after ${simulatedS.toFixed(0)} s of the producer's time, ${servingMs - startedMs} ms after its start`,
);

await eventually("live data came", () => arrivals.liveAfter(connectedMs, { withinMs: 2_000 }), {
  withinMs: 60_000,
});
await eventually(
  "the backlog has come",
  () => Date.now() - arrivals.lastOldMs(connectedMs) > 3_000,
  {
    withinMs: 240_000,
  },
);
const backlogS = (arrivals.lastOldMs(connectedMs) - connectedMs) / 1000;
producer.signal("SIGTERM");
const exit = await producer.ended;
const head = await askNumber(databaseUrl, "select max(revision) from log");
await eventually("the subscriber has seen everything", () => arrivals.revision >= head);
arrivals.close();
const stored = await readStored(databaseUrl);
const fleet = judgeFleet(stored, { machines, seed });
const wrong = [...fleet.findings, ...judgeWatcher(arrivals.outcome, stored)];
const ended = producer.lines.findLast((line) => line.includes("acked")) ?? "";
if (exit !== 0) wrong.push(`the producer ended with ${exit}`);
const leftover = producer.lines.find((line) => line.includes("without acks"));
if (leftover !== undefined) wrong.push(`left in the spool: ${leftover}`);
const newest = arrivals.liveAfter(connectedMs, { withinMs: 2_000 })!;
const liveMs = newest.atMs - connectedMs;
if (liveMs > 2_000) wrong.push(`live only ${liveMs} ms after the reconnect`);
const watchingMs = (arrivals.connectedAfter(startedMs) ?? Number.NaN) - connectedMs;

const { old, live } = arrivals.split(connectedMs);
console.log(`${ended}
${machines} machines, seed ${seed}, clock ${haste} times as fast: away for ${simulatedS.toFixed(0)} s of the producer's time, back ${connectedMs - servingMs} ms after it served (start to serving ${servingMs - startedMs} ms)
live again ${liveMs} ms after the producer's reconnect (${newest.atMs - servingMs} ms after the accessor served): committed after ${(newest.committedMs - connectedMs).toFixed(0)} ms, of ${(newest.newestUs / 1000 - connectedMs).toFixed(0)} ms; the subscriber was back after ${watchingMs} ms
backlog: ${old.batches} batches, ${old.samples} samples, the last ${backlogS.toFixed(1)} s after the reconnect (${(old.samples / backlogS / 1000).toFixed(0)} thousand samples/s)
live batches while it came: ${live.batches}, age on arrival p50 ${live.p50Ms} ms, p99 ${live.p99Ms} ms, most ${live.maxMs} ms
stored: ${stored.commits.size} batches, ${fleet.samples} samples, ${fleet.events} states and errors: ${fleet.lost} lost, ${fleet.doubled} doubled, ${fleet.gaps} gaps
${wrong.length} findings, ${atS()} s`);
for (const text of wrong) console.log(`  ${text}`);
process.exitCode = wrong.length > 0 ? 1 : 0;

/** When the producer's log reports that this lane was connected, after the accessor had stopped. */
function connectedAt(lane: string): number | undefined {
  const line = producer.lines
    .slice(linesBefore)
    .find((text) => text.includes('"message":"connected"') && text.includes(`${lane}"`));
  return line === undefined ? undefined : Date.parse((JSON.parse(line) as { time: string }).time);
}
