// The message of an error as gRPC encodes it in a header. Connect writes it as a part of a URL,
// where commas, colons and quotes are %2C, %3A and %22; clients on grpc-js decode these with
// decodeURI, which leaves them encoded.
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

const name = "grpc-message";

/** Encodes only what a header cannot contain: printable ASCII except "%" stays unchanged. */
export const toGrpcMessage = (message: string): string =>
  message.toWellFormed().replace(/[^ -$&-~]/gu, (character) => {
    const bytes = Array.from(Buffer.from(character), (byte) =>
      byte.toString(16).toUpperCase().padStart(2, "0"),
    );
    return `%${bytes.join("%")}`;
  });

/** Like Connect's own function, but with the message as gRPC encodes it. */
export function setGrpcStatus(
  headers: Headers,
  error: Parameters<typeof setTrailerStatus>[1],
): void {
  setTrailerStatus(headers, error);
  rewriteMessage(headers);
}

/** Corrects the message that Connect has written into headers or trailers. */
export function rewriteMessage(headers: Headers | undefined): void {
  const written = headers?.get(name);
  if (written) headers!.set(name, toGrpcMessage(decodeURIComponent(written)));
}

/** Passes a body on and rewrites its trailers at its end, when they are known but not sent yet. */
export async function* rewritingTrailers(
  body: AsyncIterable<Uint8Array>,
  trailer: Headers,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* body;
  rewriteMessage(trailer);
}
