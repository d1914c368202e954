// What callers share at the gateway, each with a bound on all of it and a share for one: streams of
// three kinds, bytes of bodies, bytes of answers that are not read. Decides, and says why not;
// whoever borrows gives back.
import { Code, type ConnectError } from "@connectrpc/connect";
import { Loan, Shares, type Shortage } from "../../access/shares.ts";
import { type Caller, shareName } from "../caller/caller.ts";
import { reasonError } from "../errors/reasons.ts";

/** The most of each, by all callers together. */
export type ShareLimits = {
  /** Ranges that are streamed: NDJSON, CSV, ReadSignals. */
  maxExports: number;
  /** Live feeds. */
  maxFeeds: number;
  /** Bodies and calls that bring records for as long as they like. */
  maxIngestStreams: number;
  /** Bytes of bodies, from their first to their answer, or until a stream's have been passed on. */
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
/** What there is too much of, and the setting that bounds all of it. */
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
      // Reflection, and health that is watched.
      others: new Shares({ total: 1_000 }),
      bodies: half(bodyBytes),
      "unread-bytes": half(unreadBytes),
    };
  }

  /**
   * A place for one stream. Throws RATE_LIMITED for who has its share, OVERLOADED where there is no
   * more for anyone.
   */
  enter(kind: StreamKind, caller: Caller): Loan {
    const loan = this.of[kind].borrow(shareName(caller), 1);
    if (loan instanceof Loan) return loan;
    throw shortageError(kind, loan, caller);
  }

  /** Throws as `enter` does while answers that this caller does not read take its share. */
  assertReads(caller: Caller): void {
    const shortage = this.of["unread-bytes"].shortageOf(shareName(caller), 1);
    if (shortage === "own") throw shortageError("unread-bytes", shortage, caller);
  }

  /** What is out now, by name. */
  borrowed(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.of).map(([kind, { held }]) => [kind, held]));
  }
}

/** What a caller is told that cannot have more. */
export function shortageError(kind: Kind, shortage: Shortage, { kind: of }: Caller): ConnectError {
  const whose = of === "key" ? "this credential" : "this address";
  const text =
    shortage === "own" ? `${whose} has its share of` : "the gateway has reached its limit of";
  const message = `${text} ${words[kind]}: wait until some end, or try again in a second`;
  const limit = shortage === "own" ? `${kind}-per-${of}` : kind;
  const reason = shortage === "own" ? "RATE_LIMITED" : "OVERLOADED";
  return reasonError(reason, Code.ResourceExhausted, message, { metadata: { limit }, retryMs });
}
