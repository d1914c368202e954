// Writes a streamed answer of REST, bypassing fastify: export, live feed or verdicts.
import type { ConnectError } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../../runtime/log.ts";
import { callerOf } from "../caller/caller.ts";
import type { chooseEncoding } from "../encoding/compression.ts";
import { onceEnded } from "../http/response-end.ts";
import type { ReaderDeadlines } from "../limits/reader-deadlines.ts";
import { openBody } from "./body.ts";
import type { RestAnswer, StreamedAnswer } from "./call.ts";
import { describeFailure } from "./send-problem.ts";

export type StreamContext = {
  request: FastifyRequest;
  reply: FastifyReply;
  vary: string;
  encoding: ReturnType<typeof chooseEncoding>;
  /** Ends the answer when aborted. */
  streaming: AbortController;
  /** Watches whether the client reads it; `onSlow` is called if it does not. */
  readers: ReaderDeadlines;
  onSlow: (error: ConnectError) => void;
  log: Log;
};

/** How long a client that has not read may still read the error. */
const lingerMs = 2_000;

/**
 * Writes a streamed answer, bypassing fastify. Never rejects once the head is sent: from then on a
 * failure can only cut the body short.
 */
export async function writeStream(
  answer: RestAnswer & StreamedAnswer,
  context: StreamContext,
): Promise<void> {
  const { request, reply, vary, encoding, streaming, readers, onSlow, log } = context;
  const { raw } = reply;
  const { signal: abort } = streaming;
  const problemOf = (error: unknown) => describeFailure(error, request, log, { begun: true });
  const reader = readers.watch({
    caller: callerOf(request),
    onSlow: (error) => {
      onSlow(error);
      streaming.abort(error);
      setTimeout(() => raw.destroy(), lingerMs).unref();
    },
  });
  onceEnded(raw, () => reader[Symbol.dispose]());
  try {
    reply.code(answer.status ?? 200).headers({ vary, ...answer.headers });
    reply.type(answer.contentType);
    if (encoding) reply.header("content-encoding", encoding);
    const headers = reply.getHeaders();
    reply.hijack();
    raw.writeHead(reply.statusCode, headers as Record<string, string>);
    if (request.method === "HEAD") {
      raw.end();
      return;
    }
    // A client that waits for the first of rare events should know at once that it was admitted.
    raw.flushHeaders();
    const body = openBody(raw, { encoding, abort, reader });
    try {
      await answer.write(body, problemOf);
    } catch (error) {
      if (!abort.aborted) problemOf(error);
      body.cut();
    }
  } finally {
    await answer.close();
  }
}
