// The order of names, the same in every answer, page and block: by code point.

/**
 * By code point, as UTF-8 bytes and PostgreSQL's C collation are, and not by anybody's language.
 * JavaScript's own "<" goes by units of UTF-16, in which U+1F3ED stands before U+FF5E.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one !== other) return rankOf(one) - rankOf(other);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for what is above U+FFFF, come after all other units. */
const rankOf = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
