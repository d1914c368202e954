// Chooses the format of an answer: by ?format=, or by the Accept header (RFC 9110, 12.5.1).

import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import type { Parameter } from "./parameters.ts";

/**
 * Every format that a route may offer, with the media types that select it; it is sent as the first
 * one.
 */
const mediaTypes = {
  json: ["application/json"],
  ndjson: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  csv: ["text/csv"],
  sse: ["text/event-stream"],
  html: ["text/html"],
  text: ["text/plain"],
} as const satisfies Record<string, readonly string[]>;

export type Format = keyof typeof mediaTypes;

/** The media type of a format, without parameters. */
export const mediaTypeOf = (format: Format): string => mediaTypes[format][0];

/** The value of Content-Type for a format. */
export const contentTypeOf = (format: Format): string =>
  `${mediaTypeOf(format)}; charset=utf-8${format === "csv" ? "; header=present" : ""}`;

/** ?format= of a route; the first format is the default. Any other format gives 406. */
export const formatParameter = (offered: readonly Format[]): Parameter<Format> => ({
  doc: `Format of the answer, whatever Accept says: ${offered.join(", ")}.`,
  schema: { type: "string", enum: [...offered] },
  read(texts) {
    const found = offered.find((format) => texts.every((text) => text.toLowerCase() === format));
    if (found) return found;
    throw notAcceptable(offered);
  },
});

/** ?csv= of a route that offers CSV. */
export const csvParameter: Parameter<"plain" | "safe"> = {
  doc:
    "How texts are written in CSV. `plain` (the default): as they were sent. `safe`, for spreadsheets: a text that begins with = + - @, a tab or " +
    "a carriage return, and is not a number, gets an apostrophe in front, so that the spreadsheet does not treat it as a formula.",
  schema: { type: "string", enum: ["plain", "safe"] },
  read(texts, { name }) {
    const [text = ""] = texts;
    if (texts.length === 1 && (text === "plain" || text === "safe")) return text;
    throw invalidField(name, "expected plain or safe");
  },
};

/**
 * The offered format that `accept` prefers, the earlier one among equals. Throws 406 if it accepts
 * none.
 */
export function chooseFormat(accept: string | undefined, offered: readonly Format[]): Format {
  if (!accept?.trim()) return offered[0]!;
  const ranges = accept.split(",").map(parseRange);
  let best: Format | undefined;
  let bestQuality = 0;
  for (const format of offered) {
    const quality = mediaTypes[format].reduce(
      (most, type) => Math.max(most, qualityOf(type, ranges)),
      0,
    );
    if (quality > bestQuality) [best, bestQuality] = [format, quality];
  }
  if (best === undefined) throw notAcceptable(offered);
  return best;
}

type MediaRange = { type: string; quality: number };

function parseRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** The quality of the most specific range that matches. */
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  for (const wanted of [type, `${type.split("/")[0]}/*`, "*/*"]) {
    const found = ranges.find((range) => range.type === wanted);
    if (found) return found.quality;
  }
  return 0;
}

function notAcceptable(offered: readonly Format[]): HttpProblem {
  const formats = Object.fromEntries(offered.map((format) => [format, mediaTypeOf(format)]));
  const list = offered.map((format) => `${mediaTypeOf(format)} (?format=${format})`).join(", ");
  return new HttpProblem(406, `the available formats are ${list}`, { members: { formats } });
}
