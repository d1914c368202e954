// The subscribers of a bench run, in a process of their own: they record the age of each batch on
// arrival.
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../client/codecs.ts";
import { timesOf } from "../codec/wire/samples.ts";
import { createGrpcTransport, type GrpcTransport } from "../runtime/grpc/transport.ts";
import { quantile } from "./report.ts";
import { serveCommands } from "./role.ts";

const streamsAConnection = 100;

let latenciesMs = new Float64Array(1024);
let count = 0;
let stop = new AbortController();
let transports: GrpcTransport[] = [];
let watching: Promise<void>[] = [];

export type Latencies = { count: number; p50: number; p99: number; max: number };

await serveCommands(
  {
    /**
     * Opens subscribers, each to some machines (none: all); returns when each has its first
     * message.
     */
    async open({ url, subscribers }: { url: string; subscribers: readonly (readonly string[])[] }) {
      stop = new AbortController();
      transports = Array.from({ length: Math.ceil(subscribers.length / streamsAConnection) }, () =>
        createGrpcTransport({ baseUrl: url, codecs: signalCodecs }),
      );
      const opened = subscribers.map((machines, i) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        watching.push(watch(transports[Math.floor(i / streamsAConnection)]!, machines, resolve));
        return promise;
      });
      await Promise.all(opened);
    },

    /** Discards everything so far: the first messages arrive at cold code. */
    reset() {
      count = 0;
    },

    async close(): Promise<Latencies> {
      stop.abort();
      await Promise.all(watching);
      watching = [];
      for (const transport of transports) transport[Symbol.dispose]();
      const seen = latenciesMs.subarray(0, count);
      return { count, p50: quantile(seen, 0.5), p99: quantile(seen, 0.99), max: quantile(seen, 1) };
    },
  },
  () => {},
);

async function watch(
  transport: GrpcTransport,
  machines: readonly string[],
  onOpen: () => void,
): Promise<void> {
  const client = createClient(SignalService, transport);
  try {
    const feed = client.watchSignals(
      { machines: [...machines], signals: ["power"] },
      { signal: stop.signal },
    );
    for await (const { batches } of feed) {
      onOpen();
      for (const { samples } of batches) {
        for (const column of samples) note(timesOf(column).at(-1)!);
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

function note(sentUs: number): void {
  const latencyMs = performance.timeOrigin + performance.now() - sentUs / 1000;
  if (count === latenciesMs.length) {
    const larger = new Float64Array(2 * count);
    larger.set(latenciesMs);
    latenciesMs = larger;
  }
  latenciesMs[count++] = latencyMs;
}
