// Downloads an answer of REST as a file. A link cannot carry a key, so with one the page reads the
// answer itself.
import { key } from "../contract/session.ts";
import { HttpError } from "./http-error.ts";

/** Most bytes that a page holds for a file. */
export const maxFileBytes = 256 * 1024 * 1024;

export type DownloadOptions = {
  name: string;
  onProgress: (bytes: number) => void;
  abort: AbortSignal;
};

/** Rejects with the problem that the gateway sent, or a RangeError if the file is too large. */
export async function download(
  path: string,
  { name, onProgress, abort }: DownloadOptions,
): Promise<void> {
  if (key.value === undefined) {
    save(path, name);
    return;
  }
  const response = await fetch(path, {
    headers: { authorization: `Bearer ${key.value}` },
    signal: abort,
  });
  if (!response.ok) throw await HttpError.of(response);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const part of piecesOf(response.body!)) {
    bytes += part.length;
    if (bytes > maxFileBytes) throw new RangeError("too large");
    parts.push(part);
    onProgress(bytes);
  }
  const type = response.headers.get("content-type") ?? "";
  const address = URL.createObjectURL(new Blob(parts, { type }));
  save(address, name);
  // The browser has begun to write it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function* piecesOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Has the browser save what is at an address. */
export function save(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
