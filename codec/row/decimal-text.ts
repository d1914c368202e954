// Numbers as files write them: with a decimal point or a decimal comma, and with grouped thousands.

/** What separates the fraction. */
export type Decimal = "point" | "comma";
export const decimals: readonly Decimal[] = ["point", "comma"];

// Each digit can match in one way only, so a long run that is no number takes linear time.
const plainForms: Record<Decimal, RegExp> = {
  point: /^([+-]?)(\d*)(?:\.(\d*))?(e[+-]?\d+)?$/i,
  comma: /^([+-]?)(\d*)(?:,(\d*))?(e[+-]?\d+)?$/i,
};
// Blanks (also those that do not break) and apostrophes group in either notation.
const groupedForms: Record<Decimal, RegExp> = {
  point: /^([+-]?)(\d{1,3}(?:([,' \u00a0\u2009\u202f\u2019])\d{3})(?:\3\d{3})*)(?:\.(\d*))?$/,
  comma: /^([+-]?)(\d{1,3}(?:([.' \u00a0\u2009\u202f\u2019])\d{3})(?:\3\d{3})*)(?:,(\d*))?$/,
};

/**
 * The same number with a point and without groups, digit by digit; undefined if the text is not a
 * number in this notation. With "comma": "1.234,5" is "1234.5", and "1.5" is not a number, because
 * a point groups three digits.
 */
export function plainDecimal(text: string, decimal: Decimal): string | undefined {
  const plain = plainForms[decimal].exec(text);
  if (plain !== null) {
    const [, sign = "", whole = "", fraction = "", exponent = ""] = plain;
    if (whole === "" && fraction === "") return undefined;
    return `${sign}${whole || "0"}${fraction === "" ? "" : `.${fraction}`}${exponent}`;
  }
  const grouped = groupedForms[decimal].exec(text);
  if (grouped === null) return undefined;
  const [, sign = "", whole = "", , fraction = ""] = grouped;
  return `${sign}${whole.replace(/\D/g, "")}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * Whether a text is a number in both notations, with different values: "1.234", which is 1234 where
 * points group thousands.
 */
export const isEitherNotation = (text: string): boolean => /^[+-]?\d{1,3}(?:\.\d{3})+$/.test(text);

/**
 * A number times ten to the power of `exponent`, as if its shortest decimal digits were shifted:
 * 1.005 and 3 are 1005, where a product is 1004.9999999999999.
 */
export function shiftDecimal(value: number, exponent: number): number {
  const [digits, own = "0"] = String(value).split("e");
  return Number(`${digits}e${Number(own) + exponent}`);
}
