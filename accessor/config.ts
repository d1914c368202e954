// What the accessor can be told, by flag or environment.
import { setting } from "../runtime/config.ts";
import { bytes, durationMs, listenAddress, onOff, url, type ValueReader } from "../runtime/config-values.ts";
import { signalPattern } from "./ingest/bounds.ts";
import type { SignalRetention } from "./retention.ts";

const atLeastAnHour = durationMs({ minMs: 3_600_000 });

const signalRetention: ValueReader<SignalRetention> = {
  placeholder: "SIGNAL=TIME",
  expects: "a signal and a length of time of at least an hour, such as power=30d",
  read(value) {
    const [signal = "", time = "", ...rest] = value.split("=");
    const ms = atLeastAnHour.read(time);
    return signalPattern.test(signal) && ms !== undefined && rest.length === 0 ? { signal, ms } : undefined;
  },
};

export const accessorSettings = {
  listen: setting({
    flag: "listen",
    env: "MILLRACE_GRPC_LISTEN",
    parse: listenAddress(),
    default: "127.0.0.1:50051",
    doc: "where to serve gRPC; port 0 for any free one",
  }),
  insecureListen: setting({
    flag: "insecure-listen",
    env: "MILLRACE_INSECURE_LISTEN",
    parse: onOff(),
    doc: "serve without TLS and authentication on an address that others can reach",
  }),
  databaseUrl: setting({
    flag: "database-url",
    env: "DATABASE_URL",
    parse: url({ schemes: ["postgres", "postgresql"] }),
    doc: "the PostgreSQL database; created if it does not exist. Prefer the environment: others can see flags",
  }),
  bookmarkInterval: setting({
    flag: "bookmark-interval",
    env: "MILLRACE_BOOKMARK_INTERVAL",
    parse: durationMs({ minMs: 10, maxMs: 60_000 }),
    default: "5s",
    doc: "how often a live feed says where it is while nothing matches",
  }),
  maxInFlight: setting({
    flag: "max-in-flight",
    env: "MILLRACE_MAX_IN_FLIGHT",
    parse: bytes({ minBytes: 1024 * 1024 }),
    default: "96MiB",
    doc: "what all producers together may have undecided; beyond it, they are read no further",
  }),
  compactInterval: setting({
    flag: "compact-interval",
    env: "MILLRACE_COMPACT_INTERVAL",
    parse: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: "10s",
    doc: "how often the log's newest end is compacted into the history",
  }),
  logWindow: setting({
    flag: "log-window",
    env: "MILLRACE_LOG_WINDOW",
    parse: durationMs({ minMs: 60_000 }),
    default: "24h",
    doc: "how far back live feeds can resume",
  }),
  maxLog: setting({
    flag: "max-log",
    env: "MILLRACE_MAX_LOG",
    parse: bytes({ minBytes: 64 * 1024 * 1024 }),
    default: "20GiB",
    doc: "how large the log may grow before feeds can resume less far back",
  }),
  retention: setting({
    flag: "retention",
    env: "MILLRACE_RETENTION",
    parse: atLeastAnHour,
    optional: true,
    doc: "how long samples, states and errors are kept; for ever if not given",
  }),
  retain: setting({
    flag: "retain",
    env: "MILLRACE_RETAIN",
    parse: signalRetention,
    repeat: true,
    doc: "how long one signal is kept, in place of --retention: power=30d, state=5000d",
  }),
  rollupRetention: setting({
    flag: "rollup-retention",
    env: "MILLRACE_ROLLUP_RETENTION",
    parse: atLeastAnHour,
    optional: true,
    doc: "how long hourly roll-ups are kept; for ever if not given",
  }),
};
