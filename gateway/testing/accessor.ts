// A real gRPC server with answers from a table, to test the gateway against: its answers can be
// set, and it keeps the requests.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus } from "#gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import {
  type IngestBatchRequest,
  IngestBatchRequestSchema,
  IngestService,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { openGrpcServer } from "../../runtime/grpc/server.ts";
import { reasonError } from "../errors/reasons.ts";

type Signals = ServiceImpl<typeof SignalService>;
type Ingest = ServiceImpl<typeof IngestService>;
type Access = ServiceImpl<typeof AccessService>;
type Machines = ServiceImpl<typeof MachineService>;
type Status = ServiceImpl<typeof StatusService>;

export type FakeAccessor = AsyncDisposable & {
  readonly url: string;
  /** Replaces any handler; others answer UNIMPLEMENTED. */
  signals: Partial<Signals>;
  ingest: Partial<Ingest>;
  /** If it identifies callers, authentication is on. */
  access: Partial<Access>;
  status: Partial<Status>;
  machines: Partial<Machines>;
  serving: boolean;
};

export async function openFakeAccessor(port = 0): Promise<FakeAccessor> {
  const fake = {
    signals: {} as Partial<Signals>,
    ingest: {} as Partial<Ingest>,
    access: {} as Partial<Access>,
    status: {} as Partial<Status>,
    machines: {} as Partial<Machines>,
    serving: true,
  };
  const byName = <T extends object>(
    service: { methods: readonly { localName: string }[] },
    table: () => T,
  ) =>
    Object.fromEntries(
      service.methods.map(({ localName }) => [
        localName,
        (...args: unknown[]) => {
          const handler = (
            table() as Record<string, ((...args: unknown[]) => unknown) | undefined>
          )[localName];
          if (!handler) throw new ConnectError(`${localName} is not set`, Code.Unimplemented);
          return handler(...args);
        },
      ]),
    );
  const server = await openGrpcServer(
    {
      host: "127.0.0.1",
      port,
      maxMessageBytes: 40 * 1024 * 1024,
      drainMs: 1_000,
      shutdownReason: () =>
        reasonError("SHUTTING_DOWN", Code.Unavailable, "the accessor is stopping"),
      toError: (error) => ConnectError.from(error, Code.Internal),
    },
    (mount) => {
      mount(SignalService, byName(SignalService, () => fake.signals) as unknown as Signals);
      mount(IngestService, byName(IngestService, () => fake.ingest) as unknown as Ingest);
      mount(AccessService, byName(AccessService, () => fake.access) as unknown as Access);
      mount(MachineService, byName(MachineService, () => fake.machines) as unknown as Machines);
      mount(StatusService, byName(StatusService, () => fake.status) as unknown as Status);
      mount(Health, {
        check: () => ({
          status: HealthCheckResponse_ServingStatus[fake.serving ? "SERVING" : "NOT_SERVING"],
        }),
        list: () => ({}),
        async *watch() {},
      });
    },
  );
  return Object.assign(fake, {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}

const span = (seconds: bigint) => ({ seconds, nanos: 0 });

/** Keeps ingested batches, and answers like an accessor that accepts everything. */
export function takeEverything(taken: IngestBatchRequest[]): Partial<Ingest> {
  return {
    ingestBatch(request) {
      taken.push(request);
      return { result: { sequence: request.sequence }, cursor: `c${taken.length}` };
    },
    ingestBatches({ producerId, sequence, batches }) {
      const results = batches.map((batch, i) => {
        const numbered = { producerId, sequence: sequence + BigInt(i), batch };
        taken.push(create(IngestBatchRequestSchema, numbered));
        return { sequence: numbered.sequence };
      });
      return { results, cursor: `c${taken.length}` };
    },
    redeclareSignal: ({ unit = "W", maxGap = span(1n), sampleType }) => ({
      before: { unit: "W", maxGap: span(1n), sampleType: SampleType.LINEAR },
      after: { unit, maxGap, sampleType: sampleType || SampleType.LINEAR },
    }),
  };
}
