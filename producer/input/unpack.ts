// Unpacks gzip and zstd, which their first bytes show; other bytes pass through.
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { BadText } from "../../codec/row/unreadable.ts";

const kinds = [
  { name: "gzip", magic: [0x1f, 0x8b], open: () => createGunzip() },
  // Its window is at most 128 MiB (zstd's default limit), which bounds the memory.
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], open: () => createZstdDecompress() },
] as const;
const magicBytes = 4;

/** The unpacked bytes. Throws BadText where packed data is damaged or breaks off. */
export async function* unpacked(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < magicBytes) {
    const { done, value } = await source.next();
    if (done) break;
    start = Buffer.concat([start, value]);
    // A text is not held back until it has four bytes.
    if (
      !kinds.some(({ magic }) => start.every((byte, i) => i >= magic.length || magic[i] === byte))
    )
      break;
  }
  async function* all() {
    if (start.length > 0) yield start;
    for (;;) {
      const { done, value } = await source.next();
      if (done) return;
      yield value;
    }
  }
  const kind = kinds.find(({ magic }) => magic.every((byte, i) => start[i] === byte));
  if (kind === undefined) {
    yield* all();
    return;
  }
  // An error of the source is not one of the packed data.
  let broken: { error: unknown } | undefined;
  let givenBytes = 0;
  async function* watched() {
    try {
      for await (const chunk of all()) {
        givenBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      broken = { error };
      throw error;
    }
  }
  const packed = Readable.from(watched(), { objectMode: false });
  const unpack = kind.open();
  let isWhole = true;
  packed.on("error", (error) => unpack.destroy(error));
  try {
    yield* packed.pipe(unpack) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (broken !== undefined) throw broken.error;
    throw new BadText(
      "body",
      `the ${kind.name} data is damaged or incomplete (${(error as Error).message}): what came before it is read; test the file with ${kind.name} -t FILE`,
    );
  } finally {
    // Node reads one frame of zstd, and ignores others without an error.
    isWhole = unpack.bytesWritten === givenBytes;
    unpack.destroy();
    packed.destroy();
  }
  if (!isWhole)
    throw new BadText(
      "body",
      `the ${kind.name} data has more parts than the first, which alone is read: unpack it with ${kind.name} -dc FILE, and send that by --input -`,
    );
}
