// When a response is over, answered or not; also where it was over before anybody asked.
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** Whether its client has all of it, or has gone. */
export function hasEnded(response: ServerResponse): boolean {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  return stream === undefined ? response.closed : stream.destroyed;
}

/**
 * What is to run. Many have a part in one response: one listener for all, so that one too many
 * stays a sign of a leak.
 */
const waiting = new WeakMap<ServerResponse, Set<() => void>>();

/**
 * Runs `then` once it is over: at once if it is. A client may leave while its request waits to be
 * let in. Answers how to call that off.
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
