// Derives a producer id from a file's content. So the same file, sent again, is the same producer
// with the same batches, which the accessor already has.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/**
 * Version of how rows become batches: raise it when that changes, since the batches then differ.
 */
const batching = 1;

/**
 * The id of a producer that sends this file, read under these flags. Rejects when the file cannot
 * be read, or `abort` aborts.
 */
export async function inputId(
  path: string,
  flags: object,
  { abort }: { abort: AbortSignal },
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify({ batching, flags }));
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal: abort }))
    hash.update(chunk);
  return `input-${hash.digest("hex").slice(0, 40)}`;
}
