// A request's body without its Content-Encoding, as it arrives. What it decompresses to is bounded,
// since a few bytes may become a great many.
import { PassThrough, pipeline, type Readable, type Transform } from "node:stream";
import { createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { HttpProblem } from "../errors/problem.ts";

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  zstd: () => createZstdDecompress(),
};

export const bodyEncodings: readonly string[] = Object.keys(decoders);

/** Pieces of the body; fails with HttpProblem 415, 400 or 413. */
export async function* decodedBody(
  body: Readable,
  { encoding, maxBytes }: { encoding: string | undefined; maxBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const piece of piecesOf(body, encoding)) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      const most = Math.floor(maxBytes / 2 ** 20);
      throw new HttpProblem(413, `the body is larger than ${most} MiB: send less at once`);
    }
    yield piece;
  }
}

function piecesOf(body: Readable, encoding: string | undefined): AsyncIterable<Uint8Array> {
  // Destroying the request would close its connection, and with it the answer.
  const pieces = body.iterator({ destroyOnReturn: false });
  const name = encoding?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return pieces;
  const create = decoders[name];
  if (create === undefined)
    throw new HttpProblem(
      415,
      `Content-Encoding ${JSON.stringify(name.slice(0, 40))} is not known: send gzip, zstd, deflate or none`,
    );
  return decompressed(pieces, create());
}

async function* decompressed(
  pieces: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The body's own failure, such as a client that leaves, comes out as it is.
  let failure: unknown;
  async function* watched() {
    try {
      yield* pieces;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  const out = pipeline(watched, decoder, new PassThrough(), () => {}) as Readable;
  try {
    yield* out;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw new HttpProblem(400, `the body cannot be decompressed: ${(error as Error).message}`);
  } finally {
    out.destroy();
  }
}
