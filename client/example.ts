// Reads what there is, then watches what comes: docs/client.md shows this file.
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { signalCodecs } from "./codecs.ts";
import { readColumns } from "./read.ts";
import { watch } from "./watch.ts";

const baseUrl = process.argv[2] ?? "http://127.0.0.1:50051";
using transport = createGrpcTransport({ baseUrl, codecs: signalCodecs });
const client = createClient(SignalService, transport);
const stop = new AbortController();
const wanted = { client, machines: ["press-7"], signals: ["power"], abort: stop.signal };

// The past: one Float64Array of times and one of values for each machine and signal.
const { series, cursor } = await readColumns({ ...wanted, fromUs: Date.UTC(2026, 0, 1) * 1000 });
for (const { machine, unit, column } of series) {
  const mean = column.values.reduce((sum, value) => sum + value, 0) / column.values.length;
  console.log(`read ${column.values.length} samples of ${machine}, mean ${mean} ${unit}`);
}

// The present, from where the past ended: each record once, in order, through any break of the
// connection.
for await (const { batches } of watch({ ...wanted, after: cursor })) {
  for (const { machine, samples } of batches)
    console.log(`live ${samples[0]!.values.length} samples of ${machine}`);
  break; // An example has to end.
}
