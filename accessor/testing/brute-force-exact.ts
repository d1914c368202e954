// For tests only: sums and areas of float64 without any rounding, as fractions of whole numbers.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Between, Sample, Window } from "../history/line-area.ts";

/** A float64 as whole number of 2^-1074. */
export function toUnits(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  const units = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1);
  return raw >> 63n === 1n ? -units : units;
}

/** In units. */
export const exactSum = (values: Iterable<number>) =>
  [...values].reduce((sum, value) => sum + toUnits(value), 0n);

/** numerator / denominator units. */
export type Fraction = { numerator: bigint; denominator: bigint };

const plus = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.denominator + b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});

/** Area between the samples in the window, and the sum of its absolute values. */
export function exactIntegral(samples: readonly Sample[], window: Window, between: Between) {
  let [sum, size] = [
    { numerator: 0n, denominator: 1n },
    { numerator: 0n, denominator: 1n },
  ];
  for (const [i, p] of samples.entries()) {
    const q = samples[i + 1];
    const isStep = between.sampleType === SampleType.STEP;
    const spanUs = q === undefined ? between.maxGapUs : q.timeUs - p.timeUs;
    if ((q === undefined || spanUs > between.maxGapUs) && !isStep) continue;
    if (spanUs === 0) {
      const isInside = p.timeUs >= window.fromUs && p.timeUs < window.toUs;
      if (between.sampleType === SampleType.COUNTER && isInside && q!.value > p.value) {
        const up = { numerator: toUnits(q!.value) - toUnits(p.value), denominator: 1n };
        [sum, size] = [plus(sum, up), plus(size, up)];
      }
      continue;
    }
    const startUs = Math.max(p.timeUs, window.fromUs);
    const endUs = Math.min(p.timeUs + Math.min(spanUs, between.maxGapUs), window.toUs);
    if (endUs <= startUs) continue;
    const [from, to] = [startUs - p.timeUs, endUs - p.timeUs].map(BigInt) as [bigint, bigint];
    const [low, high, span] = [toUnits(p.value), toUnits(q?.value ?? 0), BigInt(spanUs)];
    const area = (a: bigint, b: bigint): Fraction => {
      if (isStep) return { numerator: a * (to - from), denominator: 1_000_000n };
      if (between.sampleType === SampleType.COUNTER)
        return { numerator: (b >= a ? b - a : b > 0n ? b : 0n) * (to - from), denominator: span };
      // The antiderivative of a + (b - a)·t/span, at both ends of the interval.
      const twice = (t: bigint) => 2n * a * span * t + (b - a) * t * t;
      return { numerator: twice(to) - twice(from), denominator: 2_000_000n * span };
    };
    const part = area(low, high);
    sum = plus(sum, part);
    size = plus(size, {
      ...part,
      numerator: part.numerator < 0n ? -part.numerator : part.numerator,
    });
  }
  return { sum, size };
}

/** How far a float64 is from a fraction, and a bound on it, in the fraction's parts. */
export function distanceOf(actual: number, { numerator, denominator }: Fraction): Fraction {
  const difference = toUnits(actual) * denominator - numerator;
  return { numerator: difference < 0n ? -difference : difference, denominator };
}

/** Whether a ≤ b / 2^bits + units. */
export const isWithin = (
  a: Fraction,
  b: Fraction,
  { bits, units }: { bits: bigint; units: bigint },
) =>
  (a.numerator * b.denominator) << bits <=
  (b.numerator < 0n ? -b.numerator : b.numerator) * a.denominator +
    ((units * a.denominator * b.denominator) << bits);
