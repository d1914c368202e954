// For tests: a client of a gRPC server that sends calls and never reads, with windows of 64 KiB. (A
// client of grpc-js reads sixteen messages ahead.)
import { type ClientHttp2Stream, connect, constants } from "node:http2";

export type UnreadClient = Disposable & {
  /**
   * Calls a method with an empty message and reads nothing of its answer until the stream is
   * resumed.
   */
  call(path: string, headers?: Record<string, string>): ClientHttp2Stream;
};

export function openUnreadClient(port: number): UnreadClient {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  return {
    call(path, headers = {}) {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      stream.on("error", () => {});
      stream.pause();
      stream.end(Buffer.alloc(5));
      return stream;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

/** Reads a call to its end; returns its trailers. */
export async function trailersOf(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  const trailers = Promise.withResolvers<Record<string, unknown>>();
  stream.once("trailers", (found) => trailers.resolve(found));
  stream.once("close", () => trailers.resolve({}));
  stream.resume();
  return trailers.promise;
}
