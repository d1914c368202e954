// Reads a mapping from its file, for a program's start.
import { readFile } from "node:fs/promises";
import { ConfigError } from "../../runtime/config.ts";
import { type Mapping, MappingError, readMapping } from "./mapping-file.ts";

/** Throws ConfigError with every mistake. */
export async function loadMapping(path: string): Promise<Mapping> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new ConfigError([`--mapping: ${error.message}`]);
  });
  try {
    return readMapping(text);
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw new ConfigError(error.mistakes.map((mistake) => `${path}: ${mistake}`));
  }
}
