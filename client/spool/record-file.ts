// A file of JSON lines with a bound: when it is full it becomes NAME.1, in place of an older one.
import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { errorCode, keepPrivate, privateFile } from "./files.ts";

export type RecordFile = {
  /** Adds lines; `durably` syncs them. Calls are served in order. Rejects with the disk's error. */
  append(entries: readonly unknown[], options?: { durably?: boolean }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Opens the file at the first write. It and its predecessor each stay below `maxBytes`, apart from
 * the entries of one call.
 */
export function createRecordFile({
  path,
  maxBytes,
}: {
  path: string;
  maxBytes: number;
}): RecordFile {
  let open_: { handle: FileHandle; bytes: number } | undefined;
  let turn: Promise<void> = Promise.resolve();

  async function add(text: Buffer, durably: boolean): Promise<void> {
    open_ ??= await openEnd(path);
    if (open_.bytes > 0 && open_.bytes + text.length > maxBytes) {
      await open_.handle.close();
      open_ = undefined;
      await rename(path, `${path}.1`);
      open_ = await openEnd(path);
    }
    await open_.handle.appendFile(text);
    open_.bytes += text.length;
    if (durably) await open_.handle.datasync();
  }

  return {
    append(entries, { durably = false } = {}) {
      const text = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
      const added = turn.then(() => add(text, durably));
      turn = added.catch(() => {});
      return added;
    },
    async [Symbol.asyncDispose]() {
      await turn;
      await open_?.handle.close();
      open_ = undefined;
    },
  };
}

async function openEnd(path: string): Promise<{ handle: FileHandle; bytes: number }> {
  const handle = await open(path, "a+", privateFile);
  await keepPrivate(path);
  const { size } = await handle.stat();
  if (size === 0) return { handle, bytes: 0 };
  // A line that a crash cut short must not run into the next one.
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== 10) await handle.appendFile("\n");
  return { handle, bytes: size };
}

/**
 * The entries of a file and its predecessor, oldest first; lines that are not JSON are left out.
 */
export async function readRecordFile(path: string): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (const one of [`${path}.1`, path]) {
    const text = await readFile(one, "utf8").catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return "";
      throw error;
    });
    for (const line of text.split("\n")) {
      try {
        if (line !== "") entries.push(JSON.parse(line));
      } catch {
        // A crash cut this line short.
      }
    }
  }
  return entries;
}
