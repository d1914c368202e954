// Repeatable randomness: a seeded sequence, and noise that is a function of its index. Nothing here
// depends on the clock.

/**
 * Folds a seed and any names or numbers into one 32-bit seed (FNV-1a, then mixed): equal parts,
 * equal seed.
 */
export function seedOf(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    // The unit separator keeps ("ab", "c") and ("a", "bc") apart.
    for (const char of `${part}\u001f`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  }
  return mix(hash);
}

/**
 * A bijection of 32-bit integers in which every bit of the input moves every bit of the output
 * (lowbias32, bias 0.17).
 */
export function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A sequence of random numbers. */
export interface Random {
  /** In [0, 1), in steps of 2^-32. */
  next(): number;
  /** A whole number in [min, max], each equally likely. */
  whole(min: number, max: number): number;
  /** One of the items, each equally likely. */
  pick<T>(items: readonly T[]): T;
}

/** A sequence that the seed determines (sfc32: 128 bits of state, passes PractRand). */
export function createRandom(seed: number): Random {
  let a = mix(seed);
  let b = mix(a + 0x9e3779b9);
  let c = mix(b + 0x9e3779b9);
  let counter = 1;
  const draw = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) draw();
  const next = () => draw() / 2 ** 32;
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return { next, whole, pick: (items) => items[whole(0, items.length - 1)]! };
}

/**
 * Gaussian noise (mean 0, standard deviation 1) for the samples `first`, `first + 1`, … written
 * into `into`. The value of a sample depends on the seed and its index only, so any cut of the
 * indices gives the same noise. Box-Muller: a pair of neighbours shares two hashes, radius and
 * angle.
 */
export function fillGaussian(
  into: Float64Array,
  { seed, first }: { seed: number; first: number },
): void {
  const { length } = into;
  let key = 0;
  let keyedHigh = -1;
  for (let i = first % 2 === 0 ? 0 : -1; i < length; i += 2) {
    const pair = (first + i) / 2;
    const low = pair >>> 0;
    const high = (pair - low) / 2 ** 32;
    if (high !== keyedHigh) {
      key = mix(seed ^ mix(high));
      keyedHigh = high;
    }
    const hash = mix(low ^ key);
    // 1 - u lies in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - hash / 2 ** 32));
    const angle = mix(hash + 0x6a09e667 + seed) * (Math.PI / 2 ** 31);
    if (i >= 0) into[i] = radius * Math.cos(angle);
    if (i + 1 < length) into[i + 1] = radius * Math.sin(angle);
  }
}
