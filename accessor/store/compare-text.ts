// The order of names.

/** By code point, as PostgreSQL's C collation: not by anybody's language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
