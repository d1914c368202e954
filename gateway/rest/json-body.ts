// Bodies of JSON, counted before they are parsed.
import type { FastifyBodyParser, FastifyInstance } from "fastify";
import { type CostBounds, MessageTooLarge } from "../../runtime/grpc/message-bounds.ts";
import { assertJsonCost } from "../limits/json-cost.ts";
import { HttpProblem } from "./problem.ts";

const mib = 1024 * 1024;

/**
 * A row takes some fifteen times its text, once it is parsed and a record has been made of it;
 * lists of bare numbers take more, and no batch has more of those than fit into what is free.
 */
export const bodyBounds: CostBounds = { freeCostBytes: 4 * mib, maxCostPerByte: 16, maxCostBytes: 256 * mib };

/** Fastify's own parser behind the count. */
export function createJsonParser(app: FastifyInstance): FastifyBodyParser<Buffer> {
  const parse = app.getDefaultJsonParser("error", "error") as FastifyBodyParser<string>;
  const count = async (body: Buffer) => {
    await assertJsonCost(body, bodyBounds);
  };
  return (request, body, done) => {
    count(body).then(
      () => parse(request, body.toString("utf8"), done),
      (error: Error) => done(error instanceof MessageTooLarge ? toProblem(error) : error),
    );
  };
}

function toProblem({ rawMessage, limit, max }: MessageTooLarge): HttpProblem {
  const detail = `${rawMessage.replace("the message", "the body")}, or as lines of application/x-ndjson`;
  const metadata = { limit, max: String(max) };
  return new HttpProblem(413, detail, {
    members: { title: "Content Too Large", reason: "MESSAGE_TOO_LARGE", metadata },
  });
}
