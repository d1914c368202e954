// The reader of a bench run: a gRPC client in a process of its own that decodes the messages into
// typed arrays.
import { type Client, createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../client/codecs.ts";
import { ColumnMemory, readRange } from "../client/read.ts";
import { toTimestamp } from "../codec/timestamps.ts";
import { createGrpcTransport, type GrpcTransport } from "../runtime/grpc/transport.ts";
import { sumOf } from "./data.ts";
import { serveCommands } from "./role.ts";

let transport: GrpcTransport;
let signals: Client<typeof SignalService>;
const memory = new ColumnMemory();

type Range = { machine: string; fromUs: number; toUs: number };
type Wanted = Range & { as: "columns" | "blocks" };

export type ReadResult = { ms: number; samples: number };

await serveCommands(
  {
    connect({ url }: { url: string }) {
      transport = createGrpcTransport({ baseUrl: url, codecs: signalCodecs });
      signals = createClient(SignalService, transport);
    },

    /** Decoded and discarded, as in a client that reads a whole range once. */
    async read(wanted: Wanted): Promise<ReadResult> {
      const from = performance.now();
      let samples = 0;
      for await (const { columns } of slices(wanted))
        for (const { column } of columns) samples += column.values.length;
      return { ms: performance.now() - from, samples };
    },

    /** The sum of all values of a range, to check that both formats return what was sent. */
    async sum(wanted: Wanted): Promise<number> {
      let sum = 0;
      for await (const { columns } of slices(wanted))
        for (const { column } of columns) sum += sumOf(column.values);
      return sum;
    },

    async aggregate({
      machine,
      fromUs,
      toUs,
      widthUs,
      points,
    }: Range & { widthUs?: number; points?: number }) {
      const from = performance.now();
      const width = { seconds: BigInt(Math.floor((widthUs ?? 0) / 1e6)), nanos: 0 };
      const { series } = await signals.aggregateSamples({
        signals: ["power"],
        machines: [machine],
        startTime: toTimestamp(fromUs),
        endTime: toTimestamp(toUs),
        resolution:
          widthUs === undefined
            ? { case: "points", value: points! }
            : { case: "width", value: width },
      });
      const ms = performance.now() - from;
      const buckets = series[0]!.buckets;
      return {
        ms,
        buckets: buckets.length,
        samples: buckets.reduce((sum, { count }) => sum + Number(count), 0),
      };
    },

    async latest({ machines }: { machines: readonly string[] }) {
      const from = performance.now();
      const answer = await signals.getLatest({ signals: ["power"], machines: [...machines] });
      return { ms: performance.now() - from, records: answer.signals.length };
    },
  },
  () => transport[Symbol.dispose](),
);

function slices({ machine, fromUs, toUs, as }: Wanted) {
  const { signal: abort } = new AbortController();
  return readRange({
    client: signals,
    machines: [machine],
    signals: ["power"],
    fromUs,
    toUs,
    format: as,
    memory,
    abort,
  });
}
