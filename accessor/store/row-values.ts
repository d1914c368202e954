// Values of PostgreSQL in rows, converted: numbers for int8 (ours are below 2^53), Buffers for
// bytea, text for the rest.

const toNumber = (text: string) => Number(text);
const parsers: Record<number, (text: string) => unknown> = {
  16: (text) => text === "t",
  17: (text) => Buffer.from(text.slice(2), "hex"),
  20: toNumber,
  21: toNumber,
  23: toNumber,
  700: toNumber,
  // Exact: PostgreSQL prints the shortest digits that give the same double, and -0 as "-0".
  701: toNumber,
};

/** Parser for a column by type. */
export function parserOf(oid: number): (text: string) => unknown {
  return parsers[oid] ?? ((text) => text);
}
