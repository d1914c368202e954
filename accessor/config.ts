// What the accessor can be told, by flag or environment.
import { setting } from "../runtime/config.ts";
import { bytes, durationMs, listenAddress, onOff, url } from "../runtime/config-values.ts";

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
};
