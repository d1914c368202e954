// An hour of 100 machines at 100 Hz as line protocol: npm run proofs:lines -- [--minutes 60]
// [--machines 100] [--connections 4] [--gzip]. Each second is sent once, twice or
// three times, in other cuts, as programs do that get no answer in time. Accessor, gateway and this
// client are processes of their own. Exits with 1 if a record is missing or stored twice, if fewer
// than 300,000 lines a second are accepted, or if memory grows.
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { startAccessor, startGateway } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { askNumber } from "./chaos/stored.ts";
import { usageOf } from "./usage.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    machines: { type: "string", default: "100" },
    connections: { type: "string", default: "4" },
    gzip: { type: "boolean", default: false },
  },
});
const [minutes, machines, connections] = [
  Number(values.minutes),
  Number(values.machines),
  Number(values.connections),
];
const minLinesPerSecond = 300_000;
const maxGrowthMib = 96;
const hz = 100;
const seconds = minutes * 60;
/** A time of the past, so that all of it is taken. */
const startS = Math.floor(Date.now() / 1000) - seconds - 60;

const faults: string[] = [];
await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`lines_${Date.now().toString(36)}`);
const accessor = stack.use(await startAccessor(databaseUrl));
const gateway = stack.use(await startGateway(accessor.url, "--key-samples-per-second", "0"));

const keys = Array.from({ length: machines }, (_, m) => `power,machine=mill-${m} value=`);
const readings = Array.from({ length: 997 }, (_, i) => (400 + 30 * Math.sin(i / 70)).toFixed(2));

/** The lines of ticks from one to another, in order of time; 100 ticks are a second. */
function linesOf(fromTick: number, toTick: number): string {
  let text = "";
  for (let tick = fromTick; tick < toTick; tick++) {
    const stamp = ` ${startS + Math.floor(tick / hz)}${String((tick % hz) * 10).padStart(3, "0")}000000\n`;
    for (let m = 0; m < machines; m++)
      text += keys[m]! + readings[(tick + m * 31) % readings.length]! + stamp;
  }
  return text;
}

/** Sends a body until it is taken; returns the status that it got first. */
async function post(body: string): Promise<void> {
  const bytes = values.gzip ? gzipSync(body, { level: 1 }) : Buffer.from(body);
  for (let tries = 0; ; tries++) {
    const { status, text } = await new Promise<{ status: number; text: string }>(
      (resolve, reject) => {
        const headers = {
          "content-type": "text/plain; charset=utf-8",
          ...(values.gzip ? { "content-encoding": "gzip" } : {}),
        };
        const sent = request(
          `${gateway.url}/api/v2/write?org=plant&bucket=machines&precision=ns`,
          { method: "POST", headers },
          (response) => {
            let answer = "";
            response.setEncoding("utf8");
            response.on("data", (piece: string) => {
              answer += piece;
            });
            response.on("end", () => resolve({ status: response.statusCode!, text: answer }));
          },
        );
        sent.on("error", reject);
        sent.end(bytes);
      },
    );
    if (status === 204) return;
    if ((status !== 429 && status !== 503) || tries === 20)
      throw new Error(`${status}: ${text.slice(0, 300)}`);
    await sleep(200);
  }
}

/**
 * What to send: each second once, every second one again half a second later cut, every fourth once
 * more.
 */
function* cuts(): Generator<[fromTick: number, toTick: number], void, undefined> {
  const last = seconds * hz;
  for (let second = 0; second < seconds; second++) {
    const from = second * hz;
    yield [from, from + hz];
    if (second % 2 === 0 && second > 0) yield [from - hz / 2, Math.min(last, from + hz / 2)];
    if (second % 4 === 0 && second > 2) yield [from - 137, from - 20];
  }
}

const pending = cuts();
let sent = 0;
const rss: { gateway: number; accessor: number }[] = [];
const mibOf = (pid: number) => Math.round(usageOf(pid)!.rssKb / 1024);
const startMs = performance.now();
const report = setInterval(() => {
  rss.push({ gateway: mibOf(gateway.pid), accessor: mibOf(accessor.pid) });
  const rate = Math.round(sent / ((performance.now() - startMs) / 1000));
  const { gateway: g, accessor: a } = rss.at(-1)!;
  if (rss.length % 10 === 0)
    console.log(`${sent} lines, ${rate}/s, gateway ${g} MiB, accessor ${a} MiB`);
}, 1_000);
async function connection(): Promise<void> {
  for (;;) {
    const { done, value } = pending.next();
    if (done) return;
    const [from, to] = value;
    await post(linesOf(from, to));
    sent += (to - from) * machines;
  }
}
await Promise.all(Array.from({ length: connections }, connection));
const tookS = (performance.now() - startMs) / 1000;
clearInterval(report);
const wanted = seconds * hz * machines;
const rate = sent / tookS;
console.log(
  `${sent} lines for ${wanted} records in ${tookS.toFixed(1)} s: ${Math.round(rate)} lines/s accepted, ${Math.round(wanted / tookS)} records/s stored`,
);
if (rate < minLinesPerSecond) faults.push(`fewer than ${minLinesPerSecond} lines a second`);

const third = Math.max(1, Math.floor(rss.length / 3));
for (const part of ["gateway", "accessor"] as const) {
  const most = (rows: typeof rss) => rows.reduce((max, row) => Math.max(max, row[part]), 0);
  const [first, last] = [most(rss.slice(0, third)), most(rss.slice(-third))];
  console.log(`${part}: at most ${first} MiB in the first third, ${last} MiB in the last`);
  if (last > first + maxGrowthMib) faults.push(`the memory of the ${part} grew`);
}

const stored = await askNumber(
  databaseUrl,
  `select (select coalesce(sum(sample_count), 0) from log where revision > (select max(revision) from watermark))
     + (select coalesce(sum(b.count), 0) from block b
        where not exists (select from block_end e where e.block_id = b.block_id))`,
);
console.log(`${stored} samples are stored, ${wanted} were sent`);
if (stored !== wanted) faults.push(`${stored} samples are stored instead of ${wanted}`);
for (const fault of faults) console.log(`FAULT: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
