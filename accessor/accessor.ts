// Assembles the accessor: database, tail, services, server. Opens them in order of dependency and
// closes them in reverse.

import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService, WatchSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { shareFrame } from "../runtime/grpc/frame.ts";
import { createHealthService, HealthState } from "../runtime/grpc/health.ts";
import { maxSentBytes, requestLimits } from "../runtime/grpc/message-limits.ts";
import { mountReflection } from "../runtime/grpc/reflection.ts";
import { type Mount, openGrpcServer } from "../runtime/grpc/server.ts";
import { limitLines } from "../runtime/log.ts";
import { openAuthentication } from "./access/authenticate.ts";
import { bindToCertificates } from "./access/certificates.ts";
import { openCallerLimits } from "./caller-limits.ts";
import { startCompactorBeside } from "./compact/beside.ts";
import { CursorFormat } from "./domain/cursor.ts";
import type { Epochs, SeenEpoch } from "./domain/epochs.ts";
import { Failure } from "./domain/failure.ts";
import type { Ledger } from "./domain/ledger.ts";
import { toRetention } from "./domain/retention.ts";
import { SharedMessages } from "./feed/follow.ts";
import { createEpochs } from "./feed/fork.ts";
import { startPolling } from "./feed/poll.ts";
import { SentByFeeds } from "./feed/sent.ts";
import { Tail } from "./feed/tail.ts";
import { Intake } from "./ingest/intake.ts";
import { toProducerLimits } from "./ingest/producer-limits.ts";
import type { AccessorOptions } from "./options.ts";
import { Readiness } from "./readiness.ts";
import { createAccessService } from "./rpc/access.ts";
import { batchMessageLimits } from "./rpc/batch-message-limits.ts";
import { checkRules, learnRules } from "./rpc/check-request.ts";
import { accessorCodecs } from "./rpc/codecs.ts";
import { toConnectError } from "./rpc/errors.ts";
import { createIngestService } from "./rpc/ingest.ts";
import { createMachineService } from "./rpc/machines.ts";
import { ofOneHistory } from "./rpc/one-history.ts";
import { pageTokenLifeMs } from "./rpc/page-token.ts";
import { perCall } from "./rpc/per-call.ts";
import { createSignalService } from "./rpc/signals.ts";
import { createStatusService } from "./rpc/status.ts";
import { secured } from "./secured.ts";
import { stepLimits } from "./step-limits.ts";
import { Catalog } from "./store/catalog.ts";
import { openDatabase } from "./store/database.ts";
import { Descriptions } from "./store/descriptions.ts";
import { readIdentity } from "./store/identity.ts";
import { forgetLayout } from "./store/layout.ts";
import { readCommitTime, readHead, readTimedCommits } from "./store/log.ts";
import { ZoneClocks } from "./store/zone-clocks.ts";

/**
 * done: rejects when the database was restored to an earlier point: this process then holds data of
 * an abandoned history.
 */
export type Accessor = AsyncDisposable & {
  readonly port: number;
  readonly done: Promise<never>;
  /** What callers have borrowed, and what they were refused. */
  readonly ledger: Ledger;
};

const limits = { maxBatchBytes: 4 * 1024 * 1024, maxBatchRecords: 65_536 };
const hintMs = 50;
const drainMs = 4_000;
const settleUs = 2 * 60 * 1_000_000;
const segments = {
  segmentMs: 3_600_000,
  segmentBytes: 1024 ** 3,
  supersededMs: pageTokenLifeMs + 5 * 60_000,
};

export async function openAccessor(options: AccessorOptions): Promise<Accessor> {
  const {
    log,
    databaseUrl,
    pollMs = 250,
    notify = true,
    tailBytes = 16 * 1024 * 1024,
    nowMs = Date.now,
  } = options;
  // Log lines that callers can cause as often as they like.
  const callLog = limitLines(log);
  await using stack = new AsyncDisposableStack();
  // Set soon; no client is served before that.
  let known: Epochs | undefined;
  const onEpoch = async (seen: SeenEpoch) => known?.follow(seen);
  const database = stack.use(await openDatabase({ url: databaseUrl, onEpoch, log }));
  const {
    databaseId,
    epochs: readFirst,
    nowUs: databaseNowUs,
    pageKey,
  } = await readIdentity(database, { beginEpoch: options.beginEpoch ?? false });
  const catalog = new Catalog(database);
  const descriptions = new Descriptions(database);
  const cursors = new CursorFormat(databaseId, readFirst);
  const { promise: done, reject: fail } = Promise.withResolvers<never>();
  done.catch(() => {});
  const epochs = createEpochs(database, {
    epochs: readFirst,
    cursors,
    tail: () => tail,
    log,
    forget() {
      catalog.forget();
      descriptions.forget();
      forgetLayout(database);
    },
    onGivenUp: (message) => fail(new Error(message)),
  });
  known = epochs;
  const { epoch, ...head } = await readHead(database);
  const tail = new Tail({
    head,
    readLog: (range) => epochs.within(() => readTimedCommits(database, range, { catalog })),
    readCommitTime: (revision) => readCommitTime(database, revision),
    onPassedOver: () => catalog.markStale(),
    maxBytes: tailBytes,
    log,
  });
  await epochs.follow(epoch);
  const hosted = [IngestService, SignalService, MachineService, AccessService, StatusService];
  const services = [...hosted, Health];
  const health = new HealthState(services.map(({ typeName }) => typeName));
  const monotonicMs = () => performance.now();
  const readiness = new Readiness({ health, ingest: IngestService.typeName, monotonicMs });
  const polling = stack.use(
    startPolling({
      database,
      tail,
      epochs,
      log,
      pollMs,
      hintMs: notify ? hintMs : undefined,
      onRedeclared: (count) => catalog.follow(count),
      onPoll: (mayWrite) => readiness.polled(mayWrite),
      onSetBack: (message) =>
        fail(new Error(`the database was restored to an earlier point: ${message}`)),
    }),
  );
  const retention = toRetention(options.history.retentionMs, options.history.retain ?? []);
  const { producers, maxDerived } = toProducerLimits(options.producers, options);
  const limitsOfCallers = stack.use(
    openCallerLimits({ ...options, authenticates: options.auth !== undefined }, { database, log }),
  );
  const { ledger, admission, accountOf, outgoing, databaseOf } = limitsOfCallers;
  const { quotas, spread, connections, calls, callLimits, incoming } = limitsOfCallers;
  const intake = new Intake(
    {
      producers,
      database,
      epochs,
      catalog,
      tail,
      monotonicMs,
      retention,
      maxAgeMs: options.history.maxAgeMs ?? Number.POSITIVE_INFINITY,
      maxInFlightBytes: options.maxInFlightBytes,
      quotas,
      spread,
      onQuota: (limit) => ledger.refuse(limit),
      onCommitted: polling.hint,
      onWrite: (error) => readiness.wrote(error),
      ...limits,
    },
    databaseNowUs,
  );
  ledger.count("bytes in flight", () => intake.inFlightBytes);
  ledger.count("subscribers and waiters of the tail", () => tail.listeners);
  ledger.count("batches that wait to be in flight", () => intake.waiting);
  stack.defer(() => intake.idle());
  const { compactIntervalMs, logWindowMs, maxLogBytes, rollupRetentionMs } = options.history;
  const kept = { ...segments, logWindowMs, maxLogBytes, retention, rollupRetentionMs, maxDerived };
  stack.use(
    startCompactorBeside({
      databaseUrl,
      epochs: readFirst,
      settleUs,
      ...stepLimits,
      ...kept,
      compactIntervalMs,
      log,
    }),
  );

  const byCredential =
    options.auth && stack.use(await openAuthentication(options.auth, { database, log })).authorize;
  const authorize = options.tls
    ? bindToCertificates(byCredential, options.tls.rules)
    : byCredential;
  const reads = { database, catalog, descriptions, tail, cursors, epochs };
  const zones = stack.use(new ZoneClocks({ database, version: process.versions.tz!, log }));
  zones.refresh();
  const shared = new SharedMessages((message) =>
    shareFrame(WatchSignalsResponseSchema, message, accessorCodecs),
  );
  const sent = new SentByFeeds();
  const startMs = nowMs();
  for (const { methods } of services) for (const { input } of methods) learnRules(input);
  const server = stack.use(
    await openGrpcServer(
      {
        host: options.host,
        port: options.port,
        maxMessageBytes: batchMessageLimits(limits).maxBytes,
        limitsOf: (method) =>
          method.parent === IngestService ? batchMessageLimits(limits) : requestLimits(method),
        codecs: accessorCodecs,
        drainMs,
        tls: options.tls && secured({ ...options.tls, log }),
        authorize:
          authorize &&
          ((head) =>
            authorize(head).catch((error) => {
              throw toConnectError(error, { method: head.path, log: callLog });
            })),
        validate: checkRules,
        accountOf,
        outgoing,
        connections,
        calls,
        callLimits,
        incoming,
        // A feed's messages are small and encoded once for all subscribers that see the same
        // records.
        compresses: (method) => method !== SignalService.method.watchSignals,
        toError: (error, { method }) =>
          toConnectError(error, { method: method.name, log: callLog }),
        answerTooLarge: (bytes) =>
          new Failure(
            "ANSWER_TOO_LARGE",
            `the response has ${bytes} bytes, but a message may have ${maxSentBytes} at most: ask for less at once`,
            {
              metadata: { max_bytes: String(maxSentBytes) },
            },
          ),
        shutdownReason: () =>
          new Failure("SHUTTING_DOWN", "the server is stopping: connect again", {
            retryAfterMs: 1_000,
          }),
      },
      (mountBare) => {
        const mount: Mount = (service, impl) => mountBare(service, admission.wrap(service, impl));
        const signals = perCall(SignalService, (context) => {
          const own = { ...reads, database: databaseOf(context) };
          const { bookmarkIntervalMs } = options;
          const onZone = (name: string | undefined) => zones.use(name);
          const service = createSignalService({
            reads: own,
            shared,
            sent,
            pageKey,
            bookmarkIntervalMs,
            nowMs,
            onZone,
          });
          return ofOneHistory(service, epochs);
        });
        mount(
          IngestService,
          createIngestService({
            intake,
            catalog,
            cursors,
            maxUndecided: options.maxUndecided ?? 256,
          }),
        );
        mount(SignalService, signals);
        const { machines: maxMachines } = quotas.all;
        mount(MachineService, createMachineService({ ...reads, maxMachines }));
        mount(AccessService, createAccessService());
        const { retentionMs } = options.history;
        const ofStatus = { database, tail, cursors, sent, readiness, ledger, startMs, monotonicMs };
        mount(StatusService, createStatusService({ ...ofStatus, logWindowMs, retentionMs }));
        mount(Health, createHealthService(health));
        mountReflection(mount, services);
      },
    ),
  );
  ledger.count("connections", () => server.connections);
  ledger.count("open calls", () => server.openCalls);
  ledger.count("unread bytes in the transport", () => server.unreadBytes);
  stack.defer(() => health.close());
  log.info("serving", {
    host: options.host,
    port: server.port,
    tls: options.tls !== undefined,
    revision: tail.head.revision,
  });
  const owned = stack.move();
  return { port: server.port, done, ledger, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
