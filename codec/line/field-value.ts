// Values of fields in line protocol: floats, integers (i, u), booleans and quoted strings.
import { LineFault } from "./line-fault.ts";
import { shown } from "./line-key.ts";

export type FieldValue = number | boolean | string;

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["t", "T", "true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["f", "F", "false", "False", "FALSE"].map((word) => [word, false] as const),
]);

const [zero, nine, minus, plus, point] = ["0", "9", "-", "+", "."].map((one) => one.charCodeAt(0));
const [letterX, letterB, letterO] = ["x", "b", "o"].map((one) => one.charCodeAt(0));

/**
 * The value of a field as a line has it. Integers beyond 2^53, which a double does not hold, are
 * faults, and so are numbers beyond doubles.
 */
export function readFieldValue(text: string): FieldValue | LineFault {
  const first = text.charCodeAt(0);
  const isNumeric =
    (first >= zero! && first <= nine!) || first === minus || first === plus || first === point;
  if (isNumeric) return numberOf(text);
  if (first === 34) return stringOf(text);
  return (
    booleans.get(text) ??
    new LineFault(
      text === ""
        ? "a field has no value"
        : `value ${shown(text)}: expected a number, an integer such as 12i, true or false, or a text in double quotes`,
    )
  );
}

function numberOf(text: string): number | LineFault {
  const last = text.charCodeAt(text.length - 1);
  // "i" or "u".
  if (last === 105 || last === 117) {
    const digits = text.slice(0, -1);
    const value = Number(digits);
    if (!/^[+-]?\d+$/.test(digits)) return notANumber(text);
    if (!Number.isSafeInteger(value))
      return new LineFault(
        `value ${shown(text)}: an integer beyond 2^53, which is not stored exactly: send it as a float if that is enough`,
      );
    // "-0i" is the integer 0.
    return value + 0;
  }
  const value = Number(text);
  // Number() also reads other bases.
  const second = text.charCodeAt(1) | 32;
  if (Number.isNaN(value) || second === letterX || second === letterB || second === letterO)
    return notANumber(text);
  return Number.isFinite(value)
    ? value
    : new LineFault(`value ${shown(text)}: a number beyond the range of float64`);
}

const notANumber = (text: string) =>
  new LineFault(`value ${shown(text)}: expected a number such as 412.3 or 4.1e-3, or 12i`);

/** In its quotes, a "\" escapes a quote and itself. */
function stringOf(text: string): string | LineFault {
  if (text.length < 2 || !text.endsWith('"'))
    return new LineFault("a text in double quotes does not end");
  const inner = text.slice(1, -1);
  return inner.includes("\\") ? inner.replace(/\\(["\\])/g, "$1") : inner;
}
