// What the cache of answers saves: npm run proofs:cache -- [--runs 200] A day of one machine at 100
// Hz, with states and errors, compacted; accessor, gateway and this client are processes of their
// own. It requests buckets, a summary and a page for the first time, again, and by their ETag, and
// measures each until the last byte of the compressed answer: the client takes the same time to use
// it whether the gateway made the answer or had cached it. Exits with 1 if a cached answer is not
// ten times as fast at the median, or a 304 takes more than 3 ms at the median.
import { Agent, get } from "node:http";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../codec/timestamps.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor, startGateway } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { askNumber } from "./chaos/stored.ts";
import { median } from "./usage.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "200" } } });
const runs = Number(values.runs);
const together = 25;
const minuteUs = 60_000_000;
const startUs = Math.floor((Date.now() - 26 * 3_600_000) / 3_600_000) * 3_600_000_000;

await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`cache_${Date.now().toString(36)}`);
const accessor = stack.use(await startAccessor(databaseUrl));
const gateway = stack.use(await startGateway(accessor.url));

const ingest = createClient(
  IngestService,
  stack.use(createGrpcTransport({ baseUrl: accessor.url })),
);
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
      errorReports: [1, 21, 41].map((second) => ({
        time: at(second),
        severity: Severity.ERROR,
        code: `E${second}`,
      })),
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
  "a day in 1,440 buckets": (shift) =>
    `/signals/power/buckets?width=1m&from=${time(shift)}&to=${time(1_440)}`,
  "a day in 1,000 points": (shift) =>
    `/signals/power/buckets?points=1000&from=${time(shift)}&to=${time(1_440)}`,
  "summary of a day": (shift) => `/machines/mill-1/summary?from=${time(shift)}&to=${time(1_440)}`,
  "page of 1,000 samples": (shift) =>
    `/signals/power?from=${time(60 + shift)}&limit=1000&to=${time(1_440)}`,
};

const agent = new Agent({ keepAlive: true });
stack.defer(() => agent.destroy());

/** One request on a connection that is kept open, with the headers of curl --compressed. */
function ask(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; etag: string; ms: number }> {
  const fromMs = performance.now();
  return new Promise((resolve, reject) => {
    get(
      gateway.url + path,
      { agent, headers: { "accept-encoding": "gzip", ...headers } },
      (response) => {
        response.resume().once("error", reject);
        response.once("end", () =>
          resolve({
            status: response.statusCode!,
            etag: response.headers.etag ?? "",
            ms: performance.now() - fromMs,
          }),
        );
      },
    ).once("error", reject);
  });
}

async function inTurn<T>(
  paths: readonly string[],
  one: (path: string, i: number) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = [];
  for (const [i, path] of paths.entries()) answers.push(await one(path, i));
  return answers;
}

// Warms up the gateway: V8 compiles code that runs often, and the first thousand answers take twice
// as long.
for (let i = 0; i < 1_000; i++) for (const pathOf of Object.values(questions)) await ask(pathOf(0));

const faults: string[] = [];
for (const [what, pathOf] of Object.entries(questions)) {
  const spent = { first: [] as number[], again: [] as number[], notModified: [] as number[] };
  // Each question is a minute later than the one before, so that it is new; the first fifty also
  // warm up the code that makes answers. Twenty-five new ones in a row, then the same again, then
  // by ETag: the garbage of an answer is thereby counted for its own kind.
  for (let start = 1; start <= runs + 50; start += together) {
    const paths = Array.from({ length: together }, (_, i) => pathOf(start + i));
    const firsts = await inTurn(paths, (path) => ask(path));
    const agains = await inTurn(paths, (path) => ask(path));
    const sames = await inTurn(paths, (path, i) => ask(path, { "if-none-match": firsts[i]!.etag }));
    for (const [i, first] of firsts.entries()) {
      if (first.status !== 200 || agains[i]!.etag !== first.etag || sames[i]!.status !== 304)
        throw new Error(`${paths[i]}: ${first.status}, ${sames[i]!.status}`);
      if (start <= 50) continue;
      spent.first.push(first.ms);
      spent.again.push(agains[i]!.ms);
      spent.notModified.push(sames[i]!.ms);
    }
  }
  const [first, again, notModified] = [spent.first, spent.again, spent.notModified].map(median) as [
    number,
    number,
    number,
  ];
  const shown = [first, again, notModified].map((ms) => `${ms.toFixed(2)} ms`);
  console.log(
    `${what}: first ${shown[0]}, again ${shown[1]} (1/${(first / again).toFixed(1)}), 304 ${shown[2]}`,
  );
  if (!what.startsWith("page") && first < 10 * again)
    faults.push(`${what}: what is kept is only ${(first / again).toFixed(1)} times as fast`);
  if (notModified > 3) faults.push(`${what}: a 304 takes ${notModified.toFixed(2)} ms`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
