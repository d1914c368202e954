// Arithmetic with some 106 bits: a number is the sum of two float64, where `high` is its rounded
// value and `low` the remainder (T. J. Dekker, Numer. Math. 18, 1971). No I/O.
//
// If a step exceeds float64, `high` is not finite and `low` is 0.

export type DoubleDouble = { readonly high: number; readonly low: number };

export const zero: DoubleDouble = Object.freeze({ high: 0, low: 0 });

/** 2^27 + 1: a product with it splits a float64 into halves, whose products are exact. */
export const splitter = 134_217_729;

/** The exact sum of two numbers. */
export function sumOfTwo(a: number, b: number): DoubleDouble {
  const high = a + b;
  const before = high - b;
  return settled(high, a - before + (b - (high - before)));
}

/** The exact difference of two numbers. */
export const differenceOfTwo = (a: number, b: number): DoubleDouble => sumOfTwo(a, -b);

/** The exact product of two numbers, except for what is below the smallest float64. */
export function productOfTwo(a: number, b: number): DoubleDouble {
  const high = a * b;
  const aShift = splitter * a;
  const bShift = splitter * b;
  const aHalf = aShift - (aShift - a);
  const bHalf = bShift - (bShift - b);
  const aRest = a - aHalf;
  const bRest = b - bHalf;
  return settled(high, aRest * bRest - (high - aHalf * bHalf - aHalf * bRest - aRest * bHalf));
}

export function plus(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const { high, low } = sumOfTwo(a.high, b.high);
  return sumOfTwo(high, low + (a.low + b.low));
}

export function times(a: DoubleDouble, factor: number): DoubleDouble {
  const { high, low } = productOfTwo(a.high, factor);
  return sumOfTwo(high, low + a.low * factor);
}

export function dividedBy(a: DoubleDouble, divisor: number): DoubleDouble {
  const quotient = a.high / divisor;
  const { high, low } = productOfTwo(quotient, divisor);
  return sumOfTwo(quotient, (a.high - high - low + a.low) / divisor);
}

/** Halves of a number above 1e300 overflow although the number does not: `low` is then unknown. */
const settled = (high: number, low: number): DoubleDouble => ({
  high,
  low: Number.isFinite(low) ? low : 0,
});
