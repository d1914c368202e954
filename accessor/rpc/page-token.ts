// The opaque page token: the query it belongs to, the revision all pages are of, where the last
// page ended, and when it was made; signed, so that clients cannot forge it.
import { createHmac, timingSafeEqual } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Failure } from "../domain/failure.ts";
import type { Place } from "../store/events.ts";

export type PageToken = { revision: number; after: Place };

/**
 * Names a history as a caller sees it, equal for callers that see the same machines: as it is now,
 * and up to a revision. A promotion that gives up nothing below the revision does not change the
 * latter. The names contain a secret of the database.
 */
export type SeenHistory = {
  readonly now: string;
  at(revision: number): string;
  /**
   * The newest change of a description that the caller may see, for a request that depends on
   * labels.
   */
  readonly descriptions?: number | undefined;
};

/** What a token is made with: the query, the time, and for some queries the descriptions. */
export type TokenBasis = { query: Buffer; nowMs: number; descriptions?: number | undefined };

/**
 * Version 1 was not signed. Version 3 has the number of the newest change of descriptions at its
 * end: only queries that depend on labels need it.
 */
const version = 2;
const versionByLabels = 3;
const queryBytes = 8;
const size = 1 + queryBytes + 8 + 8 + 8 + 8 + 4;
const checkBytes = 16;

/** How long a token is valid. Data that its revision needs is kept at least that long. */
export const pageTokenLifeMs = 15 * 60_000;

/**
 * What a token is bound to and signed by: the request without page_size, page_token and min_cursor,
 * and the history that it reads (any text that another database, or this one restored to an earlier
 * point, does not have, with a secret of the database in it). The token contains eight bytes of the
 * hash, to tell queries apart; the rest is the key.
 */
export function queryHash<Desc extends DescMessage>(
  desc: Desc,
  { request, history }: { request: MessageShape<Desc>; history: string },
): Buffer {
  const bare = { ...request, pageSize: 0, pageToken: "", minCursor: "" };
  return createHmac("sha256", history)
    .update(desc.typeName)
    .update("\0")
    .update(toBinary(desc, bare))
    .digest();
}

/**
 * The revision in a token, before the token is checked: the token is also bound to the history up
 * to there.
 */
export function revisionIn(token: string): number {
  const bytes = Buffer.from(token, "base64url");
  return bytes.length < size ? 0 : bytes.readDoubleBE(17);
}

export function encodePageToken(
  { revision, after }: PageToken,
  { query, nowMs, descriptions }: TokenBasis,
): string {
  const body = Buffer.alloc(descriptions === undefined ? size : size + 8);
  body[0] = descriptions === undefined ? version : versionByLabels;
  query.copy(body, 1, 0, queryBytes);
  body.writeDoubleBE(nowMs, 9);
  body.writeDoubleBE(revision, 17);
  body.writeDoubleBE(after.timeUs, 25);
  body.writeDoubleBE(after.revision, 33);
  body.writeInt32BE(after.position, 41);
  if (descriptions !== undefined) body.writeDoubleBE(descriptions, size);
  return Buffer.concat([body, check(body, query)]).toString("base64url");
}

/** Fails with PAGE_TOKEN_INVALID or PAGE_TOKEN_EXPIRED. */
export function decodePageToken(
  token: string,
  { query, nowMs, descriptions }: TokenBasis,
): PageToken {
  const bytes = Buffer.from(token, "base64url");
  const bodyBytes = bytes[0] === versionByLabels ? size + 8 : size;
  const body = bytes.subarray(0, bodyBytes);
  const invalid = (why: string) =>
    new Failure("PAGE_TOKEN_INVALID", `page_token ${why}`, { metadata: { field: "page_token" } });
  const notOurs = "was not issued by this server: send next_page_token unchanged";
  const ours =
    bytes.length === bodyBytes + checkBytes &&
    (body[0] === version || body[0] === versionByLabels) &&
    bytes.toString("base64url") === token;
  if (!ours) throw invalid(notOurs);
  if (!body.subarray(1, 1 + queryBytes).equals(query.subarray(0, queryBytes)))
    throw invalid("belongs to another query: only page_size may change from page to page");
  if (!timingSafeEqual(check(body, query), bytes.subarray(bodyBytes))) throw invalid(notOurs);
  const [madeMs, revision, timeUs, ofRevision] = [9, 17, 25, 33].map((at) =>
    body.readDoubleBE(at),
  ) as [...[number, number, number, number]];
  // The signature shows that it is ours, but this is the last check before the values go into a
  // statement.
  if (![revision, timeUs, ofRevision].every(Number.isSafeInteger) || Number.isNaN(madeMs))
    throw invalid(notOurs);
  if (nowMs - madeMs > pageTokenLifeMs) {
    throw new Failure(
      "PAGE_TOKEN_EXPIRED",
      "page_token is older than 15 minutes: ask for the first page again, or for a range from the last time that you read",
      {
        metadata: { max_age: `${pageTokenLifeMs / 1000}s` },
      },
    );
  }
  const madeWith = body[0] === versionByLabels ? body.readDoubleBE(size) : undefined;
  if (madeWith !== descriptions)
    throw new Failure(
      "PAGE_TOKEN_EXPIRED",
      "labels of machines have changed since the first page: ask for the first page again",
      { metadata: { field: "page_token" } },
    );
  return { revision, after: { timeUs, revision: ofRevision, position: body.readInt32BE(41) } };
}

function check(body: Buffer, query: Buffer): Buffer {
  return createHmac("sha256", query.subarray(queryBytes))
    .update(body)
    .digest()
    .subarray(0, checkBytes);
}
