// Which SQL function of the migrations a place stands in, and whether a newer migration puts
// another in its stead.

export type SqlFile = { name: string; text: string };

type Definition = { signature: string; start: number; end: number };

const head = /^create (?:or replace )?function ([\w.]+)\s*\(/gim;

/**
 * The functions that a migration defines at its own level. signature: name and types of what it
 * takes, which tell overloads apart.
 */
function definitionsIn(text: string): Definition[] {
  const found: Definition[] = [];
  for (const match of text.matchAll(head)) {
    const open = match.index + match[0].length;
    const close = closingOf(text, open);
    const quote = text.indexOf("$$", close);
    const semicolon = text.indexOf(";", close);
    // A body without quotes ends with the statement.
    const end = quote >= 0 && quote < semicolon ? text.indexOf("$$", quote + 2) + 2 : semicolon;
    found.push({
      signature: `${match[1]}(${typesOf(text.slice(open, close)).join(", ")})`,
      start: match.index,
      end,
    });
  }
  return found;
}

/** Where the parenthesis closes that opened before `from`. */
function closingOf(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "(") depth++;
    if (text[at] === ")" && --depth === 0) return at;
  }
  throw new Error("a parenthesis does not close");
}

/**
 * Types of the parameters that go in: "p_at bigint, out v text, n integer default 1" comes to
 * bigint and integer.
 */
function typesOf(parameters: string): string[] {
  return parameters
    .split(",")
    .map((parameter) => parameter.trim().replace(/\s+(?:default|=)\s.*$/is, ""))
    .filter((parameter) => parameter !== "" && !/^out\s/i.test(parameter))
    .map((parameter) => parameter.replace(/^(?:inout|in)\s+/i, "").replace(/^\S+\s+/, ""));
}

/**
 * Where the function that a place stands in is defined anew: the file's name. Undefined if it
 * stands in none, or in the newest.
 */
export function replacedBy(
  files: readonly SqlFile[],
  { file, at }: { file: string; at: number },
): string | undefined {
  const place = files.findIndex(({ name }) => name === file);
  const inside = definitionsIn(files[place]!.text).find(
    ({ start, end }) => start <= at && at < end,
  );
  if (inside === undefined) return undefined;
  const same = ({ signature }: Definition) => signature === inside.signature;
  const later = files.slice(place + 1).find(({ text }) => definitionsIn(text).some(same));
  if (later !== undefined) return later.name;
  const again = definitionsIn(files[place]!.text).some(
    (one) => same(one) && one.start > inside.start,
  );
  return again ? file : undefined;
}
