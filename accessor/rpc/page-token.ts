// The opaque page token: the query it belongs to, the revision all pages are of, where the last page ended, and when it was made.
import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Failure } from "../failure.ts";
import type { Place } from "../store/events.ts";

export type PageToken = { revision: number; after: Place };

const version = 1;
const size = 1 + 8 + 8 + 8 + 8 + 8 + 4;
const checkBytes = 4;

/** How long a token is good. Nothing that its revision needs is dropped before. */
export const pageTokenLifeMs = 15 * 60_000;

/**
 * What a token is bound to: the request without page_size, page_token and min_cursor, and the history that it was put to (any text that
 * another database, or this one restored to an earlier point, does not have).
 */
export function queryHash<Desc extends DescMessage>(
  desc: Desc,
  { request, history }: { request: MessageShape<Desc>; history: string },
): Buffer {
  const bare = { ...request, pageSize: 0, pageToken: "", minCursor: "" };
  return createHash("sha256").update(toBinary(desc, bare)).update(history).digest().subarray(0, 8);
}

export function encodePageToken(
  { revision, after }: PageToken,
  { query, nowMs }: { query: Buffer; nowMs: number },
): string {
  const body = Buffer.alloc(size);
  body[0] = version;
  query.copy(body, 1);
  body.writeDoubleBE(nowMs, 9);
  body.writeDoubleBE(revision, 17);
  body.writeDoubleBE(after.timeUs, 25);
  body.writeDoubleBE(after.revision, 33);
  body.writeInt32BE(after.position, 41);
  return Buffer.concat([body, check(body)]).toString("base64url");
}

/** Fails with PAGE_TOKEN_INVALID or PAGE_TOKEN_EXPIRED. */
export function decodePageToken(token: string, { query, nowMs }: { query: Buffer; nowMs: number }): PageToken {
  const bytes = Buffer.from(token, "base64url");
  const body = bytes.subarray(0, size);
  const invalid = (why: string) =>
    new Failure("PAGE_TOKEN_INVALID", `page_token ${why}`, { metadata: { field: "page_token" } });
  const ours = bytes.length === size + checkBytes && body[0] === version && bytes.toString("base64url") === token;
  if (!ours || !check(body).equals(bytes.subarray(size))) {
    throw invalid("is not one of ours: pass next_page_token on as it came");
  }
  if (!body.subarray(1, 9).equals(query))
    throw invalid("belongs to another query: only page_size may change from page to page");
  if (nowMs - body.readDoubleBE(9) > pageTokenLifeMs) {
    throw new Failure(
      "PAGE_TOKEN_EXPIRED",
      "page_token is older than 15 minutes: start again without it, or from the last time seen",
      {
        metadata: { max_age: `${pageTokenLifeMs / 1000}s` },
      },
    );
  }
  return {
    revision: body.readDoubleBE(17),
    after: { timeUs: body.readDoubleBE(25), revision: body.readDoubleBE(33), position: body.readInt32BE(41) },
  };
}

function check(body: Buffer): Buffer {
  return createHash("sha256").update("page").update(body).digest().subarray(0, checkBytes);
}
