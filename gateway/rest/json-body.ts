// Reads bodies of JSON, whose cost is estimated before they are parsed.
import type { IncomingMessage } from "node:http";
import { errorCodes, type FastifyContentTypeParser, type FastifyRequest } from "fastify";
import { bytesFault } from "../../codec/row/text-bytes.ts";
import { type CostLimits, MessageTooLarge } from "../../runtime/grpc/message-limits.ts";
import { joinSmall } from "../../runtime/own-bytes.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import { assertJsonCost } from "../limits/json-cost.ts";

const mib = 1024 * 1024;

/**
 * A row takes some fifteen times its text once it is parsed and converted to a record. Lists of
 * bare numbers take more, but those of a batch fit into the free allowance.
 */
export const bodyBounds: CostLimits = {
  freeCostBytes: 4 * mib,
  maxCostPerByte: 16,
  maxCostBytes: 256 * mib,
};

/**
 * Estimates the cost of a body, and parses it. The body is gathered here, because fastify keeps
 * each piece as it arrived until the last. Every name is an own property, even "__proto__", so that
 * readers of the fields report unknown ones.
 */
export function createJsonParser(): FastifyContentTypeParser {
  const read = async (request: FastifyRequest, payload: IncomingMessage): Promise<unknown> => {
    const body = await gather(payload, request.routeOptions.bodyLimit);
    if (body.length === 0) throw new errorCodes.FST_ERR_CTP_EMPTY_JSON_BODY();
    const fault = bytesFault(body);
    if (fault !== undefined) throw invalidField("body", fault);
    await assertJsonCost(body, bodyBounds);
    return parseJson(body.toString("utf8"));
  };
  return (request, payload, done) => {
    read(request, payload).then(
      (value) => done(null, value),
      (error: Error) => done(error instanceof MessageTooLarge ? toProblem(error) : error),
    );
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw invalidField("body", `not JSON: ${(error as Error).message}`);
  }
}

/** Stops reading as soon as there is too much, and leaves the rest to other code. */
function gather(payload: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const declared = Number(payload.headers["content-length"] ?? Number.NaN);
  if (declared > maxBytes) return Promise.reject(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  let length = 0;
  const stop = () => void payload.off("data", add).off("end", end).off("error", fail);
  const fail = (error: Error) => {
    stop();
    reject(error);
  };
  const add = (piece: Buffer) => {
    length += piece.length;
    if (length > maxBytes) return fail(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    pieces.push(piece);
    joinSmall(pieces);
  };
  const end = () => {
    if (length !== (Number.isNaN(declared) ? length : declared))
      return fail(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH());
    stop();
    resolve(Buffer.concat(pieces, length));
  };
  payload.on("data", add).on("end", end).on("error", fail).resume();
  return promise;
}

function toProblem({ rawMessage, limit, max }: MessageTooLarge): HttpProblem {
  const detail = `${rawMessage.replace("the message", "the body")}, or as lines of application/x-ndjson`;
  const metadata = { limit, max: String(max) };
  return new HttpProblem(413, detail, {
    members: { title: "Content Too Large", reason: "MESSAGE_TOO_LARGE", metadata },
  });
}
