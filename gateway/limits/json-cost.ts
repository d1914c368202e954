// What JSON text would take in memory, counted over its bytes before any of it is parsed: two
// characters can be an object.
import { type CostBounds, MessageTooLarge, maxCostOf } from "../../runtime/grpc/message-bounds.ts";

/** JSON's own object and the message that is made of it. */
const objectCost = 200;
const arrayCost = 100;
const textCost = 32;
/** Beside its text, for its place in an object. */
const memberCost = 48;
/** A number's places in two arrays. */
const numberCost = 40;
/** As a row that is none, which has a verdict. */
const wordCost = 100;
const maxDepth = 100;

const quote = 0x22;
const backslash = 0x5c;

/**
 * Fails with MessageTooLarge as soon as the text would cost more than it may. Says nothing about
 * whether it is JSON: what is none is left to the parser, which stops where it is none. Answers the
 * estimate.
 */
export function assertJsonCost(text: Uint8Array, bounds: CostBounds): number {
  const max = maxCostOf(text.length, bounds);
  let cost = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    // Blanks, commas, closing brackets and all that is no start of anything.
    if (byte <= 0x20 || byte === 0x2c) continue;
    if (byte === quote) {
      const end = endOfText(text, at + 1);
      cost += textCost + 2 * (end - at);
      at = end;
    } else if (byte === 0x3a) {
      cost += memberCost;
    } else if (byte === 0x7b || byte === 0x5b) {
      cost += byte === 0x7b ? objectCost : arrayCost;
      if (++depth > maxDepth) throw new MessageTooLarge("depth", maxDepth);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    } else {
      const isNumber = byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
      cost += isNumber ? numberCost : wordCost;
      while (at + 1 < text.length && isInside(text[at + 1]!)) at++;
    }
    if (cost > max) throw new MessageTooLarge("decoded-bytes", max);
  }
  return cost;
}

/** Where the closing quote is, or the end of the text. */
function endOfText(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
  return Math.min(at, text.length);
}

/** Whether a byte goes on with a number or a word. */
const isInside = (byte: number) =>
  byte > 0x20 &&
  byte !== 0x2c &&
  byte !== 0x3a &&
  byte !== quote &&
  byte !== 0x5b &&
  byte !== 0x5d &&
  byte !== 0x7b &&
  byte !== 0x7d;
