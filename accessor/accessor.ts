// The accessor, wired: database, tail, services, server. Opens in order of need and closes the other way round.

import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService, WatchSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { shareEncoding } from "../runtime/grpc/definition.ts";
import { createHealthService, HealthState } from "../runtime/grpc/health.ts";
import { mountReflection } from "../runtime/grpc/reflection.ts";
import { openGrpcServer } from "../runtime/grpc/server.ts";
import type { Log } from "../runtime/log.ts";
import { CursorFormat } from "./cursor.ts";
import { Failure } from "./failure.ts";
import { SharedMessages } from "./feed/follow.ts";
import { startPolling } from "./feed/poll.ts";
import { Tail } from "./feed/tail.ts";
import { Intake } from "./ingest/intake.ts";
import { checkRules } from "./rpc/check-request.ts";
import { toConnectError } from "./rpc/errors.ts";
import { createIngestService } from "./rpc/ingest.ts";
import { createSignalService } from "./rpc/signals.ts";
import { Catalog } from "./store/catalog.ts";
import { openDatabase } from "./store/database.ts";
import { readIdentity } from "./store/identity.ts";
import { readCommits, readCommitTime, readHead } from "./store/log.ts";

export type AccessorOptions = {
  host: string;
  /** 0 for any free port. */
  port: number;
  databaseUrl: string;
  bookmarkMs: number;
  maxInFlightBytes: number;
  log: Log;
};

export type Accessor = AsyncDisposable & { readonly port: number };

// Twice what a refusal needs to be an answer: the transport's limit lies above the batch limit.
const maxMessageBytes = 32 * 1024 * 1024;
const limits = { maxBatchBytes: 4 * 1024 * 1024, maxBatchRecords: 65_536 };
const pollMs = 250;
const hintMs = 50;
const drainMs = 4_000;

export async function openAccessor(options: AccessorOptions): Promise<Accessor> {
  const { log, databaseUrl } = options;
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openDatabase({ url: databaseUrl, log }));
  const { databaseId, epochs, nowUs } = await readIdentity(database);
  const catalog = new Catalog(database);
  const cursors = new CursorFormat(databaseId, epochs);
  const tail = new Tail({
    head: await readHead(database),
    readLog: (range) => readCommits(database, range, { catalog }),
    readCommitTime: (revision) => readCommitTime(database, revision),
    onPassedOver: () => catalog.markStale(),
    log,
  });
  const health = new HealthState();
  const polling = stack.use(
    startPolling({ database, tail, log, pollMs, hintMs, onAnswer: (answered) => health.set(answered) }),
  );
  const monotonicMs = () => performance.now();
  const intake = new Intake(
    { database, catalog, tail, monotonicMs, oldestUs: 0, maxInFlightBytes: options.maxInFlightBytes, ...limits },
    nowUs,
  );
  stack.defer(() => intake.idle());
  stack.use(tail.listen({ machines: undefined, wake: polling.hint }));

  const reads = { database, catalog, tail, cursors };
  const shared = new SharedMessages((message) => void shareEncoding(WatchSignalsResponseSchema, message));
  const server = stack.use(
    await openGrpcServer(
      {
        host: options.host,
        port: options.port,
        maxMessageBytes,
        drainMs,
        validate: checkRules,
        toError: (error, { method }) => toConnectError(error, { method: method.name, log }),
        shutdownReason: () =>
          new Failure("SHUTTING_DOWN", "the server is stopping: connect again", { retryAfterMs: 1_000 }),
      },
      (mount) => {
        mount(
          IngestService,
          createIngestService({ intake, cursors, assertDurable: () => database.assertDurable(), maxUndecided: 256 }),
        );
        mount(SignalService, createSignalService({ reads, shared, bookmarkMs: options.bookmarkMs, nowMs: Date.now }));
        const services = [IngestService, SignalService, Health];
        mount(
          Health,
          createHealthService(
            health,
            services.map(({ typeName }) => typeName),
          ),
        );
        mountReflection(mount, services);
      },
    ),
  );
  stack.defer(() => health.set(false));
  log.info("serving", { host: options.host, port: server.port, revision: tail.head.revision });
  const owned = stack.move();
  return { port: server.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
