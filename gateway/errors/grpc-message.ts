// The message of an error as gRPC has it in a header. Connect writes it as a part of a URL, where
// commas, colons and quotes are %2C, %3A and %22; clients on grpc-js decode these with decodeURI,
// which leaves them so.
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

const name = "grpc-message";

/** All but what a header cannot hold stays as it is: printable ASCII without "%". */
export const toGrpcMessage = (message: string): string =>
  message.toWellFormed().replace(/[^ -$&-~]/gu, (character) => {
    const bytes = Array.from(Buffer.from(character), (byte) =>
      byte.toString(16).toUpperCase().padStart(2, "0"),
    );
    return `%${bytes.join("%")}`;
  });

/** As Connect's own, with the message as gRPC has it. */
export function setGrpcStatus(
  headers: Headers,
  error: Parameters<typeof setTrailerStatus>[1],
): void {
  setTrailerStatus(headers, error);
  rewriteMessage(headers);
}

/** Of what Connect has written into headers or trailers. */
export function rewriteMessage(headers: Headers | undefined): void {
  const written = headers?.get(name);
  if (written) headers!.set(name, toGrpcMessage(decodeURIComponent(written)));
}

/** A body whose trailers are rewritten at its end, when they are known, and not sent yet. */
export async function* rewritingTrailers(
  body: AsyncIterable<Uint8Array>,
  trailer: Headers,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* body;
  rewriteMessage(trailer);
}
