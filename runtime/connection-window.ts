// How much may be on its way on a connection of HTTP/2, of all its streams together. HTTP/2 begins
// with 64 KiB (RFC 9113, 6.9.2): where many callers share a connection, each answer then waits
// until those before it have come through that, a round trip for each half of it. This takes no
// memory: Node gives back what has come of the connection's window at once, read or not, and each
// stream has a window of its own.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Http2Session } from "node:http2";

const windowBytes = 1024 * 1024;

/** To be called when a session of a server begins. */
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
 * The same for every connection of this process as a client. grpc-js shows nobody its sessions, and
 * has one option for this window and those of the streams.
 */
export function widenClientConnections(): void {
  unsubscribe(streamCreated, widenClient);
  subscribe(streamCreated, widenClient);
}
