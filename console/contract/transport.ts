// Binary Connect to the gateway, with a credential: for pages, and for the live worker.
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

/** How long a call with one answer may take. Streams last as long as they are read. */
const unaryTimeoutMs = 30_000;

export function createTransport(baseUrl: string, credential: string | undefined): Transport {
  const withKey: Interceptor = (next) => (request) => {
    if (credential !== undefined) request.header.set("authorization", `Bearer ${credential}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [withKey],
  });
  return {
    unary: (method, abort, timeoutMs, header, input, values) =>
      transport.unary(method, abort, timeoutMs ?? unaryTimeoutMs, header, input, values),
    stream: transport.stream.bind(transport),
  };
}
