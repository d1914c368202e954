// The reader of a bench run: a gRPC client in a process of its own that decodes what comes into typed arrays.
import { type Client, createClient } from "@connectrpc/connect";
import { ReadFormat, SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { decodeBlock } from "../block/decode.ts";
import { createGrpcTransport, type GrpcTransport } from "../runtime/grpc/transport.ts";
import type { Column } from "../samples/column.ts";
import { toColumn } from "../samples/wire.ts";
import { sumOf } from "./data.ts";
import { serveCommands } from "./role.ts";

let transport: GrpcTransport;
let signals: Client<typeof SignalService>;

type Range = { machine: string; fromUs: number; toUs: number };

export type ReadResult = { ms: number; samples: number };

await serveCommands(
  {
    connect({ url }: { url: string }) {
      transport = createGrpcTransport({ baseUrl: url });
      signals = createClient(SignalService, transport);
    },

    /** Decoded and let go of, as one who looks at all of a range once does. */
    async read({ machine, fromUs, toUs, as }: Range & { as: "columns" | "blocks" }): Promise<ReadResult> {
      const from = performance.now();
      let samples = 0;
      let sum = 0;
      const take = ({ values }: Column) => {
        samples += values.length;
        // A look at a few of them: all would be work of another kind.
        sum += values[0]! + values[values.length >> 1]! + values.at(-1)!;
      };
      for await (const { batches, blocks } of signals.readSignals(toRequest({ machine, fromUs, toUs, as }))) {
        for (const batch of batches) for (const column of batch.samples) take(toColumn(column));
        for (const { data } of blocks) take(decodeBlock(data));
      }
      if (Number.isNaN(sum)) throw new Error("not a number");
      return { ms: performance.now() - from, samples };
    },

    /** The sum of all values of a range, to check that both formats bring what was sent. */
    async sum({ machine, fromUs, toUs, as }: Range & { as: "columns" | "blocks" }): Promise<number> {
      let sum = 0;
      for await (const { batches, blocks } of signals.readSignals(toRequest({ machine, fromUs, toUs, as }))) {
        for (const { samples } of batches) for (const column of samples) sum += sumOf(toColumn(column).values);
        for (const { data } of blocks) sum += sumOf(decodeBlock(data).values);
      }
      return sum;
    },

    async aggregate({ machine, fromUs, toUs, widthUs, points }: Range & { widthUs?: number; points?: number }) {
      const from = performance.now();
      const width = { seconds: BigInt(Math.floor((widthUs ?? 0) / 1e6)), nanos: 0 };
      const { series } = await signals.aggregateSamples({
        signals: ["power"],
        machines: [machine],
        startTime: toTimestamp(fromUs),
        endTime: toTimestamp(toUs),
        resolution: widthUs === undefined ? { case: "points", value: points! } : { case: "width", value: width },
      });
      const ms = performance.now() - from;
      const buckets = series[0]!.buckets;
      return { ms, buckets: buckets.length, samples: buckets.reduce((sum, { count }) => sum + Number(count), 0) };
    },

    async latest({ machines }: { machines: readonly string[] }) {
      const from = performance.now();
      const answer = await signals.getLatest({ signals: ["power"], machines: [...machines] });
      return { ms: performance.now() - from, records: answer.signals.length };
    },
  },
  () => transport[Symbol.dispose](),
);

function toRequest({ machine, fromUs, toUs, as }: Range & { as: "columns" | "blocks" }) {
  return {
    signals: ["power"],
    machines: [machine],
    startTime: toTimestamp(fromUs),
    endTime: toTimestamp(toUs),
    format: as === "blocks" ? ReadFormat.BLOCKS : ReadFormat.COLUMNS,
  };
}

function toTimestamp(us: number) {
  return { seconds: BigInt(Math.floor(us / 1e6)), nanos: (us % 1e6) * 1000 };
}
