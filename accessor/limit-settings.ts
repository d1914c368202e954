// The accessor's settings for the limits of callers, by flag or environment.
import { isAddressRange } from "../access/address.ts";
import { setting } from "../runtime/config.ts";
import { bytes, count, durationMs, type ValueReader } from "../runtime/config-values.ts";

const gateway: ValueReader<string> = {
  placeholder: "ADDRESS|NAME",
  expects:
    "an address or range such as 10.0.0.7 or 10.0.0.0/8, or a certificate's name such as gateway.example, * for any characters",
  read: (value) => (isAddressRange(value) || /^[^A-Z\s,/]{1,500}$/.test(value) ? value : undefined),
};

const limit = (names: { flag: string; env: string }, fallback: string, doc: string) =>
  setting({ ...names, parse: count({ min: 1 }), default: fallback, doc });

export const limitSettings = {
  callsPerSecond: setting({
    flag: "calls-per-second",
    env: "MILLRACE_CALLS_PER_SECOND",
    parse: count(),
    default: "5000",
    doc: "maximum calls a second by one caller (key, certificate or address); 0 for no limit",
  }),
  minutesPerSecond: setting({
    flag: "minutes-per-second",
    env: "MILLRACE_MINUTES_PER_SECOND",
    parse: count(),
    default: "2000",
    doc: "maximum minutes of signals a second that one caller's batches may spread over, beyond the first of each signal in a batch; 30 seconds' worth at once; 0 for no limit; local clients without a key have none",
  }),
  maxSeriesPerKey: limit(
    { flag: "max-series-per-key", env: "MILLRACE_MAX_SERIES_PER_KEY" },
    "10000",
    "maximum number of series (signals of machines) that one caller may register; local clients without a key are bound by --max-series only",
  ),
  maxMachinesPerKey: limit(
    { flag: "max-machines-per-key", env: "MILLRACE_MAX_MACHINES_PER_KEY" },
    "2000",
    "maximum number of machines that one caller may register; local clients without a key are bound by --max-machines only",
  ),
  maxSeries: limit(
    { flag: "max-series", env: "MILLRACE_MAX_SERIES" },
    "100000",
    "maximum number of series (signals of machines) of all callers; each takes about 3 KB of memory",
  ),
  maxMachines: limit(
    { flag: "max-machines", env: "MILLRACE_MAX_MACHINES" },
    "20000",
    "maximum number of machines of all callers",
  ),
  maxUnreadBytes: setting({
    flag: "max-unread",
    env: "MILLRACE_MAX_UNREAD",
    parse: bytes({ minBytes: 4 * 1024 * 1024 }),
    default: "256MiB",
    doc: "maximum bytes sent but not yet read, of all callers; a single caller gets at most half of it",
  }),
  unreadTimeoutMs: setting({
    flag: "unread-timeout",
    env: "MILLRACE_UNREAD_TIMEOUT",
    parse: durationMs({ minMs: 1_000, maxMs: 3_600_000 }),
    default: "60s",
    doc: "how long the client may take to read a message, for each MiB of it; then the call ends with SLOW_READER",
  }),
  maxQuestionSamples: limit(
    { flag: "max-question-samples", env: "MILLRACE_MAX_QUESTION_SAMPLES" },
    "500000000",
    "maximum number of samples decoded for one response that is not a stream; beyond it QUESTION_TOO_LARGE",
  ),
  maxConnections: limit(
    { flag: "max-connections", env: "MILLRACE_ACCESSOR_MAX_CONNECTIONS" },
    "10000",
    "maximum number of open connections",
  ),
  addressConnections: limit(
    { flag: "address-connections", env: "MILLRACE_ACCESSOR_ADDRESS_CONNECTIONS" },
    "1000",
    "maximum number of open connections of one address (IPv6: a /64); this machine and trusted gateways are bound by --max-connections only",
  ),
  trustedGateways: setting({
    flag: "trusted-gateway",
    env: "MILLRACE_TRUSTED_GATEWAY",
    parse: gateway,
    repeat: true,
    doc: "a gateway whose millrace-forwarded-client header is believed: it names the client of a call without a credential. Gateways on this machine are trusted unless --auth is keys",
  }),
};
