// The accessor's settings, by flag or environment.
import { ConfigError, type SettingsOf, setting } from "../runtime/config.ts";
import {
  bytes,
  count,
  durationMs,
  listenAddress,
  oneOf,
  onOff,
  text,
  url,
  type ValueReader,
} from "../runtime/config-values.ts";
import { listeningSettings } from "../runtime/tls/listening.ts";
import type { AuthOptions } from "./access/authenticate.ts";
import type { CertificateRules } from "./access/certificates.ts";
import type { SignalRetention } from "./domain/retention.ts";
import { signalPattern } from "./ingest/name-patterns.ts";
import { limitSettings } from "./limit-settings.ts";

const atLeastAnHour = durationMs({ minMs: 3_600_000 });

const anyAge = "unlimited";
const age: ValueReader<number> = {
  placeholder: "TIME",
  expects: `a length of time of at least an hour, such as 366d, or ${anyAge}`,
  read: (value) => (value === anyAge ? Number.POSITIVE_INFINITY : atLeastAnHour.read(value)),
};

const signalRetention: ValueReader<SignalRetention> = {
  placeholder: "SIGNAL=TIME",
  expects: "a signal and a length of time of at least an hour, such as power=30d",
  read(value) {
    const [signal = "", time = "", ...rest] = value.split("=");
    const ms = atLeastAnHour.read(time);
    return signalPattern.test(signal) && ms !== undefined && rest.length === 0
      ? { signal, ms }
      : undefined;
  },
};

const clientName = text({
  placeholder: "NAME",
  expects:
    "a DNS name in lower case or a URI, with * for any characters, such as gateway or mill-*",
  pattern: /^[^A-Z\s,]+$|^[a-z][a-z0-9+.-]*:[^\s,]+$/,
  maxLength: 500,
});

export const accessorSettings = {
  listen: setting({
    flag: "listen",
    env: "MILLRACE_GRPC_LISTEN",
    parse: listenAddress(),
    default: "127.0.0.1:50051",
    doc: "address to serve gRPC on; port 0 picks any free port",
  }),
  ...listeningSettings,
  tlsClientName: setting({
    flag: "tls-client-name",
    env: "MILLRACE_TLS_CLIENT_NAME",
    parse: clientName,
    repeat: true,
    doc: "with --tls-client-ca: a name (DNS or URI of a certificate) that may connect, * for any characters; all if not given",
  }),
  tlsProducerName: setting({
    flag: "tls-producer-name",
    env: "MILLRACE_TLS_PRODUCER_NAME",
    parse: clientName,
    repeat: true,
    doc: "the same for producers: they may connect too, and each producer id must be a name in their certificate",
  }),
  auth: setting({
    flag: "auth",
    env: "MILLRACE_AUTH",
    parse: oneOf(["off", "keys"]),
    default: "off",
    doc: "whether every call needs a key (see npm run keys) or a token",
  }),
  jwtIssuer: setting({
    flag: "jwt-issuer",
    env: "MILLRACE_JWT_ISSUER",
    parse: text({ placeholder: "ISSUER" }),
    optional: true,
    doc: "with --auth keys, also accept JSON Web Tokens of this issuer",
  }),
  jwtAudience: setting({
    flag: "jwt-audience",
    env: "MILLRACE_JWT_AUDIENCE",
    parse: text({ placeholder: "AUDIENCE" }),
    optional: true,
    doc: "the audience that tokens must name",
  }),
  jwtJwksUrl: setting({
    flag: "jwt-jwks-url",
    env: "MILLRACE_JWT_JWKS_URL",
    parse: url({ schemes: ["https", "http"] }),
    optional: true,
    doc: "where the issuer publishes its keys; http only on this machine",
  }),
  databaseUrl: setting({
    flag: "database-url",
    env: "DATABASE_URL",
    parse: url({ schemes: ["postgres", "postgresql"] }),
    doc: "the PostgreSQL database; created if it does not exist. Prefer the environment: others can see flags",
  }),
  bookmarkIntervalMs: setting({
    flag: "bookmark-interval",
    env: "MILLRACE_BOOKMARK_INTERVAL",
    parse: durationMs({ minMs: 10, maxMs: 60_000 }),
    default: "5s",
    doc: "how often a live feed sends its cursor while nothing matches",
  }),
  maxInFlightBytes: setting({
    flag: "max-in-flight",
    env: "MILLRACE_MAX_IN_FLIGHT",
    parse: bytes({ minBytes: 1024 * 1024 }),
    default: "96MiB",
    doc: "maximum bytes of undecided batches in flight, of all producers; beyond it the accessor stops reading",
  }),
  maxProducers: setting({
    flag: "max-producers",
    env: "MILLRACE_MAX_PRODUCERS",
    parse: count({ min: 1, max: 1_000_000_000 }),
    default: "10000",
    doc: "maximum number of producer ids that one key or token subject may register; without authentication, ten times as many for all clients together",
  }),
  idempotencyWindowMs: setting({
    flag: "idempotency-window",
    env: "MILLRACE_IDEMPOTENCY_WINDOW",
    parse: durationMs({ minMs: 3_600_000 }),
    default: "7d",
    doc: "how long, at least, an Idempotency-Key is remembered after its first use",
  }),
  ...limitSettings,
  compactIntervalMs: setting({
    flag: "compact-interval",
    env: "MILLRACE_COMPACT_INTERVAL",
    parse: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: "1m",
    doc: "how often the log's newest end is compacted into the history",
  }),
  logWindowMs: setting({
    flag: "log-window",
    env: "MILLRACE_LOG_WINDOW",
    parse: durationMs({ minMs: 60_000 }),
    default: "24h",
    doc: "how far back live feeds can resume",
  }),
  maxLogBytes: setting({
    flag: "max-log",
    env: "MILLRACE_MAX_LOG",
    parse: bytes({ minBytes: 64 * 1024 * 1024 }),
    default: "20GiB",
    doc: "how large the log may grow before feeds can resume less far back",
  }),
  retentionMs: setting({
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
  rollupRetentionMs: setting({
    flag: "rollup-retention",
    env: "MILLRACE_ROLLUP_RETENTION",
    parse: atLeastAnHour,
    optional: true,
    doc: "how long hourly roll-ups are kept; for ever if not given",
  }),
  maxAgeMs: setting({
    flag: "max-age",
    env: "MILLRACE_MAX_AGE",
    parse: age,
    default: "366d",
    doc: "maximum age of a record; older ones are rejected. unlimited: to import old records",
  }),
  beginEpoch: setting({
    flag: "begin-epoch",
    env: "MILLRACE_BEGIN_EPOCH",
    parse: onOff(),
    doc: "start once with this after restoring an older copy of the data folder: cursors from after that copy are then refused with CURSOR_FOREIGN",
  }),
};

/** Who may connect, and as which principal. Throws ConfigError if the names would never be used. */
export function toCertificateRules({
  tlsClientCa,
  tlsClientName: clientNames,
  tlsProducerName: producerNames,
}: Pick<
  SettingsOf<typeof accessorSettings>,
  "tlsClientCa" | "tlsClientName" | "tlsProducerName"
>): CertificateRules {
  if (tlsClientCa === undefined && clientNames.length + producerNames.length > 0)
    throw new ConfigError(["--tls-client-name and --tls-producer-name need --tls-client-ca"]);
  return { clientNames, producerNames };
}

/**
 * How to authenticate; undefined: not at all. Throws ConfigError if the settings for tokens
 * contradict each other.
 */
export function toAuth({
  auth,
  jwtIssuer: issuer,
  jwtAudience: audience,
  jwtJwksUrl: jwksUrl,
}: Pick<SettingsOf<typeof accessorSettings>, "auth" | "jwtIssuer" | "jwtAudience" | "jwtJwksUrl">):
  | AuthOptions
  | undefined {
  const jwtSettings = [issuer, audience, jwksUrl].filter((one) => one !== undefined);
  if (jwtSettings.length > 0 && auth === "off")
    throw new ConfigError(["the --jwt-… settings need --auth keys"]);
  if (auth === "off") return undefined;
  if (jwtSettings.length === 0) return {};
  if (issuer === undefined || audience === undefined || jwksUrl === undefined)
    throw new ConfigError([
      "--jwt-issuer, --jwt-audience and --jwt-jwks-url must be given together",
    ]);
  const { protocol, hostname } = new URL(jwksUrl);
  if (protocol === "http:" && !["127.0.0.1", "localhost", "[::1]"].includes(hostname))
    throw new ConfigError([
      "--jwt-jwks-url must be https: over http, anyone on the network path could substitute keys",
    ]);
  return { tokens: { issuer, audience, jwksUrl } };
}
