// Estimates the memory of JSON text from its bytes before any of it is parsed: two characters can
// be an object.
import { setImmediate as nextTurn } from "node:timers/promises";
import { type CostLimits, MessageTooLarge, maxCostOf } from "../../runtime/grpc/message-limits.ts";

/** Cost of the parsed object and of the message that is made from it. */
const objectCost = 200;
const arrayCost = 100;
const textCost = 32;
/** Cost of a member of an object besides its text. */
const memberCost = 48;
/** Cost of a number's slots in two arrays. */
const numberCost = 40;
/** Cost of an invalid row, which gets a verdict. */
const wordCost = 100;
/**
 * Elements of lists that are not objects: values and times of a batch, at most two for a record. A
 * million of them take 80 ms to read, so further ones have an extra cost.
 */
const maxCheapElements = 131_072;
const furtherElementCost = 512;
const maxDepth = 100;

const quote = 0x22;
const backslash = 0x5c;

/** This many bytes take a millisecond or two. */
const bytesInTurn = 256 * 1024;

/**
 * Fails with MessageTooLarge as soon as the text would cost more than allowed. It does not check
 * that the text is JSON: the parser does, and stops at the first error. Returns the estimate. Lets
 * others have their turn while it counts.
 */
export async function assertJsonCost(text: Uint8Array, limits: CostLimits): Promise<number> {
  const count = new JsonCost(text, maxCostOf(text.length, limits));
  for (let end = bytesInTurn; end < text.length; end += bytesInTurn) {
    count.to(end);
    await nextTurn();
  }
  return count.to(text.length);
}

/** Counts the text in pieces; a piece may end inside a string or a word. */
class JsonCost {
  readonly #text: Uint8Array;
  readonly #max: number;
  #at = 0;
  #cost = 0;
  #depth = 0;
  #inside: "text" | "word" | undefined;
  #elements = 0;
  /** By depth, whether the open container is a list. */
  readonly #lists: boolean[] = [];

  constructor(text: Uint8Array, max: number) {
    this.#text = text;
    this.#max = max;
  }

  to(end: number): number {
    while (this.#at < end) {
      if (this.#inside === "text") this.#restOfText(end);
      else if (this.#inside === "word") this.#restOfWord(end);
      else this.#start(this.#text[this.#at++]!);
      if (this.#cost > this.#max) throw new MessageTooLarge("decoded-bytes", this.#max);
    }
    return this.#cost;
  }

  #start(byte: number): void {
    // Blanks, commas, closing brackets and everything else that starts no value.
    if (byte <= 0x20 || byte === 0x2c) return;
    if (byte === quote) {
      this.#cost += textCost + this.#ofElement();
      this.#inside = "text";
    } else if (byte === 0x3a) {
      this.#cost += memberCost;
    } else if (byte === 0x7b || byte === 0x5b) {
      this.#cost += byte === 0x7b ? objectCost : arrayCost + this.#ofElement();
      if (++this.#depth > maxDepth) throw new MessageTooLarge("depth", maxDepth);
      this.#lists[this.#depth] = byte === 0x5b;
    } else if (byte === 0x7d || byte === 0x5d) {
      this.#depth--;
    } else {
      const isNumber = byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
      this.#cost += (isNumber ? numberCost : wordCost) + this.#ofElement();
      this.#inside = "word";
    }
  }

  /** The extra cost of a value in a list. */
  #ofElement(): number {
    if (this.#lists[this.#depth] !== true) return 0;
    return ++this.#elements > maxCheapElements ? furtherElementCost : 0;
  }

  #restOfText(end: number): void {
    const text = this.#text;
    const from = this.#at;
    let at = from;
    while (at < end && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
    this.#cost += 2 * (Math.min(at, text.length) - from);
    if (at < end) {
      at++;
      this.#inside = undefined;
    }
    this.#at = at;
  }

  #restOfWord(end: number): void {
    const text = this.#text;
    let at = this.#at;
    while (at < end && isInside(text[at]!)) at++;
    if (at < end) this.#inside = undefined;
    this.#at = at;
  }
}

/** Whether a byte continues a number or a word. */
const isInside = (byte: number) =>
  byte > 0x20 &&
  byte !== 0x2c &&
  byte !== 0x3a &&
  byte !== quote &&
  byte !== 0x5b &&
  byte !== 0x5d &&
  byte !== 0x7b &&
  byte !== 0x7d;
