// What separates the fields of a CSV: declared, or recognised from its header line.
import { BadText } from "./unreadable.ts";

export type Delimiter = "," | ";" | "\t" | "|";

/** More than a record may have. */
const maxNames = 5_001;

/** The delimiters by the words that flags and parameters use. */
export const delimiterWords = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  pipe: "|",
} as const satisfies Record<string, Delimiter>;
export type DelimiterWord = keyof typeof delimiterWords;

export const wordOfDelimiter = (delimiter: Delimiter): DelimiterWord =>
  (Object.keys(delimiterWords) as DelimiterWord[]).find(
    (word) => delimiterWords[word] === delimiter,
  )!;

const delimiters: readonly Delimiter[] = Object.values(delimiterWords);

/** The delimiter by its word, or the character itself; undefined for any other text. */
export const readDelimiter = (text: string): Delimiter | undefined =>
  delimiters.find((one) => one === text) ??
  (Object.hasOwn(delimiterWords, text.toLowerCase())
    ? delimiterWords[text.toLowerCase() as DelimiterWord]
    : undefined);

/** The delimiter that Excel writes into a line of its own before the header, as "sep=;". */
export function sepLine(line: string): Delimiter | undefined {
  const [, mark] = /^sep=(.)\r?$/i.exec(line) ?? [];
  return mark === undefined ? undefined : readDelimiter(mark);
}

/**
 * The delimiter of a header line: the only one that stands outside its quotes, or a comma if there
 * is none. With several, the one that cuts out the most names that `isKnown` knows. Throws BadText
 * if that is no clear answer, because a wrong guess would move values into other columns.
 */
export function recogniseDelimiter(line: string, isKnown: (name: string) => boolean): Delimiter {
  const outside = line.replace(/"[^"]*(?:"|$)/g, "");
  const found = delimiters.filter((one) => outside.includes(one));
  if (found.length < 2) return found[0] ?? ",";
  const known = found.map((one) => {
    const names = line.split(one, maxNames).map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
    return { one, count: names.filter(isKnown).length };
  });
  const most = known.reduce((best, { count }) => Math.max(best, count), 0);
  const best = known.filter(({ count }) => count === most);
  if (most > 0 && best.length === 1) return best[0]!.one;
  const words = found.map(wordOfDelimiter);
  throw new BadText(
    "header",
    `it is not clear what separates the columns: declare delimiter=${words.join(" or ")} (producer flag: --delimiter ${words[0]})`,
  );
}
