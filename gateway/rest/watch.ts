// GET /signals/{type}/live: where to start, which failures to wait out, and how to report them.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import {
  SignalService,
  type WatchSignalsRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { invalidField } from "../errors/reasons.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import { contentTypeOf } from "./formats.ts";
import { eventStream, lines, writeLive } from "./live.ts";
import type { Parameter, ResolvedTime } from "./parameters.ts";
import { toSignals } from "./reads.ts";
import { isUnavailable, rewatch, tryWatch } from "./rewatch.ts";
import { toTimestamp } from "./time.ts";

type Request = MessageInitShape<typeof WatchSignalsRequestSchema>;

export type WatchQuery = {
  machine: Parameter<string[]>;
  label: Parameter<string[]>;
  after: Parameter<string>;
  lastEventId: Parameter<string>;
  since: Parameter<ResolvedTime>;
};

export async function watchSignals(call: RestCall<WatchQuery>): Promise<RestAnswer> {
  const { path, query, header, upstream, stream, format } = call;
  const { lastEventId } = query;
  if (query.after !== undefined && query.since !== undefined)
    throw invalidField("since", "cannot be combined with after");
  // The last event that the client saw is newer than the cursor in its URL. Clients that cannot set
  // the header use the parameter.
  const seen = header("last-event-id") || lastEventId || undefined;
  const after = seen ?? query.after;
  const filter = {
    signals: toSignals(path["type"]!),
    machines: query.machine ?? [],
    labels: query.label ?? [],
  };
  const watch = (start: Request["start"]) =>
    watchUpstream(upstream, { ...filter, ...(start && { start }) }, stream.abort);
  const afterCursor = (value: string) => ({ case: "afterCursor" as const, value });
  const start =
    after !== undefined
      ? afterCursor(after)
      : query.since && { case: "fromCommitTime" as const, value: toTimestamp(query.since.us) };

  const attempt = await tryWatch(watch(start));
  // A browser that reconnects gives up permanently unless it is admitted: so it gets the error in
  // the stream, or waits there for the accessor.
  const tell = seen !== undefined && "failure" in attempt && isForStream(attempt.failure);
  if ("failure" in attempt && !tell) throw attempt.failure;
  const feed = rewatch({
    watch: (cursor) => watch(afterCursor(cursor)),
    attempt,
    after,
    abort: stream.abort,
  });
  const dialect = format === "ndjson" ? lines : eventStream;
  return {
    contentType: contentTypeOf(format),
    headers: {
      "cache-control": "no-cache, no-transform",
      // nginx would otherwise hold events back.
      "x-accel-buffering": "no",
    },
    compress: false,
    write: (body, toProblem) =>
      writeLive(feed, body, { dialect, start: seen, heartbeat: stream.heartbeat, toProblem }),
    async close() {
      await feed.return();
      // If the feed never began, its own end had nothing to release.
      if ("messages" in attempt) await attempt.messages.return?.();
    },
  };
}

function isForStream(failure: unknown): boolean {
  const [info] = ConnectError.from(failure).findDetails(ErrorInfoSchema);
  return isUnavailable(failure) || info?.reason === "CURSOR_EXPIRED";
}

async function* watchUpstream(upstream: Upstream, request: Request, abort: AbortSignal) {
  using loan = upstream.borrow();
  yield* createClient(SignalService, loan.transport).watchSignals(request, { signal: abort });
}
