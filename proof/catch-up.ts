// Catching up on a hundred million equal samples, which pack to almost nothing, takes an accessor
// no more memory than on ten thousand: npm run proofs:catch-up. The reader is a plain gRPC client,
// which accepts messages of 4 MiB. The accessor compacts meanwhile, the same log in both cases and
// for as long. Exits with 1 if it takes more.
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { queryDatabase } from "../accessor/testing/accessor.ts";
import { epochUs, grid } from "../accessor/testing/batches.ts";
import { signalCodecs } from "../client/codecs.ts";
import { countSamples } from "../codec/wire/samples.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { eventually } from "../test/testing/eventually.ts";
import { startAccessor } from "../test/testing/processes.ts";
import { KeptPostgres } from "./chaos/kept-postgres.ts";
import { usageOf } from "./usage.ts";

// Garbage that V8 leaves between two collections, for any number of samples.
const allowedMoreMb = 160;
const samplesOf = { many: 65_536, few: 10_000 };
const { values } = parseArgs({ options: { batches: { type: "string", default: "1526" } } });
const batches = Number(values.batches);

await using postgres = await KeptPostgres.open();
const databaseUrl = postgres.url(`catch_up_${Date.now().toString(36)}`);

const start = await store(samplesOf.many);
// The rest are copies of the first, inserted directly: only reading them is measured.
await queryDatabase(
  databaseUrl,
  `insert into log select g, first_us, last_us, series_id, sample_count, segment, payload from log, generate_series(2, ${batches}) g`,
);
await queryDatabase(
  databaseUrl,
  `insert into receipt (revision, sequence, committed_at, producer_id, segment, digest)
   select g, g, committed_at, producer_id, segment, digest from receipt, generate_series(2, ${batches}) g`,
);
const beforeLast = await store(samplesOf.few, BigInt(batches + 1));

const many = await catchUp("many", {
  after: start,
  samples: batches * samplesOf.many + samplesOf.few,
});
const few = await catchUp("few", {
  after: beforeLast,
  samples: samplesOf.few,
  atLeastMs: many.tookMs,
});
const moreMb = many.mostMb - few.mostMb;
console.log(`more memory for the many: ${moreMb.toFixed(0)} MB, ${allowedMoreMb} are allowed`);
process.exitCode = moreMb <= allowedMoreMb ? 0 : 1;

/** Stores one batch of zeros through an accessor. Returns the cursor before it. */
async function store(samples: number, sequence = 1n): Promise<string> {
  await using writer = await startAccessor(databaseUrl);
  using transport = createGrpcTransport({ baseUrl: writer.url });
  const { cursor } = await createClient(SignalService, transport).getLatest({});
  const zeros = Array.from({ length: samples }, () => 0);
  const batch = { machine: "mill-1", samples: [grid("power", epochUs, zeros)] };
  await createClient(IngestService, transport).ingestBatch({ producerId: "p", sequence, batch });
  return cursor;
}

/** The highest memory of an accessor that has just started, until a watcher has everything. */
async function catchUp(
  name: string,
  { after, samples, atLeastMs = 0 }: { after: string; samples: number; atLeastMs?: number },
): Promise<{ mostMb: number; tookMs: number }> {
  await using accessor = await startAccessor(databaseUrl);
  using transport = createGrpcTransport({
    baseUrl: accessor.url,
    codecs: signalCodecs,
    maxMessageBytes: 4 * 1024 * 1024,
  });
  const client = createClient(SignalService, transport);
  const head = await eventually(
    "it serves",
    async () => (await client.getLatest({}).catch(() => undefined))?.cursor,
  );
  const rssMb = () => (usageOf(accessor.pid)?.rssKb ?? 0) / 1024;
  const startMs = performance.now();
  let [seen, messages, mostMb] = [0, 0, rssMb()];
  const timer = setInterval(() => {
    mostMb = Math.max(mostMb, rssMb());
  }, 20);
  const stop = new AbortController();
  const start = { case: "afterCursor" as const, value: after };
  for await (const { batches: of, through } of client.watchSignals(
    { start },
    { signal: stop.signal },
  )) {
    messages++;
    for (const { samples: columns } of of)
      for (const column of columns) seen += countSamples(column);
    if (through === head) break;
  }
  stop.abort();
  const tookMs = performance.now() - startMs;
  await setTimeout(Math.max(0, atLeastMs - tookMs));
  clearInterval(timer);
  if (seen !== samples) throw new Error(`${name}: ${seen} samples came of ${samples}`);
  console.log(
    `${name}: ${seen} samples in ${messages} messages and ${(tookMs / 1000).toFixed(1)} s: ${mostMb.toFixed(0)} MB at most`,
  );
  return { mostMb, tookMs };
}
