// Compressed messages, a few at a time. Each is held to a message's size while it grows, and all that grow at once to a few of these.
import { promisify } from "node:util";
import zlib from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

const whole: Record<
  string,
  (bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>
> = {
  gzip: promisify(zlib.gunzip),
  br: promisify(zlib.brotliDecompress),
};

/**
 * gzip or br, decompressed in larger steps than connect-node's: each step is a turn of the event loop, and at 16 KiB a step a bomb took
 * ten seconds beside 5,000 connections, with all others waiting behind it.
 */
export function inLargeSteps(compression: Compression): Compression {
  const decompress = whole[compression.name]!;
  return {
    name: compression.name,
    compress: (bytes) => compression.compress(bytes),
    async decompress(bytes, readMaxBytes) {
      if (bytes.length === 0) return new Uint8Array(0);
      const chunkSize = Math.min(1024 * 1024, Math.max(16 * 1024, bytes.length * 4));
      try {
        return (await decompress(bytes, { maxOutputLength: readMaxBytes, chunkSize })) as Uint8Array<ArrayBuffer>;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
          throw new ConnectError(`the message is larger than ${readMaxBytes} bytes`, Code.ResourceExhausted);
        throw new ConnectError("the message cannot be decompressed", Code.InvalidArgument);
      }
    },
  };
}

/** The same compressions, of which `atOnce` messages together are decompressed at once; the others wait, in order. */
export function decompressInTurn(compressions: readonly Compression[], { atOnce = 2 } = {}): Compression[] {
  const waiting: (() => void)[] = [];
  let running = 0;
  const inTurn = async <T>(run: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
    else running++;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // The place goes on to whoever is next.
      if (next) next();
      else running--;
    }
  };
  return compressions.map((compression) => ({
    name: compression.name,
    compress: (bytes) => compression.compress(bytes),
    decompress: (bytes, readMaxBytes) => inTurn(() => compression.decompress(bytes, readMaxBytes)),
  }));
}
