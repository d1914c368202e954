// When a response is over, answered or not; also where it was over before anybody asked.
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** Whether its client has all of it, or has gone. */
export function isOver(response: ServerResponse): boolean {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  return stream === undefined ? response.closed : stream.destroyed;
}

/** Runs `then` once it is over: at once if it is. A client may leave while its request waits to be let in. */
export function whenOver(response: ServerResponse, then: () => void): void {
  if (isOver(response)) then();
  else response.once("close", then);
}
