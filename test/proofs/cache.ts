// What keeping answers is worth: npm run proofs:cache -- [--runs 200]
// A day of one machine at 100 Hz, with states and errors, compacted; accessor, gateway and this client are processes of their own. Buckets, a summary
// and a page asked for the first time, again, and by their ETag. Ends with 1 if what is kept is not ten times as fast at the median, or a 304
// takes more than 3 ms at the median.
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { toTimestamp } from "../../samples/timestamps.ts";
import { KeptPostgres } from "../chaos/kept-postgres.ts";
import { askNumber } from "../chaos/stored.ts";
import { eventually } from "../support/eventually.ts";
import { startAccessor, startGateway } from "../support/processes.ts";
import { median } from "./usage.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "200" } } });
const runs = Number(values.runs);
const minuteUs = 60_000_000;
const startUs = Math.floor((Date.now() - 26 * 3_600_000) / 3_600_000) * 3_600_000_000;

await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`cache_${Date.now().toString(36)}`);
const accessor = stack.use(await startAccessor(databaseUrl));
const gateway = stack.use(await startGateway(accessor.url));

const ingest = createClient(IngestService, stack.use(createGrpcTransport({ baseUrl: accessor.url })));
for (let minute = 0; minute < 1_440; minute++) {
  const fromUs = startUs + minute * minuteUs;
  const at = (second: number) => toTimestamp(fromUs + second * 1e6);
  const value = { startUs: BigInt(fromUs), periodUs: 10_000n };
  const values = Array.from(
    { length: 6_000 },
    (_, i) => Math.round(4_000 + 300 * Math.sin(i / 700) + ((i * 7_919) % 97)) / 10,
  );
  await ingest.ingestBatch({
    producerId: "cache",
    sequence: BigInt(minute + 1),
    batch: {
      machine: "mill-1",
      samples: [{ signal: "power", unit: "W", times: { case: "grid", value }, values }],
      stateChanges: Array.from({ length: 20 }, (_, i) => ({
        time: at(i * 3),
        state: i % 2 === 0 ? MachineState.ACTIVE : MachineState.IDLE,
      })),
      errorReports: [1, 21, 41].map((second) => ({ time: at(second), severity: Severity.ERROR, code: `E${second}` })),
    },
  });
}
await eventually(
  "it is compacted",
  async () =>
    (await askNumber(databaseUrl, "select max(revision) from watermark")) >=
    (await askNumber(databaseUrl, "select max(revision) from log")),
  { withinMs: 180_000 },
);

const time = (minutes: number) => new Date((startUs + minutes * minuteUs) / 1_000).toISOString();
const questions: Record<string, (shift: number) => string> = {
  "a day in 1,440 buckets": (shift) => `/signals/power/buckets?width=1m&from=${time(shift)}&to=${time(1_440)}`,
  "a day in 1,000 points": (shift) => `/signals/power/buckets?points=1000&from=${time(shift)}&to=${time(1_440)}`,
  "summary of a day": (shift) => `/machines/mill-1/summary?from=${time(shift)}&to=${time(1_440)}`,
  "page of 1,000 samples": (shift) => `/signals/power?from=${time(60 + shift)}&limit=1000&to=${time(1_440)}`,
};

async function ask(path: string, headers: Record<string, string> = {}) {
  const fromMs = performance.now();
  const response = await fetch(gateway.url + path, { headers });
  await response.arrayBuffer();
  return { status: response.status, etag: response.headers.get("etag") ?? "", ms: performance.now() - fromMs };
}

const faults: string[] = [];
for (const [what, pathOf] of Object.entries(questions)) {
  const spent = { first: [] as number[], again: [] as number[], notModified: [] as number[] };
  // A minute later each time, so that it is a question nobody has asked; the first fifty are for code to become warm.
  for (let i = 0; i < runs + 50; i++) {
    const path = pathOf(i);
    const first = await ask(path);
    const again = await ask(path);
    const same = await ask(path, { "if-none-match": first.etag });
    if (first.status !== 200 || again.etag !== first.etag || same.status !== 304)
      throw new Error(`${path}: ${first.status}, ${same.status}`);
    if (i < 50) continue;
    spent.first.push(first.ms);
    spent.again.push(again.ms);
    spent.notModified.push(same.ms);
  }
  const [first, again, notModified] = [spent.first, spent.again, spent.notModified].map(median) as [
    number,
    number,
    number,
  ];
  const shown = [first, again, notModified].map((ms) => `${ms.toFixed(2)} ms`);
  console.log(`${what}: first ${shown[0]}, again ${shown[1]} (1/${(first / again).toFixed(1)}), 304 ${shown[2]}`);
  if (!what.startsWith("page") && first < 10 * again)
    faults.push(`${what}: what is kept is only ${(first / again).toFixed(1)} times as fast`);
  if (notModified > 3) faults.push(`${what}: a 304 takes ${notModified.toFixed(2)} ms`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
