// Answers from the cache: asks the accessor for the version of an answer, with the caller's own
// credential; if an answer of that version is cached, asks nothing more.
import { create, toBinary } from "@bufbuild/protobuf";
import { GetVersionRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { Turns } from "../../runtime/turns.ts";
import type { AnswerCache, KeptAnswer } from "../cache/answer-cache.ts";
import { digestInTurns, digestOf, findGoodTag, formatTag } from "../cache/entity-tag.ts";
import { type Encoding, encodeText } from "../encoding/compression.ts";
import { jsonInTurns } from "../encoding/json-in-turns.ts";
import type { RestCall, Route } from "./call.ts";
import type { NextPage } from "./page.ts";
import type { Parameters } from "./parameters.ts";

export type CachedAnswer = {
  status: 200 | 304;
  headers: Record<string, string>;
  bytes: Buffer | undefined;
  next?: NextPage | undefined;
};

export type CacheContext = {
  cache: AnswerCache;
  /** What the caller may see: equal for callers that see the same machines. */
  visibleMachines: string;
  encoding: Encoding | undefined;
};

// Each client may store it for itself, and must revalidate it before each use: an answer is never
// older than the question.
const cacheControl = "private, no-cache";

/**
 * A page token is valid for 15 minutes from when it was made; an answer that contains one is kept
 * for a third of that.
 */
const tokenLifeMs = 5 * 60_000;

/**
 * Undefined if the cache cannot be used: no version is available, or the answer is not of a kind
 * that is kept. Then the route answers as usual.
 */
export async function answerCached(
  route: Route,
  call: RestCall<Parameters>,
  { cache, visibleMachines, encoding }: CacheContext,
): Promise<CachedAnswer | undefined> {
  if (route.cache === undefined || call.format !== "json") return undefined;
  const query = route.cache.queryOf(call as never);
  const request = create(GetVersionRequestSchema, { query });
  // If the request is invalid, the call itself reports the error.
  const current = await call.upstream.signals
    .getVersion(request, call.unary)
    .catch(() => undefined);
  if (current === undefined) return undefined;
  const { version, cursor } = current;
  const bare = create(GetVersionRequestSchema, {
    query: { ...query, value: { ...query.value, minCursor: "" } } as never,
  });
  // Instead of the texts of path and parameters, use the request that they give, and also the
  // parameters that only the gateway reads.
  const question = digestOf(
    route.path,
    toBinary(GetVersionRequestSchema, bare),
    visibleMachines,
    pinnedOf(call),
  );
  const tag = { version, question, encoding };
  const common = { "cache-control": cacheControl, vary: "authorization, x-api-key" };
  const good = findGoodTag(call.header("if-none-match"), tag);
  if (good !== undefined && good !== "*") {
    cache.counts.notModified++;
    return {
      status: 304,
      headers: { ...common, etag: good, "millrace-cursor": cursor },
      bytes: undefined,
    };
  }
  const anew = /\bno-(?:cache|store)\b/.test(call.header("cache-control") ?? "");
  const asked = { key: question, version, kept: !anew, abort: call.unary.signal };
  let isNew = false;
  const answer = await cache.answer(asked, async (abort) => {
    isNew = true;
    // The answer must not be older than the version: another accessor may answer, which may not
    // have read as many commits yet.
    const query = { ...call.query, min_cursor: cursor } as never;
    const result = await route.handle({ ...call, query, unary: { ...call.unary, signal: abort } });
    if (!("body" in result)) throw new Error(`${route.path} keeps what is no JSON`);
    return keep(result, version, cache.monotonicMs());
  });
  const age: Record<string, string> = isNew
    ? {}
    : { age: String(Math.floor((cache.monotonicMs() - answer.madeMs) / 1000)) };
  const etag = (used: Encoding | undefined) =>
    formatTag({ ...tag, digest: answer.digest, encoding: used });
  if (good === "*") {
    cache.counts.notModified++;
    return {
      status: 304,
      headers: { ...common, etag: etag(encoding), "millrace-cursor": cursor },
      bytes: undefined,
    };
  }
  const { bytes, encoding: used } = await encodedOf(answer, { cache, key: question, encoding });
  const encodingHeader: Record<string, string> = used ? { "content-encoding": used } : {};
  return {
    status: 200,
    headers: { ...answer.headers, ...common, ...age, ...encodingHeader, etag: etag(used) },
    bytes,
    next: answer.next,
  };
}

/** The resolved times of a page whose times were relative, since the next token contains them. */
function pinnedOf({ query }: RestCall<Parameters>): string {
  const relative = ["from", "to"].some(
    (name) => (query[name] as { relative?: boolean } | undefined)?.relative === true,
  );
  return relative ? "relative" : String(query["page_token"] ?? "");
}

async function keep(
  {
    body,
    headers = {},
    next,
  }: { body: Parameters | unknown; headers?: Record<string, string>; next?: NextPage },
  version: string,
  madeMs: number,
): Promise<KeptAnswer> {
  const turns = new Turns();
  const pieces = await jsonInTurns(body as never, turns);
  const digest = await digestInTurns(pieces, turns);
  const text = Buffer.concat(pieces);
  const names = (body as { next_page_token?: string }).next_page_token;
  const untilMs = names ? madeMs + tokenLifeMs : Number.POSITIVE_INFINITY;
  return { version, headers, next, text, digest, madeMs, untilMs, encoded: new Map() };
}

async function encodedOf(
  answer: KeptAnswer,
  { cache, key, encoding }: { cache: AnswerCache; key: string; encoding: Encoding | undefined },
): Promise<{ bytes: Buffer; encoding: Encoding | undefined }> {
  const known = encoding && answer.encoded.get(encoding);
  if (known !== undefined) return { bytes: known, encoding };
  const made = await encodeText(answer.text, encoding);
  if (made.encoding !== undefined) cache.keepEncoded(key, answer, made.encoding, made.bytes);
  return made;
}
