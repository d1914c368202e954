// A small IngestService for tests: keeps what it takes in memory and misbehaves where hooks make
// it. Not part of the producer.
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import {
  type BatchResult,
  type Hello,
  IngestService,
  type Welcome,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { openGrpcServer } from "../../runtime/grpc/server.ts";

type Result = Partial<Pick<BatchResult, "refusal" | "verdicts" | "warnings">>;

/** What the server does at each step. Each hook may throw to break the stream there. */
export type Hooks = {
  onHello?: (hello: Hello) => void;
  welcome?: Partial<Pick<Welcome, "lastSequence" | "lost">>;
  /** Before a batch is stored. */
  beforeStore?: (sequence: number) => Promise<void> | void;
  /** After it is stored, before its ack. Return false to withhold the ack. */
  beforeAck?: (sequence: number) => unknown;
  resultOf?: (sequence: number, batch: Batch) => Result | undefined;
};

/** An error with a reason of ours, as the accessor throws it. */
export function failure(
  code: Code,
  reason: string,
  metadata: Record<string, string> = {},
): ConnectError {
  const error = new ConnectError(reason.toLowerCase(), code);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: "millrace.v1", metadata } });
  return error;
}

/**
 * What the server has: the batches of each producer by number, null for those that a hello has
 * skipped.
 */
function createState(stored: Batch[]) {
  const producers = new Map<string, (Batch | null)[]>();
  const arrived: { producerId: string; sequence: number }[] = [];
  return {
    stored,
    producers,
    arrived,
    hellos: [] as Hello[],
    arrivals: [] as number[],
    streams: 0,
  };
}
export type StubState = ReturnType<typeof createState>;

/**
 * Listens on a free port, or on the port of a server that was closed. `state.stored` has every
 * batch in order of arrival. `stored` is what the first producer to connect has sent before;
 * `state` takes over from another server.
 */
export async function openIngestStub(
  hooks: Hooks = {},
  given: { port?: number; stored?: Batch[]; state?: StubState } = {},
) {
  const { port = 0, state = createState(given.stored ?? []) } = given;
  const impl: ServiceImpl<typeof IngestService> = {
    async *ingest(requests) {
      state.streams++;
      let hello: Hello | undefined;
      let own: (Batch | null)[] = [];
      for await (const { message } of requests) {
        if (message.case === "hello") {
          hello = message.value;
          state.hellos.push(hello);
          hooks.onHello?.(hello);
          const { producerId, lastAckedSequence } = hello;
          own =
            state.producers.get(producerId) ??
            (state.producers.size === 0 ? [...state.stored] : []);
          state.producers.set(producerId, own);
          const first = BigInt(own.length + 1);
          const lost =
            lastAckedSequence >= first ? { lost: { first, last: lastAckedSequence } } : {};
          while (own.length < lastAckedSequence) own.push(null);
          const welcome = { lastSequence: BigInt(own.length), ...lost, ...hooks.welcome };
          yield {
            message: {
              case: "welcome",
              value: { maxBatchBytes: 1 << 20, maxBatchRecords: 20_000, ...welcome },
            },
          };
        } else if (message.case === "batch") {
          if (!hello) throw failure(Code.InvalidArgument, "HELLO_REQUIRED");
          const sequence = Number(message.value.sequence);
          const batch = message.value.batch ?? create(BatchSchema);
          state.arrivals.push(sequence);
          state.arrived.push({ producerId: hello.producerId, sequence });
          await hooks.beforeStore?.(sequence);
          const duplicate = sequence <= own.length;
          const before = own[sequence - 1];
          if (before && !sameBytes(before, batch))
            throw failure(Code.AlreadyExists, "SEQUENCE_CONFLICT", { sequence: String(sequence) });
          if (sequence > own.length + 1) {
            const expected = String(own.length + 1);
            throw failure(Code.OutOfRange, "SEQUENCE_GAP", {
              sequence: String(sequence),
              expected_sequence: expected,
            });
          }
          if (!duplicate) {
            own.push(batch);
            state.stored.push(batch);
          }
          if ((await hooks.beforeAck?.(sequence)) === false) continue;
          const result = hooks.resultOf?.(sequence, batch);
          const results =
            duplicate || result ? [{ sequence: BigInt(sequence), duplicate, ...result }] : [];
          yield {
            message: {
              case: "ack",
              value: { sequence: BigInt(sequence), cursor: `c${sequence}`, results },
            },
          };
        }
      }
    },
    ingestBatch() {
      throw new ConnectError("not here", Code.Unimplemented);
    },
    ingestBatches() {
      throw new ConnectError("not here", Code.Unimplemented);
    },
    redeclareSignal() {
      throw new ConnectError("not here", Code.Unimplemented);
    },
  };
  const server = await openGrpcServer(
    {
      host: "127.0.0.1",
      port,
      maxMessageBytes: 4 << 20,
      drainMs: 0,
      shutdownReason: () => failure(Code.Unavailable, "SHUTTING_DOWN"),
      toError: (error) => ConnectError.from(error, Code.Internal),
    },
    (mount) => mount(IngestService, impl),
  );
  return {
    state,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function sameBytes(a: Batch, b: Batch): boolean {
  return Buffer.compare(toBinary(BatchSchema, a), toBinary(BatchSchema, b)) === 0;
}
