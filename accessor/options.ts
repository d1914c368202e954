// What an accessor is opened with; main.ts takes most of it from settings of the same names.
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
  /** Whether the database was put back to an earlier copy since it last ran. Default false. */
  beginEpoch?: boolean;
  /** Whom to let in; undefined: everyone. */
  auth?: AuthOptions | undefined;
  /** Serve TLS only. Default: in the clear. */
  tls?: { certificates: Certificates; rules: CertificateRules } | undefined;
  log: Log;
  /** How often to ask for other accessors' commits. Default 250 ms. */
  pollMs?: number;
  /** Whether to tell other accessors of commits, and be told, by NOTIFY. Default true. */
  notify?: boolean;
  /** How much of the log's newest end is kept in memory. Default 16 MiB. */
  tailBytes?: number;
  /** The wall clock, for the age of page tokens. Default Date.now. */
  nowMs?: () => number;
};

/** undefined retention: for ever. */
export type HistoryOptions = {
  compactIntervalMs: number;
  logWindowMs: number;
  maxLogBytes: number;
  retentionMs: number | undefined;
  /** In place of retentionMs for some signals. */
  retain?: readonly SignalRetention[];
  rollupRetentionMs: number | undefined;
  /** Records older than this are not taken. Default: any age since 1970. */
  maxAgeMs?: number | undefined;
};
