// The watch client and a real accessor that is killed and started again.
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { testDatabase } from "../test/testing/postgres.ts";
import { startAccessor } from "../test/testing/processes.ts";
import { signalCodecs } from "./codecs.ts";
import { watch } from "./watch.ts";

test("a watch outlives its accessor: killed and started again, each record comes once", async () => {
  await using database = await testDatabase();
  let accessor = await startAccessor(database.url);
  const { port } = accessor;
  const stop = new AbortController();
  try {
    using transport = createGrpcTransport({ baseUrl: accessor.url, codecs: signalCodecs });
    const ingest = createClient(IngestService, transport);
    const client = createClient(SignalService, transport);
    const { cursor: after } = await client.getLatest({});
    const send = (sequence: number) =>
      ingest.ingestBatch({
        producerId: "p",
        sequence: BigInt(sequence),
        batch: {
          machine: "m1",
          samples: [
            {
              signal: "power",
              times: { case: "grid", value: { startUs: 1n, periodUs: 1n } },
              values: [sequence],
            },
          ],
        },
      });
    await send(1);
    await send(2);
    const seen: number[] = [];
    for await (const { batches } of watch({ client, after, abort: stop.signal })) {
      for (const { samples } of batches) for (const value of samples[0]!.values) seen.push(value);
      if (seen.length === 2) {
        accessor.signal("SIGKILL");
        await accessor.ended;
        accessor = await startAccessor(database.url, { port });
        await send(3);
      }
      if (seen.length >= 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
  } finally {
    stop.abort();
    await accessor[Symbol.asyncDispose]();
  }
});
