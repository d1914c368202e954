// The options of an accessor; main.ts takes most of them from settings of the same names.
import type { Log } from "../runtime/log.ts";
import type { Certificates } from "../runtime/tls/certificates.ts";
import type { AuthOptions } from "./access/authenticate.ts";
import type { CertificateRules } from "./access/certificates.ts";
import type { CallerLimits } from "./caller-limits.ts";
import type { SignalRetention } from "./domain/retention.ts";
import type { ProducerOptions } from "./ingest/producer-limits.ts";

export type AccessorOptions = CallerLimits & {
  host: string;
  /** 0 for any free port. */
  port: number;
  databaseUrl: string;
  bookmarkIntervalMs: number;
  maxInFlightBytes: number;
  /** Batches of one stream that may be undecided at once. Default 256. */
  maxUndecided?: number;
  history: HistoryOptions;
  /** Default 10,000 producers, 7 days. */
  producers?: ProducerOptions | undefined;
  /** Whether the database was restored to an earlier copy since its last run. Default false. */
  beginEpoch?: boolean;
  /** Which callers to admit; undefined: all. */
  auth?: AuthOptions | undefined;
  /** Serve TLS only. Default: plaintext. */
  tls?: { certificates: Certificates; rules: CertificateRules } | undefined;
  log: Log;
  /** How often to poll for other accessors' commits. Default 250 ms. */
  pollMs?: number;
  /**
   * Whether to notify other accessors of commits, and to listen for theirs, by NOTIFY. Default
   * true.
   */
  notify?: boolean;
  /** How many bytes of the log's newest end are kept in memory. Default 16 MiB. */
  tailBytes?: number;
  /** The wall clock, for the age of page tokens. Default Date.now. */
  nowMs?: () => number;
};

/** undefined retention: records are kept for ever. */
export type HistoryOptions = {
  compactIntervalMs: number;
  logWindowMs: number;
  maxLogBytes: number;
  retentionMs: number | undefined;
  /** Overrides retentionMs for some signals. */
  retain?: readonly SignalRetention[];
  rollupRetentionMs: number | undefined;
  /** Records older than this are refused. Default: any age since 1970. */
  maxAgeMs?: number | undefined;
};
