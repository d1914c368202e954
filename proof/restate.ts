// A correction of a day at 100 Hz: npm run proofs:restate -- [--hours 24] Stores the hours of one
// machine and waits until they are compacted and rolled up; then corrects max_gap, and queries the
// energy of all of it repeatedly until its sums are recalculated, while a writer sends a batch each
// 100 ms. Exits with 1 if an answer is wrong, or a batch takes more than 2 s.
import { parseArgs } from "node:util";
import { type Client, createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp } from "../codec/timestamps.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { askNumber } from "./chaos/stored.ts";
import { median } from "./usage.ts";

const { values } = parseArgs({ options: { hours: { type: "string", default: "24" } } });
const hours = Number(values.hours);
const samplesABatch = 60_000;
const periodUs = 10_000;
const hourUs = 3_600e6;
const watts = 1_000;
const longestMs = 15 * 60_000;
const maxAckMs = 2_000;

await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url(`restate_${Date.now().toString(36)}`);
const accessor = stack.use(await startAccessor(databaseUrl));
const transport = stack.use(createGrpcTransport({ baseUrl: accessor.url }));
const ingest = createClient(IngestService, transport);
const signals: Client<typeof SignalService> = createClient(SignalService, transport);

// Whole hours that ended an hour ago.
const endUs = Math.floor((Date.now() * 1000) / hourUs - 1) * hourUs;
const startUs = endUs - hours * hourUs;

/**
 * All but every tenth second: with a max_gap of half a second, nine tenths of the time are covered.
 */
async function fill(): Promise<void> {
  let sequence = 0n;
  for (let atUs = startUs; atUs < endUs; atUs += samplesABatch * periodUs) {
    const seconds = Array.from({ length: samplesABatch / 100 }, (_, i) => atUs + i * 1e6).filter(
      (us) => (us / 1e6) % 10 !== 0,
    );
    const timesUs = seconds.flatMap((us) =>
      Array.from({ length: 100 }, (_, i) => us + i * periodUs),
    );
    const deltaUs = timesUs.map((us, i) => BigInt(us - (timesUs[i - 1] ?? 0)));
    const samples = {
      signal: "power",
      unit: "W",
      maxGap: { seconds: 2n },
      times: { case: "deltas" as const, value: { deltaUs } },
      values: timesUs.map(() => watts),
    };
    const { result } = await ingest.ingestBatch({
      producerId: "restate",
      sequence: ++sequence,
      batch: { machine: "mill-1", samples: [samples] },
    });
    if (result?.verdicts.length !== 0) throw new Error(`refused: ${JSON.stringify(result)}`);
  }
}

async function askEnergy(): Promise<{ ms: number; coverage: number; kwh: number }> {
  const begun = performance.now();
  const { machines } = await signals.summarizeMachines({
    machines: ["mill-1"],
    startTime: toTimestamp(startUs),
    endTime: toTimestamp(endUs),
  });
  const { coverage, energyKwh } = machines[0]!.energy!;
  return { ms: performance.now() - begun, coverage, kwh: energyKwh };
}

/** Batches of a second to another machine, until stopped: how long each took. */
async function write(until: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  for (let sequence = 1n; !until.aborted; sequence++) {
    const begun = performance.now();
    const grid = { startUs: BigInt(Date.now()) * 1000n, periodUs: BigInt(periodUs) };
    const samples = {
      signal: "power",
      times: { case: "grid" as const, value: grid },
      values: [1, 2, 3],
    };
    await ingest.ingestBatch({
      producerId: "writer",
      sequence,
      batch: { machine: "mill-2", samples: [samples] },
    });
    took.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return took;
}

const count = (text: string) => askNumber(databaseUrl, text);
const settled = () =>
  eventually(
    "all is compacted and rolled up",
    async () =>
      (await count(
        "select count(*) from rollup_due d join series s on s.id = d.series_id join machine m on m.id = s.machine_id where m.name = 'mill-1'",
      )) === 0 &&
      (await count("select count(*) from rollup_hour where count is not null")) >= hours,
    { withinMs: longestMs },
  );

await fill();
const stop = new AbortController();
const writing = write(stop.signal);
await settled();
const before = await askEnergy();

const corrected = performance.now();
await ingest.redeclareSignal({
  machine: "mill-1",
  signal: "power",
  maxGap: { seconds: 0n, nanos: 500_000_000 },
});
const answers: { ms: number; coverage: number; kwh: number }[] = [];
const isStale = async () =>
  (await count("select count(*) from series where stale_through is not null")) > 0;
while ((await isStale()) && performance.now() - corrected < longestMs)
  answers.push(await askEnergy());
const restatedMs = performance.now() - corrected;
await settled();
const rolledUpMs = performance.now() - corrected;
const after = await askEnergy();
stop.abort();
const acks = (await writing).sort((a, b) => a - b);

// 100 samples a second cover 0.99 s of it, and the time to the next second; the last of nine has no
// next one.
const coverage = (9 - 0.01) / 10;
const isRight = (found: { coverage: number; kwh: number }) =>
  Math.abs(found.coverage - coverage) < 1e-9 &&
  Math.abs(found.kwh - (hours * coverage * watts) / 1000) < 1e-6;
const wrong = [...answers, after].filter((answer) => !isRight(answer));
const samples = hours * 3_600 * 90;
console.log(
  [
    `${samples} samples in ${hours} hours`,
    `before: ${before.ms.toFixed(0)} ms, coverage ${before.coverage}`,
    `corrected: ${answers.length} answers, the first after ${answers[0]?.ms.toFixed(0)} ms, median ${median(answers.map(({ ms }) => ms)).toFixed(0)} ms, ${wrong.length} wrong`,
    `sums recalculated after ${(restatedMs / 1000).toFixed(0)} s, hours rolled up again after ${(rolledUpMs / 1000).toFixed(0)} s`,
    `after: ${after.ms.toFixed(0)} ms, coverage ${after.coverage}, ${after.kwh} kWh`,
    `${acks.length} batches of another machine meanwhile: p50 ${median(acks).toFixed(0)} ms, max ${acks.at(-1)?.toFixed(0)} ms`,
  ].join("\n"),
);
if (wrong.length > 0 || acks.at(-1)! > maxAckMs) process.exitCode = 1;
