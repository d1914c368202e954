// Catching up on a hundred million equal samples, which pack to nothing, takes an accessor as much memory as on any other number:
// npm run proofs:catch-up. A plain gRPC client reads, which takes messages of 4 MiB. Ends with 1 if it is not so.
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { queryDatabase } from "../../accessor/test-accessor.ts";
import { epochUs, grid } from "../../accessor/test-batches.ts";
import "../../client/watch.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { countSamples } from "../../samples/wire.ts";
import { KeptPostgres } from "../chaos/kept-postgres.ts";
import { eventually } from "../support/eventually.ts";
import { startAccessor } from "../support/processes.ts";
import { usageOf } from "./usage.ts";

// What V8 leaves lie between two collections, however many samples come.
const allowedMoreMb = 160;
const { values } = parseArgs({ options: { batches: { type: "string", default: "1526" } } });

await using postgres = await KeptPostgres.open();
const small = await catchUp("few", { batches: 1, samples: 10_000 });
const large = await catchUp("many", { batches: Number(values.batches), samples: 65_536 });
console.log(`more memory for the many: ${(large - small).toFixed(0)} MB, ${allowedMoreMb} are allowed`);
process.exitCode = large - small <= allowedMoreMb ? 0 : 1;

async function catchUp(name: string, { batches, samples }: { batches: number; samples: number }): Promise<number> {
  const databaseUrl = postgres.url(`${name}_${Date.now().toString(36)}`);
  const zeros = Array.from({ length: samples }, () => 0);
  let after: string;
  {
    await using writer = await startAccessor(databaseUrl);
    using transport = createGrpcTransport({ baseUrl: writer.url });
    after = (await createClient(SignalService, transport).getLatest({})).cursor;
    const batch = { machine: "mill-1", samples: [grid("power", epochUs, zeros)] };
    await createClient(IngestService, transport).ingestBatch({ producerId: "p", sequence: 1n, batch });
  }
  // The rest are copies of the first, past the accessor: what is measured is reading them.
  await queryDatabase(
    databaseUrl,
    `insert into log select g, first_us, last_us, series_id, sample_count, segment, payload from log, generate_series(2, ${batches}) g`,
  );
  await queryDatabase(
    databaseUrl,
    `insert into receipt (revision, sequence, committed_at, producer_id, segment, digest)
     select g, g, committed_at, producer_id, segment, digest from receipt, generate_series(2, ${batches}) g`,
  );
  await using accessor = await startAccessor(databaseUrl);
  using transport = createGrpcTransport({ baseUrl: accessor.url, maxMessageBytes: 4 * 1024 * 1024 });
  const client = createClient(SignalService, transport);
  const head = await eventually("it serves", async () => (await client.getLatest({}).catch(() => undefined))?.cursor);
  const rssMb = () => (usageOf(accessor.pid)?.rssKb ?? 0) / 1024;
  const startMs = performance.now();
  let [seen, messages, mostMb] = [0, 0, rssMb()];
  const timer = setInterval(() => {
    mostMb = Math.max(mostMb, rssMb());
  }, 20);
  const stop = new AbortController();
  const start = { case: "afterCursor" as const, value: after };
  for await (const { batches: of, through } of client.watchSignals({ start }, { signal: stop.signal })) {
    messages++;
    for (const { samples: columns } of of) for (const column of columns) seen += countSamples(column);
    if (through === head) break;
  }
  stop.abort();
  clearInterval(timer);
  if (seen !== batches * samples) throw new Error(`${seen} samples came of ${batches * samples}`);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${seen} samples in ${messages} messages and ${seconds} s: ${mostMb.toFixed(0)} MB at most`);
  return mostMb;
}
