// A subscriber as a process of its own: watches everything with client/watch.ts, keeps only counts
// and a sum, and writes them on SIGTERM. Arguments: accessor URL, file for the outcome, cursor to
// start after.
import { writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../client/codecs.ts";
import { watch } from "../client/watch.ts";
import { FeedBreakError } from "../client/watch-error.ts";
import { createGrpcTransport } from "../runtime/grpc/transport.ts";
import { contentOf, keyOf } from "./chaos/content.ts";
import { addKey, type WatcherOutcome } from "./watcher-outcome.ts";

const [baseUrl, path, after] = process.argv.slice(2) as [string, string, string];
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort(new Error("SIGTERM")));
// The harness holds the other end: if that ends, so does this process.
new Socket({ fd: 3 }).on("close", () => process.exit(1)).resume();

const outcome: WatcherOutcome = {
  after,
  cursor: after,
  batches: 0,
  sum: 0,
  reconnects: 0,
  breaks: 0,
};
using transport = createGrpcTransport({ baseUrl, codecs: signalCodecs });
try {
  const feed = watch({
    client: createClient(SignalService, transport),
    after,
    abort: stop.signal,
    bookmarks: true,
    silenceMs: 5_000,
    onState(state) {
      if (state.state !== "reconnecting") return;
      outcome.reconnects++;
      if (state.error instanceof FeedBreakError) outcome.breaks++;
    },
  });
  for await (const { batches, cursor } of feed) {
    for (const batch of batches)
      outcome.sum = addKey(outcome.sum, { key: keyOf(contentOf(batch)), place: ++outcome.batches });
    outcome.cursor = cursor;
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  writeFileSync(path, JSON.stringify(outcome));
}
process.exit(0);
