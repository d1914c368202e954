// A mutant's edits of one text after the other; each text to replace must occur in its file exactly
// once.
import type { Mutant } from "./mutant.ts";

type Files = {
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
};

/**
 * Fails if a text does not occur exactly once: then the code has changed, and the mutant proves
 * nothing.
 */
export async function applyEdits({ name, edits }: Mutant, { read, write }: Files): Promise<void> {
  for (const { file, find, replace } of edits) {
    const text = await read(file);
    const count = text.split(find).length - 1;
    if (count !== 1)
      throw new Error(`mutant "${name}": ${JSON.stringify(find)} is ${count} times in ${file}`);
    const edited = text.replace(find, () => replace);
    if (edited === text) throw new Error(`mutant "${name}": nothing changes in ${file}`);
    await write(file, edited);
  }
}
