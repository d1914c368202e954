// Converts values from the unit of a file to the unit that is stored, where that is declared.
import { readUnit } from "../unit.ts";
import { shiftDecimal } from "./decimal-text.ts";
import { textBounds } from "./text-fault.ts";

/** From one unit to another: by a power of ten, or by a factor and an offset. */
export type Conversion = {
  readonly from: string;
  readonly to: string;
  readonly exponent?: number;
  readonly factor?: number;
  readonly offset?: number;
};

/** The forms of a conversion, to follow "expected". */
export const conversionForms =
  "FROM=TO for units that differ in their SI prefix (kW=W), or FROM=TO*FACTOR (hp=W*745.7), with +OFFSET or -OFFSET behind it if needed (K=°C*1-273.15)";

const exponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  // Two characters look the same: the micro sign and the Greek letter.
  "\u00b5": -6,
  "\u03bc": -6,
  m: -3,
  c: -2,
  d: -1,
  "": 0,
  h: 2,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
};

const number = String.raw`(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?`;
const linear = new RegExp(String.raw`^(.+)\*(-?${number})([+-]${number})?$`, "i");

/** The conversion of a text such as "kW=W"; undefined if it is none. */
export function readConversion(text: string): Conversion | undefined {
  if (text.length > 200) return undefined;
  const cut = text.indexOf("=");
  const from = readUnit(text.slice(0, Math.max(cut, 0)));
  const right = text.slice(cut + 1);
  const [, named = right, factorText, offsetText = "0"] = linear.exec(right) ?? [];
  const to = readUnit(named);
  if (from === "" || to === "" || from === to) return undefined;
  if (to.length > textBounds.unit.max || from.length > textBounds.unit.max) return undefined;
  if (factorText === undefined) {
    const exponent = exponentBetween(from, to);
    return exponent === undefined ? undefined : { from, to, exponent };
  }
  const [factor, offset] = [Number(factorText), Number(offsetText)];
  const isUsable = factor !== 0 && Number.isFinite(factor) && Number.isFinite(offset);
  return isUsable ? { from, to, factor, offset } : undefined;
}

/** By which power of ten two units of one base differ; undefined if they have none. */
function exponentBetween(from: string, to: string): number | undefined {
  for (const [ours, of] of Object.entries(exponents))
    for (const [theirs, into] of Object.entries(exponents)) {
      if (!from.startsWith(ours) || !to.startsWith(theirs)) continue;
      const base = from.slice(ours.length);
      if (base !== "" && base === to.slice(theirs.length)) return of - into;
    }
  return undefined;
}

/** The value in the unit `to`. A power of ten loses no digit. */
export function convert(value: number, { exponent, factor = 1, offset = 0 }: Conversion): number {
  return exponent === undefined ? value * factor + offset : shiftDecimal(value, exponent);
}
