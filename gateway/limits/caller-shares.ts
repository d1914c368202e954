// Resources that callers share at the gateway, each with a bound for all callers and a share for
// one: streams of three kinds, bytes of bodies, bytes of unread answers. It decides and gives the
// reason of a refusal; borrowers dispose of their loans.
import { Code, type ConnectError } from "@connectrpc/connect";
import { Loan, Shares, type Shortage } from "../../access/shares.ts";
import { type Caller, shareName } from "../caller/caller.ts";
import { reasonError } from "../errors/reasons.ts";

/** The bound on each, for all callers together. */
export type ShareLimits = {
  /** Streamed ranges: NDJSON, CSV, ReadSignals. */
  maxExports: number;
  /** Live feeds. */
  maxFeeds: number;
  /** Bodies and calls that send records without a time limit. */
  maxIngestStreams: number;
  /**
   * Bytes of bodies, from their first byte to their answer, or until those of a stream have been
   * passed on.
   */
  bodyBytes: number;
  /** Bytes of answers that wait for their clients to read them. */
  unreadBytes: number;
};

export const defaultShares: ShareLimits = {
  maxExports: 64,
  maxFeeds: 10_000,
  maxIngestStreams: 2_000,
  bodyBytes: 256 * 1024 * 1024,
  unreadBytes: 256 * 1024 * 1024,
};

export type StreamKind = "exports" | "feeds" | "ingests" | "others";
export type ByteKind = "bodies" | "unread-bytes";
type Kind = StreamKind | ByteKind;

const retryMs = 1_000;
/** The resource that is short, and the setting that bounds it. */
const words: Record<Kind, string> = {
  exports: "concurrent exports (--max-exports)",
  feeds: "open live feeds (--max-feeds)",
  ingests: "open streams of records (--max-ingest-streams)",
  others: "other open streams",
  bodies: "bytes of request bodies (--body-bytes)",
  "unread-bytes": "bytes of unread responses (--unread-bytes)",
};

export class CallerShares {
  readonly of: Readonly<Record<Kind, Shares>>;

  constructor({
    maxExports,
    maxFeeds,
    maxIngestStreams,
    bodyBytes,
    unreadBytes,
  }: ShareLimits = defaultShares) {
    const half = (total: number) =>
      new Shares({ total, perCaller: Math.max(1, Math.floor(total / 2)) });
    this.of = {
      exports: new Shares({ total: maxExports }),
      feeds: half(maxFeeds),
      ingests: half(maxIngestStreams),
      // Reflection, and streams that watch health.
      others: new Shares({ total: 1_000 }),
      bodies: half(bodyBytes),
      "unread-bytes": half(unreadBytes),
    };
  }

  /**
   * A place for one stream; dispose of it when the stream has ended. Throws RATE_LIMITED for a
   * caller that has used its share, OVERLOADED if nothing is left for anyone.
   */
  enter(kind: StreamKind, caller: Caller): Loan {
    const loan = this.of[kind].borrow(shareName(caller), 1);
    if (loan instanceof Loan) return loan;
    throw shortageError(kind, loan, caller);
  }

  /** Throws as `enter` does while this caller's unread answers use up its share. */
  assertReads(caller: Caller): void {
    const shortage = this.of["unread-bytes"].shortageOf(shareName(caller), 1);
    if (shortage === "own") throw shortageError("unread-bytes", shortage, caller);
  }

  /** What is borrowed now, by name. */
  borrowed(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.of).map(([kind, { held }]) => [kind, held]));
  }
}

/** The error for a caller that cannot get more. */
export function shortageError(kind: Kind, shortage: Shortage, { kind: of }: Caller): ConnectError {
  const whose = of === "key" ? "this credential" : "this address";
  const text =
    shortage === "own" ? `${whose} has its share of` : "the gateway has reached its limit of";
  const message = `${text} ${words[kind]}: wait until some end, or try again in a second`;
  const limit = shortage === "own" ? `${kind}-per-${of}` : kind;
  const reason = shortage === "own" ? "RATE_LIMITED" : "OVERLOADED";
  return reasonError(reason, Code.ResourceExhausted, message, { metadata: { limit }, retryMs });
}
