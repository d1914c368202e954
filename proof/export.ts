// An hour of one machine at 100 Hz over REST, as NDJSON and CSV: npm run proofs:export -- [--runs
// 10] [--hours 10] Accessor, gateway and this client are processes of their own. Exits with 1 if an
// answer does not hold 360,000 rows, rows come slower than 300,000 a second at the median, or the
// gateway needs more memory for ten hours than for one.
import { request } from "node:http";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor, startGateway } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { askNumber } from "./chaos/stored.ts";
import { median, usageOf } from "./usage.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "10" }, hours: { type: "string", default: "10" } },
});
const [runs, hours] = [Number(values.runs), Number(values.hours)];
const rowsAnHour = 360_000;
const minRowsPerSecond = 300_000;
/**
 * A longer range may take at most this much more than an hour takes: a collector does not run at
 * the same moments.
 */
const maxGrowthMib = 64;
const samplesABatch = 6_000;
const periodUs = 10_000;

const faults: string[] = [];
await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`export_${Date.now().toString(36)}`);
const accessor = stack.use(await startAccessor(databaseUrl));
const gateway = stack.use(await startGateway(accessor.url));

/**
 * Ends a little in the future, which the accessor accepts, so that an hour before now stays
 * complete during the whole run.
 */
async function fill(): Promise<void> {
  const ingest = createClient(
    IngestService,
    stack.use(createGrpcTransport({ baseUrl: accessor.url })),
  );
  const endUs = (Math.floor(Date.now() / 10) + 27_000) * periodUs;
  const startUs = endUs - (hours * 3_600 + 360) * 1e6;
  let sequence = 0n;
  const send = async (fromUs: number) => {
    const grid = { startUs: BigInt(fromUs), periodUs: BigInt(periodUs) };
    const values = Array.from(
      { length: samplesABatch },
      (_, i) => 400 + 30 * Math.sin((fromUs / periodUs + i) / 700) + ((i * 7919) % 997) / 251,
    );
    const samples = [
      { signal: "power", unit: "W", times: { case: "grid" as const, value: grid }, values },
    ];
    const { result } = await ingest.ingestBatch({
      producerId: "export",
      sequence: ++sequence,
      batch: { machine: "mill-1", samples },
    });
    if (result?.verdicts.length !== 0)
      throw new Error(`refused: ${JSON.stringify(result?.verdicts[0])}`);
  };
  for (let atUs = startUs; atUs < endUs; atUs += samplesABatch * periodUs) await send(atUs);
}

type Export = { rows: number; ms: number; mebibytes: number; peakMib: number };

/** Counts lines and discards them: only their rate is measured. */
async function read(path: string): Promise<Export> {
  let [rows, bytes, peakMib] = [0, 0, 0];
  const sample = () => {
    peakMib = Math.max(peakMib, (usageOf(gateway.pid)?.rssKb ?? 0) / 1_024);
  };
  const timer = setInterval(sample, 20);
  const startMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    request(gateway.url + path, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path} answers ${response.statusCode}`));
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows++;
      });
      response.once("error", reject).once("end", resolve);
    })
      .once("error", reject)
      .end();
  });
  const ms = performance.now() - startMs;
  clearInterval(timer);
  sample();
  return { rows, ms, mebibytes: bytes / 2 ** 20, peakMib };
}

async function measure(format: "ndjson" | "csv", when: string): Promise<void> {
  const header = format === "csv" ? 1 : 0;
  const path = (span: string) => `/signals/power?from=-${span}&to=now&format=${format}`;
  const one: Export[] = [];
  for (let i = 0; i < runs; i++) one.push(await read(path("1h")));
  const wrong = one.filter(({ rows }) => rows - header !== rowsAnHour);
  if (wrong.length > 0) faults.push(`${format}, ${when}: ${wrong[0]!.rows - header} rows`);
  const rates = one.map(({ ms }) => (rowsAnHour / ms) * 1_000);
  const long = await read(path(`${hours}h`));
  if (long.rows - header !== rowsAnHour * hours)
    faults.push(`${format}, ${when}: ${long.rows} rows of ${hours} h`);
  const peak = Math.max(...one.map(({ peakMib }) => peakMib));
  const thousands = (rate: number) => `${Math.round(rate / 1_000)}k`;
  console.log(
    `${format}, ${when}: 1 h ${rowsAnHour} rows, ${one[0]!.mebibytes.toFixed(0)} MiB, ${median(one.map(({ ms }) => ms)).toFixed(0)} ms, ` +
      `rows/s median ${thousands(median(rates))} (${thousands(Math.min(...rates))} to ${thousands(Math.max(...rates))}); ` +
      `${hours} h ${thousands((long.rows / long.ms) * 1_000)} rows/s; gateway at most ${peak.toFixed(0)} MiB, with ${hours} h ${long.peakMib.toFixed(0)} MiB`,
  );
  if (median(rates) < minRowsPerSecond)
    faults.push(`${format}, ${when}: ${thousands(median(rates))} rows/s`);
  if (long.peakMib > peak + maxGrowthMib)
    faults.push(`${format}, ${when}: memory grows with the range`);
}

const isCompacted = async () =>
  (await askNumber(databaseUrl, "select max(revision) from watermark")) >=
  (await askNumber(databaseUrl, "select max(revision) from log"));

await fill();
// A heap grows as far as its collector lets it: that is not measured here.
for (const format of ["ndjson", "csv"])
  await read(`/signals/power?from=-${hours}h&to=now&format=${format}`);
for (const format of ["ndjson", "csv"] as const) await measure(format, "from the log");
await eventually("it is compacted", isCompacted, { withinMs: 180_000 });
for (const format of ["ndjson", "csv"] as const) await measure(format, "from blocks");
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
