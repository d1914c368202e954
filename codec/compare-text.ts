// The order of names, the same in every answer, page and block: by code point.

/**
 * Compares by code point, as UTF-8 bytes and PostgreSQL's C collation do, and not by the rules of a
 * language. JavaScript's own "<" compares UTF-16 units, in which U+1F3ED comes before U+FF5E.
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
