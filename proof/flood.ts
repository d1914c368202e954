// A good client beside thousands of hostile ones: node proof/flood.ts [--seconds 60] [--scale 1]
// Idle and slow connections, rapid resets, floods of frames and headers, compressed bombs, all at
// once, against a gateway and an accessor that are processes of their own. Exits with 1 if the good
// client fails or waits, a feed is cut, memory passes the cap, or anything is left over.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor, startGateway, startProgram } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { usageOf } from "./usage.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, scale: { type: "string", default: "1" } },
});
const seconds = Number(values.seconds);
const capMib = 768;
const maxP99Ms = 1_000;
const startMs = performance.now();
const faults: string[] = [];

await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const accessor = stack.use(await startAccessor(postgres.url(`flood_${Date.now().toString(36)}`)));
const gateway = stack.use(await startGateway(accessor.url, "--limit-loopback"));

/**
 * Sends one request after the other, at most fifty a second, until it is stopped; reports how long
 * each took.
 */
async function ask(abort: AbortSignal): Promise<number[]> {
  const tookMs: number[] = [];
  for (let i = 0; !abort.aborted; i++) {
    const row = {
      machine: "good",
      signal: "power",
      time: new Date().toISOString(),
      value: i,
      unit: "W",
    };
    const post = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ signals: [row] }),
    };
    const beganMs = performance.now();
    try {
      const response = await fetch(
        gateway.url + (i % 2 === 0 ? "/signals" : "/signals/power/latest"),
        i % 2 === 0 ? post : {},
      );
      await response.arrayBuffer();
      if (!response.ok) faults.push(`the good client got ${response.status}`);
    } catch (error) {
      faults.push(`the good client got no answer: ${error}`);
    }
    tookMs.push(performance.now() - beganMs);
    await sleep(20);
  }
  return tookMs;
}

async function phase(name: string, lengthS: number): Promise<void> {
  const used: number[] = [];
  const timer = setInterval(() => used.push((usageOf(gateway.pid)?.rssKb ?? 0) / 1_024), 250);
  const tookMs = (await ask(AbortSignal.timeout(lengthS * 1_000))).sort((a, b) => a - b);
  clearInterval(timer);
  const at = (part: number) =>
    tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * part))]!.toFixed(0);
  const memory = `gateway ${Math.max(...used).toFixed(0)} MiB at most, ${usageOf(gateway.pid)?.fds} descriptors`;
  console.log(
    `${name}: ${tookMs.length} answers; p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} ms; ${memory}`,
  );
  if (Number(at(0.99)) >= maxP99Ms) faults.push(`${name}: p99 ${at(0.99)} ms`);
  if (!(Math.max(...used) < capMib)) faults.push(`${name}: more than ${capMib} MiB`);
}

/**
 * One live feed during the whole run: it delivers a message at least every few seconds, and is
 * never cut.
 */
const leave = new AbortController();
let feedChunks = 0;
await fetch(`${gateway.url}/signals`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    signals: [{ machine: "good", signal: "power", time: "now", value: 0, unit: "W" }],
  }),
});
const feed = (async () => {
  const response = await fetch(`${gateway.url}/signals/power/live`, { signal: leave.signal });
  for await (const _ of response.body!) feedChunks++;
})().then(
  () => faults.push("the feed ended"),
  (error) => leave.signal.aborted || faults.push(`the feed broke: ${error}`),
);

await phase("before", 10);
const before = usageOf(gateway.pid)!.fds;
{
  await using hostile = startProgram("proof/flooding.ts", [
    "--port",
    String(gateway.port),
    "--scale",
    values.scale,
  ]);
  const openOf = () => Number(/"open":(\d+)/.exec(hostile.lines.at(-1) ?? "")?.[1] ?? 0);
  const wanted = 4_000 * Number(values.scale);
  await eventually("they are connected", () => openOf() > wanted, { withinMs: 60_000 });
  await phase("during", seconds);
  console.log(`hostile clients: ${hostile.lines.at(-1)}`);
  // The gateway closes silent connections after 10 to 30 s, and they come back when it accepts
  // them: of 5,000, about 3,300 are open at any moment.
  if (openOf() < wanted / 2) faults.push(`only ${openOf()} hostile connections at the end`);
}
await eventually("their connections are gone", () => usageOf(gateway.pid)!.fds <= before + 10, {
  withinMs: 60_000,
});
await phase("after", 10);
leave.abort();
await feed;
console.log(`the feed wrote ${feedChunks} times and was never cut`);
for (const line of [...gateway.lines, ...accessor.lines])
  if (/uncaught|unhandled|out of memory/i.test(line)) faults.push(line.slice(0, 300));
console.log(`${((performance.now() - startMs) / 1_000).toFixed(0)} s; ${faults.length} faults`);
for (const fault of [...new Set(faults)].slice(0, 20)) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
