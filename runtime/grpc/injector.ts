// Passes connections that were accepted elsewhere to a grpc-js server, and controls when their
// calls begin.
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import { type ConnectionInjector, type Server, ServerCredentials } from "@grpc/grpc-js";
import { widenConnection } from "../connection-window.ts";
import { boundFrames } from "../http2-pieces.ts";
import type { CallStarts } from "./call-starts.ts";
import { noteOffer } from "./compress.ts";
import type { Connections } from "./connections.ts";
import { SessionPace } from "./session-pace.ts";

/**
 * Internals of grpc-js's server (1.14.7). call-starts.test.ts fails if a newer version lacks them.
 */
type Inside = { http2Servers?: Map<Http2Server, unknown>; commonServerOptions?: ServerOptions };

export type InjectorOptions = { connections: Connections; starts: CallStarts };

type Group = string | object;

export function createInjector(
  server: Server,
  { connections, starts }: InjectorOptions,
): ConnectionInjector {
  const inside = server as unknown as Inside;
  // A gateway resets the calls of clients that leave, on one connection for all of them. Calls that
  // are reset before they begin have a separate bound.
  Object.assign(inside.commonServerOptions ?? {}, {
    streamResetBurst: 10_000,
    streamResetRate: 1_000,
  });
  boundFrames();
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2 = [...(inside.http2Servers?.keys() ?? [])].at(-1);
  const [begin, ...others] = http2?.listeners("stream") ?? [];
  if (
    inside.commonServerOptions === undefined ||
    http2 === undefined ||
    begin === undefined ||
    others.length > 0
  )
    throw new Error(
      "this version of @grpc/grpc-js has different internals: its calls cannot begin in turns",
    );
  const sessions = new WeakMap<ServerHttp2Session, { group: Group; pace: SessionPace }>();
  http2.on("session", (session) => {
    const group = connections.groupOf(session.socket.remoteAddress) ?? session;
    sessions.set(session, { group, pace: new SessionPace(session) });
    widenConnection(session);
  });
  http2.removeAllListeners("stream");
  http2.on("stream", (stream: ServerHttp2Stream, headers, flags) => {
    // Without a session, the stream is already closed.
    const known = stream.session && sessions.get(stream.session as ServerHttp2Session);
    if (!known) return;
    const { group, pace } = known;
    let begun = false;
    stream.once("close", () => {
      if (begun) pace.ended();
      else if (stream.aborted) pace.resetEarly();
    });
    starts.take(stream, group, () => {
      begun = true;
      pace.began();
      noteOffer(stream, headers);
      begin(stream, headers, flags);
    });
  });
  return injector;
}
