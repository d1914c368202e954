// Decompresses whole messages: each is limited in size while it grows, and only a few run at once
// while the others wait in order.
import { promisify } from "node:util";
import zlib from "node:zlib";
import { MessageTooLarge } from "./message-limits.ts";

/** Calls `run` when it is its turn. */
export type InTurn = <T>(run: () => Promise<T>) => Promise<T>;

export function createTurns(atOnce: number): InTurn {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
    else running++;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // The slot goes to the next in line.
      if (next) next();
      else running--;
    }
  };
}

const decompressions = {
  gzip: promisify(zlib.gunzip),
  deflate: promisify(zlib.inflate),
  br: promisify(zlib.brotliDecompress),
} as const;

export type Encoding = keyof typeof decompressions;

/**
 * Fails with MessageTooLarge as soon as there are more bytes than allowed, and with another error
 * if the bytes have another encoding. It uses large steps, since each is a turn of the event loop.
 */
export async function decompress(
  encoding: Encoding,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Buffer> {
  const chunkSize = Math.max(1024, Math.min(1024 * 1024, bytes.length * 4, maxBytes));
  try {
    return await decompressions[encoding](bytes, { maxOutputLength: maxBytes, chunkSize });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new MessageTooLarge("decompressed-bytes", maxBytes);
    throw error;
  }
}
