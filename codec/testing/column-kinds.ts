// Columns of every kind of time and value the codec treats differently, drawn from a seed. For
// tests only.
import type { Column } from "../column.ts";

export type Draw = () => number;

/** Uniform in [0, 1) (mulberry32), the same sequence for the same seed. */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const bell = (draw: Draw) => draw() + draw() + draw() + draw() - 2;
const wave = (i: number, draw: Draw) => 5000 + 900 * Math.sin(i / 300) + 10 * bell(draw);
const round = (value: number, scale: number) => Math.round(value * scale) / scale;

function steps(interval: (draw: Draw, i: number) => number) {
  return (count: number, draw: Draw): Float64Array => {
    let time = Math.floor((draw() - 0.1) * 2e15);
    return Float64Array.from({ length: count }, (_, i) => {
      if (i > 0) time += interval(draw, i);
      return time;
    });
  };
}

/** Times by kind: sorted whole microseconds. */
export const timeKinds: Record<string, (count: number, draw: Draw) => Float64Array> = {
  grid: steps(() => 10_000),
  "odd grid": steps(() => 16_667),
  "all equal": steps(() => 0),
  "grid with holes": steps((draw) => (draw() < 0.005 ? 10_000 * Math.ceil(draw() * 900) : 10_000)),
  "many holes": steps((draw) => (draw() < 0.08 ? 10_000 * Math.ceil(draw() * 9) : 10_000)),
  "two periods": steps((_, i) => ((i >> 9) & 1 ? 10_000 : 25_000)),
  "runs out of phase": steps((draw, i) => (i % 700 === 0 ? Math.floor(draw() * 1e9) : 10_000)),
  milliseconds: steps((draw) => 1000 * Math.floor(draw() * 30)),
  jitter: (count, draw) =>
    Float64Array.from({ length: count }, (_, i) => 1e15 + i * 1e4 + Math.round(bell(draw) * 40)),
  "jitter and holes": steps((draw) => (draw() < 0.003 ? 5e6 : 10_000) + Math.round(draw() * 90)),
  "drifting clock": (count) =>
    Float64Array.from({ length: count }, (_, i) => Math.round(-1e12 + i * 9999.37)),
  Poisson: steps((draw) => Math.ceil(-Math.log(1 - draw()) * 1e6)),
  "bursts of equal times": steps((draw) => (draw() < 0.6 ? 0 : Math.floor(draw() * 1e5))),
  "days apart": steps((draw) => Math.floor(draw() * 1e11)),
  "any magnitude": steps((draw) => Math.floor(2 ** (draw() * 36))),
};

const anyBits = (draw: Draw): number => {
  const words = new Uint32Array([draw() * 2 ** 32, draw() * 2 ** 32]);
  return new Float64Array(words.buffer)[0]!;
};

const scattered: Record<string, (i: number, draw: Draw) => number> = {
  constant: () => 230.4,
  "whole numbers": (i, draw) => Math.round(wave(i, draw)),
  "huge whole numbers": (_, draw) => Math.floor(draw() * 2 ** 53),
  counter: (i, draw) => 123_456_789 + i * 3 + Math.floor(draw() * 2),
  "steps of 0.25": (i, draw) => Math.round(wave(i, draw) * 4) / 4,
  "steps of 500": (i, draw) => Math.round(wave(i, draw) / 500) * 500,
  "two levels": (_, draw) => (draw() < 0.1 ? 1 : 0),
  "decimals with a sentinel": (i, draw) =>
    draw() < 0.01 ? -99_999_999_999.9 : round(wave(i, draw), 10),
  "decimals with -0": (i, draw) => (draw() < 0.02 ? -0 : round(wave(i, draw), 10)),
  "decimals about 0": (_, draw) => Math.round(bell(draw) * 4) / 100,
  "decimals of mixed scale": (i, draw) => round(wave(i, draw), 10 ** Math.floor(draw() * 7)),
  "spiky decimals": (i, draw) => round(wave(i, draw) + (draw() < 0.01 ? 1e6 * bell(draw) : 0), 10),
  "full mantissa": (i, draw) => wave(i, draw),
  "negative full mantissa": (i, draw) => -wave(i, draw),
  "full mantissa about 0": (_, draw) => bell(draw),
  "smooth curve": (i) => 20 + Math.sin(i / 500),
  float32: (i, draw) => Math.fround(wave(i, draw)),
  "float32 about 0": (_, draw) => Math.fround(bell(draw)),
  "powers of two": (_, draw) => (draw() < 0.5 ? -1 : 1) * 2 ** Math.floor(draw() * 2000 - 1000),
  "mixed magnitudes": (_, draw) => bell(draw) * 10 ** Math.floor(draw() * 600 - 300),
  subnormals: (_, draw) => Number.MIN_VALUE * Math.floor(draw() * 1e9) * (draw() < 0.5 ? -1 : 1),
  "limits of double": (_, draw) =>
    [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -Number.MIN_VALUE, 0, -0][
      Math.floor(draw() * 6)
    ]!,
  "signed zeros": (_, draw) => (draw() < 0.5 ? 0 : -0),
  "not finite": (_, draw) => [Number.NaN, Infinity, -Infinity, 1.5][Math.floor(draw() * 4)]!,
};

/** Values by kind, among them decimals of 0 to 10 digits and arbitrary bits (NaN payloads too). */
export const valueKinds: Record<string, (count: number, draw: Draw) => Float64Array> = {
  ...Object.fromEntries(
    Object.entries(scattered).map(([name, value]) => [
      name,
      (count: number, draw: Draw) => Float64Array.from({ length: count }, (_, i) => value(i, draw)),
    ]),
  ),
  ...Object.fromEntries(
    Array.from({ length: 11 }, (_, digits) => [
      `decimals of ${digits} digits`,
      (count: number, draw: Draw) =>
        Float64Array.from({ length: count }, (_, i) =>
          Number((wave(i, draw) / 100).toFixed(digits)),
        ),
    ]),
  ),
  "random bits": (count, draw) =>
    new Float64Array(Uint32Array.from({ length: count * 2 }, () => draw() * 2 ** 32).buffer),
  "random bits, few": (count, draw) => {
    const few = Array.from({ length: 4 }, () => anyBits(draw));
    return Float64Array.from({ length: count }, () => few[Math.floor(draw() * 4)]!);
  },
};

/** One column of the named kinds. */
export function drawColumn(kind: {
  times: string;
  values: string;
  count: number;
  seed: number;
}): Column {
  const draw = createDraw(kind.seed);
  const timesUs = timeKinds[kind.times]!(kind.count, draw);
  return { timesUs, values: valueKinds[kind.values]!(kind.count, draw) };
}

/** The bytes of a float64 array, for comparing bit for bit. */
export function bitsOf(array: Float64Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
