// Tells when a response is over, answered or not, even if it was over before the call.
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** Whether its client has received all of it, or has left. */
export function hasEnded(response: ServerResponse): boolean {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  return stream === undefined ? response.closed : stream.destroyed;
}

/**
 * Functions to run. Many parts of the code watch one response: they share one listener, so that
 * Node's warning about too many listeners still indicates a leak.
 */
const waiting = new WeakMap<ServerResponse, Set<() => void>>();

/**
 * Runs `then` once the response is over, or at once if it already is. A client may leave while its
 * request waits for admission. Returns a function that cancels this.
 */
export function onceEnded(response: ServerResponse, then: () => void): () => void {
  if (hasEnded(response)) {
    then();
    return () => {};
  }
  let all = waiting.get(response);
  if (all === undefined) {
    const own = new Set<() => void>();
    all = own;
    waiting.set(response, own);
    response.once("close", () => {
      waiting.delete(response);
      for (const one of own) one();
    });
  }
  const one = () => then();
  all.add(one);
  return () => void all.delete(one);
}
