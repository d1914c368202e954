// The way into a grpc-js server for connections that were accepted elsewhere, with a say in when
// their calls begin.
import type { Http2Server, Http2Session, ServerHttp2Stream } from "node:http2";
import { type ConnectionInjector, type Server, ServerCredentials } from "@grpc/grpc-js";
import type { CallStarts } from "./call-starts.ts";
import type { Connections } from "./connections.ts";

/**
 * What grpc-js's server has inside (1.14.7). call-starts.test.ts fails where a newer one has it no
 * more.
 */
type Inside = { http2Servers?: Map<Http2Server, unknown> };

export type InjectorOptions = { connections: Connections; starts: CallStarts };

export function createInjector(server: Server, { connections, starts }: InjectorOptions): ConnectionInjector {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2 = [...((server as unknown as Inside).http2Servers?.keys() ?? [])].at(-1);
  const [begin, ...others] = http2?.listeners("stream") ?? [];
  if (http2 === undefined || begin === undefined || others.length > 0)
    throw new Error("this version of @grpc/grpc-js has other internals: its calls cannot begin in turns");
  const groups = new WeakMap<Http2Session, string | object>();
  http2.on("session", (session) => {
    groups.set(session, connections.groupOf(session.socket.remoteAddress) ?? session);
  });
  http2.removeAllListeners("stream");
  http2.on("stream", (stream: ServerHttp2Stream, headers, flags) => {
    const { session } = stream;
    // Without one it is closed already.
    if (session) starts.take(stream, groups.get(session) ?? session, () => begin(stream, headers, flags));
  });
  return injector;
}
