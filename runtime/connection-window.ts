// How many bytes may be in flight on an HTTP/2 connection, for all its streams together. HTTP/2
// begins with 64 KiB (RFC 9113, 6.9.2): if many callers share a connection, each answer then waits
// until those before it have passed through this window, with a round trip for each half of it. A
// wider window takes no memory: Node gives back received bytes of the connection's window at once,
// read or not, and each stream has its own window.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Http2Session } from "node:http2";

const windowBytes = 1024 * 1024;

/** Call it when a session of a server begins. */
export function widenConnection(session: Http2Session): void {
  if (session.connecting) session.once("connect", () => widenConnection(session));
  else if (!session.destroyed && (session.state.localWindowSize ?? 0) < windowBytes)
    session.setLocalWindowSize(windowBytes);
}

const streamCreated = "http2.client.stream.created";
const widened = new WeakSet<Http2Session>();
const widenClient = (message: unknown) => {
  const { session } = (message as { stream: { session?: Http2Session } }).stream;
  if (session === undefined || widened.has(session)) return;
  widened.add(session);
  widenConnection(session);
};

/**
 * The same for every connection that this process makes as a client. grpc-js does not expose its
 * sessions, and has one option for this window and those of the streams together.
 */
export function widenClientConnections(): void {
  unsubscribe(streamCreated, widenClient);
  subscribe(streamCreated, widenClient);
}
