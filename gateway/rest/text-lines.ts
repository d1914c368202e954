// A stream of bytes as lines of text, one network chunk at a time.
import { Code, ConnectError } from "@connectrpc/connect";
import { LineCutter } from "../../runtime/line-cutter.ts";
import { invalidField } from "../errors.ts";
import { HttpProblem } from "./problem.ts";

export type Line = {
  /** From 1, as editors count. */
  number: number;
  /**
   * Without its line end, or, if that is asked for, with the CR of it; undefined if it is longer
   * than allowed.
   */
  text: string | undefined;
};

/** Even where each character is a line, so many are cut within a millisecond or two. */
const charactersInTurn = 8 * 1024;

/**
 * Lines as they come, those of a piece of a chunk together; the last one need not end. Throws if
 * the bytes are not UTF-8 or break off.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxCharacters = 1024 * 1024, withReturns = false } = {},
): AsyncGenerator<Line[], void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const cutter = new LineCutter(maxCharacters, { withReturns });
  let number = 0;
  const numbered = (texts: (string | undefined)[]): Line[] => texts.map((text) => ({ number: ++number, text }));
  const decode = (chunk?: Uint8Array) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw invalidField("body", "not UTF-8");
    }
  };
  for await (const chunk of unlessBroken(chunks)) {
    const text = decode(chunk);
    for (let at = 0; at < text.length; at += charactersInTurn) {
      const lines = numbered(cutter.push(text.slice(at, at + charactersInTurn)));
      if (lines.length > 0) yield lines;
    }
  }
  const last = numbered([...cutter.push(decode()), ...cutter.end()]);
  if (last.length > 0) yield last;
}

/** A client that leaves in the middle of its body has nobody to answer to. */
async function* unlessBroken(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (cause) {
    if (cause instanceof HttpProblem) throw cause;
    throw new ConnectError("the body broke off", Code.Canceled, undefined, undefined, cause);
  }
}
