// The settings for limits on clients, and the limits computed from them.
import { type SettingsOf, setting } from "../../runtime/config.ts";
import {
  bytes,
  count,
  durationMs,
  oneOf,
  onOff,
  type ValueReader,
} from "../../runtime/config-values.ts";
import { forwardedHeaders, isAddressRange, type TrustedProxies } from "../caller/client-address.ts";
import { type ConnectionLimits, defaultConnectionLimits } from "../http/connections.ts";
import { defaultShares, type ShareLimits } from "./caller-shares.ts";
import type { ClientLimits, LimiterOptions } from "./limiter.ts";

export type GatewayLimits = LimiterOptions & {
  connections: ConnectionLimits;
  trustedProxies: TrustedProxies;
  /** Resources that all callers share, with a share for each. */
  shares: ShareLimits;
  /** Whether the limits of addresses apply to addresses of this machine. */
  limitLoopback: boolean;
};

const nothing: ClientLimits = { requests: undefined, samples: undefined, streams: undefined };

/**
 * No limits by client: for tests, and for programs that open a gateway themselves.
 */
export const unlimited: GatewayLimits = {
  perKey: nothing,
  perAddress: nothing,
  connections: defaultConnectionLimits,
  trustedProxies: { addresses: [] },
  shares: defaultShares,
  limitLoopback: false,
};

const addressRange: ValueReader<string> = {
  placeholder: "ADDRESS",
  expects: "an address or a range such as 10.0.0.7, 10.0.0.0/8 or fd00::/8",
  read: (value) => (isAddressRange(value) ? value : undefined),
};

const noLimitAtZero = "; 0 for no limit";

export const limitSettings = {
  keyRequestsPerSecond: setting({
    flag: "key-requests-per-second",
    env: "MILLRACE_KEY_REQUESTS_PER_SECOND",
    parse: count(),
    default: "500",
    doc: `how many requests a second one key or token may make${noLimitAtZero}`,
  }),
  keySamplesPerSecond: setting({
    flag: "key-samples-per-second",
    env: "MILLRACE_KEY_SAMPLES_PER_SECOND",
    parse: count(),
    default: "1000000",
    doc: `how many records a second one key or token may send${noLimitAtZero}`,
  }),
  keyStreams: setting({
    flag: "key-streams",
    env: "MILLRACE_KEY_STREAMS",
    parse: count(),
    default: "1000",
    doc: `how many streams (feeds, exports, ingest) one key or token may have open${noLimitAtZero}`,
  }),
  addressRequestsPerSecond: setting({
    flag: "address-requests-per-second",
    env: "MILLRACE_ADDRESS_REQUESTS_PER_SECOND",
    parse: count(),
    default: "500",
    doc: `how many requests a second one client address (IPv6: a /64) may make${noLimitAtZero}`,
  }),
  addressSamplesPerSecond: setting({
    flag: "address-samples-per-second",
    env: "MILLRACE_ADDRESS_SAMPLES_PER_SECOND",
    parse: count(),
    default: "1000000",
    doc: `how many records a second one client address may send without a key or token${noLimitAtZero}`,
  }),
  addressStreams: setting({
    flag: "address-streams",
    env: "MILLRACE_ADDRESS_STREAMS",
    parse: count(),
    default: "1000",
    doc: `how many streams one client address may have open${noLimitAtZero}`,
  }),
  rateBurstMs: setting({
    flag: "rate-burst",
    env: "MILLRACE_RATE_BURST",
    parse: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: "10s",
    doc: "burst: after a pause, as much may arrive at once as the rate allows in this time",
  }),
  maxConnections: setting({
    flag: "max-connections",
    env: "MILLRACE_MAX_CONNECTIONS",
    parse: count({ min: 1 }),
    default: "10000",
    doc: "maximum number of open connections",
  }),
  addressConnections: setting({
    flag: "address-connections",
    env: "MILLRACE_ADDRESS_CONNECTIONS",
    parse: count(),
    default: "1000",
    doc: `maximum number of open connections of one client address${noLimitAtZero}`,
  }),
  headerTimeoutMs: setting({
    flag: "header-timeout",
    env: "MILLRACE_HEADER_TIMEOUT",
    parse: durationMs({ minMs: 100, maxMs: 600_000 }),
    default: "15s",
    doc: "how long the headers of a request may take to arrive",
  }),
  bodyTimeoutMs: setting({
    flag: "body-timeout",
    env: "MILLRACE_BODY_TIMEOUT",
    parse: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: "30s",
    doc: "how long a body may stall; a body that is read as a whole must then also arrive at 8 KiB/s on average",
  }),
  idleTimeoutMs: setting({
    flag: "idle-timeout",
    env: "MILLRACE_IDLE_TIMEOUT",
    parse: durationMs({ minMs: 100, maxMs: 3_600_000 }),
    default: "75s",
    doc: "how long a connection may stay without a request",
  }),
  maxExports: setting({
    flag: "max-exports",
    env: "MILLRACE_MAX_EXPORTS",
    parse: count({ min: 1 }),
    default: String(defaultShares.maxExports),
    doc: "maximum number of concurrent exports (ranges streamed as NDJSON, as CSV or by ReadSignals); a single caller gets at most a quarter",
  }),
  maxFeeds: setting({
    flag: "max-feeds",
    env: "MILLRACE_MAX_FEEDS",
    parse: count({ min: 1 }),
    default: String(defaultShares.maxFeeds),
    doc: "maximum number of open live feeds; a single caller gets at most half",
  }),
  maxIngestStreams: setting({
    flag: "max-ingest-streams",
    env: "MILLRACE_MAX_INGEST_STREAMS",
    parse: count({ min: 1 }),
    default: String(defaultShares.maxIngestStreams),
    doc: "maximum number of open streams that send records; a single caller gets at most half",
  }),
  bodyBytes: setting({
    flag: "body-bytes",
    env: "MILLRACE_BODY_BYTES",
    parse: bytes(),
    default: "256MiB",
    doc: "maximum bytes of request bodies held until they are answered or forwarded; a single caller gets at most half",
  }),
  unreadBytes: setting({
    flag: "unread-bytes",
    env: "MILLRACE_UNREAD_BYTES",
    parse: bytes(),
    default: "256MiB",
    doc: "maximum bytes of responses that clients have not read yet; a single caller gets at most half",
  }),
  readerTimeoutMs: setting({
    flag: "reader-timeout",
    env: "MILLRACE_READER_TIMEOUT",
    parse: durationMs({ minMs: 1_000, maxMs: 3_600_000 }),
    default: "2m",
    doc: "how long a client may read nothing of a response before it ends with SLOW_READER, plus the time that the waiting bytes take at 8 KiB/s",
  }),
  limitLoopback: setting({
    flag: "limit-loopback",
    env: "MILLRACE_LIMIT_LOOPBACK",
    parse: onOff(),
    doc: "apply the limits of addresses to addresses of this machine too",
  }),
  trustedProxies: setting({
    flag: "trusted-proxy",
    env: "MILLRACE_TRUSTED_PROXY",
    parse: addressRange,
    repeat: true,
    doc: "a proxy whose forwarded header is trusted to name the client's address",
  }),
  forwardedHeader: setting({
    flag: "forwarded-header",
    env: "MILLRACE_FORWARDED_HEADER",
    parse: oneOf(forwardedHeaders),
    default: "x-forwarded-for",
    doc: "the header that trusted proxies append the client's address to",
  }),
};

export function toLimits(settings: SettingsOf<typeof limitSettings>): GatewayLimits {
  const { rateBurstMs } = settings;
  const rate = (perSecond: number) =>
    perSecond === 0
      ? undefined
      : { perSecond, burst: Math.max(1, (perSecond * rateBurstMs) / 1_000) };
  return {
    perKey: {
      requests: rate(settings.keyRequestsPerSecond),
      samples: rate(settings.keySamplesPerSecond),
      streams: settings.keyStreams || undefined,
    },
    perAddress: {
      requests: rate(settings.addressRequestsPerSecond),
      samples: rate(settings.addressSamplesPerSecond),
      streams: settings.addressStreams || undefined,
    },
    connections: {
      maxConnections: settings.maxConnections,
      addressConnections: settings.addressConnections || Number.POSITIVE_INFINITY,
      headerTimeoutMs: settings.headerTimeoutMs,
      idleTimeoutMs: settings.idleTimeoutMs,
    },
    trustedProxies: { addresses: settings.trustedProxies, header: settings.forwardedHeader },
    shares: {
      maxExports: settings.maxExports,
      maxFeeds: settings.maxFeeds,
      maxIngestStreams: settings.maxIngestStreams,
      bodyBytes: settings.bodyBytes,
      unreadBytes: settings.unreadBytes,
    },
    limitLoopback: settings.limitLoopback,
  };
}
