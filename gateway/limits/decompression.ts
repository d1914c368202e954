// Compressed messages, a few at a time. Each is held to a message's size while it grows, and all that grow at once to a few of these.
import type { Compression } from "@connectrpc/connect/protocol";

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
