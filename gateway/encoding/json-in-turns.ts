// Writes JSON of any size in turns: writing 40,000 buckets at once delayed all other requests by
// 0.8 s.

import { isList, isMember, type Json, toJsonText } from "../../codec/row/json-text.ts";
import type { Turns } from "../../runtime/turns.ts";

/** How many characters are encoded at once. */
const pieceCharacters = 64 * 1024;
/** After this many items of a list, others may have their turn. */
const itemsInARow = 16;

/**
 * A list whose items are made while they are written, instead of all beforehand. It can be read
 * more than once.
 */
export function lazyList<T>(items: readonly T[], toJson: (item: T) => Json): Iterable<Json> {
  return {
    *[Symbol.iterator]() {
      for (const item of items) yield toJson(item);
    },
  };
}

/** The same text as toJsonText, as UTF-8 bytes in pieces. */
export async function jsonInTurns(value: Json, turns: Pick<Turns, "pause">): Promise<Buffer[]> {
  const pieces = new Pieces();
  await write(value, pieces, turns);
  return pieces.take();
}

class Pieces {
  readonly #pieces: Buffer[] = [];
  #text = "";

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= pieceCharacters) this.#flush();
  }

  take(): Buffer[] {
    this.#flush();
    return this.#pieces;
  }

  // No piece ends within a character, since each part of the JSON is added as a whole.
  #flush(): void {
    if (this.#text !== "") this.#pieces.push(Buffer.from(this.#text));
    this.#text = "";
  }
}

async function write(value: Json, pieces: Pieces, turns: Pick<Turns, "pause">): Promise<void> {
  if (typeof value !== "object" || value === null) pieces.add(toJsonText(value));
  else if (isList(value)) await writeList(value, pieces, turns);
  else {
    let before = "{";
    for (const key in value) {
      const member = value[key];
      if (!isMember(member)) continue;
      pieces.add(`${before}${JSON.stringify(key)}:`);
      before = ",";
      if (holdsList(member)) await write(member, pieces, turns);
      else pieces.add(toJsonText(member));
    }
    pieces.add(before === "{" ? "{}" : "}");
  }
}

async function writeList(
  list: Iterable<Json>,
  pieces: Pieces,
  turns: Pick<Turns, "pause">,
): Promise<void> {
  let before = "[";
  let inARow = 0;
  for (const item of list) {
    pieces.add(before);
    before = ",";
    if (holdsList(item)) await write(item, pieces, turns);
    else pieces.add(toJsonText(item));
    if (++inARow % itemsInARow === 0) await turns.pause();
  }
  pieces.add(before === "[" ? "[]" : "]");
}

/** Whether a value is a list, or has one as a member: values without lists are small. */
function holdsList(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isList(value)) return true;
  for (const key in value) {
    const member = value[key];
    if (typeof member === "object" && member !== null && isList(member)) return true;
  }
  return false;
}
