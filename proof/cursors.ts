// Cursors to resume from: those that a subscriber received, at nearly every commit.
import { createClient, type Transport } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";

/**
 * Watches states only, so that it costs little: bookmarks and messages contain cursors all the
 * same.
 */
export async function collectCursors(
  transport: Transport,
): Promise<AsyncDisposable & { cursors: string[] }> {
  const client = createClient(SignalService, transport);
  const cursors = [(await client.getLatest({})).cursor];
  const stop = new AbortController();
  const running = (async () => {
    for await (const { through } of client.watchSignals(
      { start: { case: "afterCursor", value: cursors[0]! } },
      { signal: stop.signal },
    ))
      if (through !== cursors.at(-1)) cursors.push(through);
  })();
  running.catch(() => {});
  return {
    cursors,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("enough cursors"));
      await running.catch(() => {});
    },
  };
}
