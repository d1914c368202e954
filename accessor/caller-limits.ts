// Wires the limits on callers: calls at once and per second, unread bytes, database connections,
// new machines and series.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues, HandlerContext } from "@connectrpc/connect";
import {
  isAddressRange,
  isLoopback,
  networkOf,
  plainAddress,
  toAddressSet,
} from "../access/address.ts";
import { createRefusalAudit } from "../access/audit.ts";
import { FairQueue } from "../access/fair-queue.ts";
import { TokenBuckets } from "../access/token-buckets.ts";
import type { CallRefusal } from "../runtime/grpc/call-refusal.ts";
import {
  type CallLimitName,
  type CallLimits,
  defaultCallLimits,
} from "../runtime/grpc/call-starts.ts";
import type { ConnectionLimits } from "../runtime/grpc/connections.ts";
import type { ByteAccount, OutgoingOptions } from "../runtime/grpc/outgoing.ts";
import type { GrpcServerOptions } from "../runtime/grpc/server.ts";
import type { Log } from "../runtime/log.ts";
import { createShareHolderOf, shareHolderKey } from "./access/share-holder.ts";
import { Failure } from "./domain/failure.ts";
import { Ledger, logRefusals } from "./domain/ledger.ts";
import { Spread } from "./ingest/spread.ts";
import { Admission, type CallKind } from "./rpc/admission.ts";
import { toConnectError } from "./rpc/errors.ts";
import type { Database } from "./store/database.ts";
import type { Quotas } from "./store/series.ts";
import { SharedDatabase } from "./store/shared-database.ts";
import { UnreadBytes } from "./unread.ts";

export type CallerLimits = {
  /**
   * Most simultaneous calls of one caller by kind, where it differs from the default; all callers
   * together may have twice as many.
   */
  maxCalls?: Partial<Record<CallKind, number>>;
  /**
   * Calls a second of one caller; a burst may be as large as the calls of ten seconds. Default
   * 5,000; 0 for no bound.
   */
  callsPerSecond?: number;
  /**
   * Minutes of signals a second that one caller's batches may cover, beyond the first of each
   * signal in a batch; a burst may be thirty seconds' worth. A process of this machine without a
   * credential has no such bound. Default 2,000; 0 for no bound.
   */
  minutesPerSecond?: number;
  /**
   * Most unread bytes of all callers together, and how long a MiB of them may wait. Default 256
   * MiB, 60 s.
   */
  maxUnreadBytes?: number;
  unreadTimeoutMs?: number;
  /**
   * Most bytes of all requests larger than 4 KiB, each counted from its first byte until its
   * handler has finished with it; one caller may have half of it. Default 128 MiB.
   */
  maxIncomingBytes?: number;
  /**
   * How long such a request may take to arrive, in addition to its time at 8 KiB/s. Default 30 s.
   */
  incomingMs?: number;
  /** Samples that may be decoded for one answer that is not a stream. Default 500,000,000. */
  maxQuestionSamples?: number;
  /**
   * How many machines and series one caller may register, and all together. A process of this
   * machine without a credential may use the whole total. Default 2,000 and 10,000; 20,000 and
   * 100,000.
   */
  maxMachinesPerKey?: number;
  maxSeriesPerKey?: number;
  maxMachines?: number;
  maxSeries?: number;
  /**
   * Connections of one address (IPv6: a network of 64 bits), and all. Those of this machine count
   * only towards the total. Default 1,000; 10,000.
   */
  addressConnections?: number;
  maxConnections?: number;
  /**
   * Open calls, also before their first message; one address may have half as many. Default 32,768.
   */
  maxOpenCalls?: number;
  /**
   * Gateways that are trusted to report the client's address: addresses, ranges, names of
   * certificates. Default: only this machine's.
   */
  trustedGateways?: readonly string[];
};

export type OpenLimits = Disposable & {
  readonly ledger: Ledger;
  readonly admission: Admission;
  /** The account of all the bytes that a caller has not read yet. */
  accountOf(context: HandlerContext): ByteAccount;
  readonly outgoing: OutgoingOptions;
  readonly incoming: NonNullable<GrpcServerOptions["incoming"]>;
  readonly quotas: Quotas;
  readonly spread: Spread;
  readonly connections: ConnectionLimits;
  readonly calls: CallRefusal;
  readonly callLimits: CallLimits;
  /** The database as the caller of a method may use it. */
  databaseOf(call: { values: ContextValues; method: DescMethod }): Database;
};

// Queries and ranges share a dozen database connections; a range takes some megabytes, a feed a
// position, a producer a window.
const defaultCalls: Record<CallKind, number> = {
  queries: 128,
  ranges: 16,
  feeds: 10_000,
  producers: 2_000,
  batches: 256,
  others: 1_000,
};
const deadlines = { defaultDeadlineMs: 30_000, maxDeadlineMs: 120_000 };

export function openCallerLimits(
  options: CallerLimits & { authenticates: boolean },
  { database, log }: { database: Database; log: Log },
): OpenLimits {
  const {
    callsPerSecond = 5_000,
    maxUnreadBytes = 256 * 1024 * 1024,
    unreadTimeoutMs = 60_000,
  } = options;
  const { minutesPerSecond = 2_000, maxOpenCalls = defaultCallLimits.maxOpen } = options;
  const { maxQuestionSamples = 500_000_000, trustedGateways = [], authenticates } = options;
  const { maxIncomingBytes = 128 * 1024 * 1024, incomingMs = 30_000 } = options;
  const room = new FairQueue({
    max: maxIncomingBytes,
    maxPerCaller: Math.floor(maxIncomingBytes / 2),
  });
  const shareHolderOf = createShareHolderOf({ trustedGateways, authenticates });
  const ledger = new Ledger();
  const monotonicMs = () => performance.now();
  ledger.count("bytes of requests", () => room.used);
  ledger.count("requests that wait for room", () => room.waiting);
  const unread = new UnreadBytes(maxUnreadBytes);
  ledger.count("unread bytes", () => unread.bytes);
  ledger.count("streams waiting for room", () => unread.waiting);
  const admission = new Admission({
    hasRoomForAnswer: (holder) => unread.hasRoomForAnswer(holder),
    max: { ...defaultCalls, ...options.maxCalls },
    rate:
      callsPerSecond === 0 ? undefined : { perSecond: callsPerSecond, burst: 10 * callsPerSecond },
    shareHolderOf,
    ...deadlines,
    ledger,
    monotonicMs,
  });
  const shared = new SharedDatabase(database, ledger);
  const isGateway = toAddressSet(trustedGateways.filter(isAddressRange));
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs,
    what: "connection",
  });
  const refusals = logRefusals(ledger, { log });
  return {
    ledger,
    admission,
    accountOf: ({ values }) => unread.accountOf(values.get(shareHolderKey)),
    outgoing: {
      stallMs: unreadTimeoutMs,
      stalled: slowReader,
      onStalled: () => ledger.refuse("unread-bytes"),
    },
    incoming: {
      room,
      stallMs: incomingMs,
      callerOf: shareHolderOf,
      tooSlow: () => {
        ledger.refuse("incoming-rate");
        return slowWriter();
      },
      tooSmall: () => {
        ledger.refuse("small-messages");
        return smallMessages();
      },
    },
    quotas: toQuotas(options),
    spread: new Spread({
      buckets: new TokenBuckets({
        perSecond: minutesPerSecond,
        burst: 30 * minutesPerSecond,
        monotonicMs,
      }),
      isExempt: (holder) => minutesPerSecond === 0 || isLocal(holder),
      onRefused: (limit) => ledger.refuse(limit),
    }),
    connections: {
      maxConnections: options.maxConnections ?? 10_000,
      maxPerAddress: options.addressConnections ?? 1_000,
      groupOf: (address) => networkOf(plainAddress(address)),
      isExempt: (address) => isLoopback(plainAddress(address)) || isGateway(plainAddress(address)),
      onRefused: ({ limit, peer }) => {
        ledger.refuse(limit);
        audit({ reason: limit, peer });
      },
    },
    callLimits: {
      ...defaultCallLimits,
      maxOpen: maxOpenCalls,
      maxOpenPerGroup: Math.ceil(maxOpenCalls / 2),
    },
    calls: {
      refusalOf: (limit) => toConnectError(tooManyCalls(limit), { method: "", log }),
      onRefused: (limit) => ledger.refuse(limit),
    },
    databaseOf({ values, method }) {
      // A range may have any length: it is sent while it is read.
      const maxSamples = method.methodKind === "unary" ? maxQuestionSamples : undefined;
      return shared.as(values.get(shareHolderKey), { maxSamples });
    },
    [Symbol.dispose]: () => refusals[Symbol.dispose](),
  };
}

function toQuotas(options: CallerLimits): Quotas {
  const all = { machines: options.maxMachines ?? 20_000, series: options.maxSeries ?? 100_000 };
  const own = {
    machines: options.maxMachinesPerKey ?? 2_000,
    series: options.maxSeriesPerKey ?? 10_000,
  };
  return { all, of: (holder) => (isLocal(holder) ? all : own) };
}

/** A process of this machine without a credential. */
function isLocal(holder: string): boolean {
  return holder.startsWith("address ") && isLoopback(holder.slice(8));
}

function tooManyCalls(limit: CallLimitName): Failure {
  const message = {
    "open-calls": "your address, or this server as a whole, has too many open calls: end some",
    "incomplete-calls":
      "your address, or this server as a whole, has too many open calls with an incomplete request: complete or end some",
    "waiting-calls":
      "this server has too many calls waiting to begin: try again after the delay in RetryInfo",
  }[limit];
  return new Failure("OVERLOADED", message, { metadata: { limit }, retryAfterMs: 1_000 });
}

function slowWriter(): Failure {
  const message =
    "the request stalled, or arrived at less than 8 KiB a second: send it again, faster or in parts";
  return new Failure("DEADLINE_EXCEEDED", message, {
    metadata: { limit: "incoming-rate" },
    retryAfterMs: 1_000,
  });
}

function smallMessages(): Failure {
  const message = "the call sends too many messages of less than 16 bytes: send more in each";
  return new Failure("RATE_LIMITED", message, {
    metadata: { limit: "small-messages" },
    retryAfterMs: 1_000,
  });
}

function slowReader(): Failure {
  const message =
    "the stream was closed because the client stopped reading it: connect again and resume after the last message";
  return new Failure("SLOW_READER", message, {
    metadata: { limit: "unread-bytes" },
    retryAfterMs: 1_000,
  });
}
