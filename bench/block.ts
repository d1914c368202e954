// Measures the block codec on several kinds of data: bytes per sample, speed of packing and
// unpacking, and the effect of zstd. Run: node bench/block.ts [filter]
import { zstdCompressSync } from "node:zlib";
import { decodeBlockInto } from "../codec/block/decode.ts";
import { encodeBlock } from "../codec/block/encode.ts";
import type { Column } from "../codec/column.ts";
import { createRandom, gaussian } from "./random.ts";

const startUs = 1_760_000_000_000_000;
const budgetMs = 700;

type Kind = {
  readonly name: string;
  readonly perBlock: number;
  readonly make: (count: number) => Column;
};

/**
 * Machine power in W: idle at 400, ramps, active at 3-8 kW with slow waves; noise of sd 6 W, idle 2
 * W.
 */
function power(count: number, seed: number): Float64Array {
  const random = createRandom(seed);
  const values = new Float64Array(count);
  let level = 400;
  let target = 400;
  let left = 0;
  for (let i = 0; i < count; i++) {
    if (left-- <= 0) {
      target = random() < 0.3 ? 400 : 3000 + random() * 5000;
      left = 500 + Math.floor(random() * 4000);
    }
    level += Math.max(-15, Math.min(15, target - level));
    const idle = level < 500;
    const wave = idle ? 0 : 200 * Math.sin(i / 800) + 40 * Math.sin(i / 150);
    values[i] = level + wave + gaussian(random) * (idle ? 2 : 6);
  }
  return values;
}

function grid(count: number, periodUs: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => startUs + i * periodUs);
}

function rounded(values: Float64Array, scale: number): Float64Array {
  return values.map((v) => Math.round(v * scale) / scale);
}

function jittered(count: number): Float64Array {
  const random = createRandom(5);
  return grid(count, 10_000).map((t) => t + Math.round((random() - 0.5) * 40));
}

function poisson(count: number): Float64Array {
  const random = createRandom(6);
  let t = startUs;
  return Float64Array.from({ length: count }, () => {
    t += Math.ceil(-Math.log(1 - random()) * 1e6);
    return t;
  });
}

function gappy(count: number): Float64Array {
  const random = createRandom(7);
  let t = startUs;
  return Float64Array.from({ length: count }, () => {
    t += random() < 0.002 ? 10_000 * Math.ceil(random() * 500) : 10_000;
    return t;
  });
}

function drawn(count: number, draw: (random: () => number, i: number) => number): Float64Array {
  const random = createRandom(9);
  return Float64Array.from({ length: count }, (_, i) => draw(random, i));
}

const kinds: Kind[] = [
  {
    name: "R power 0.1 W, 100 Hz",
    perBlock: 6000,
    make: (n) => ({ timesUs: grid(n, 1e4), values: rounded(power(n, 1), 10) }),
  },
  {
    name: "R in columns of 100",
    perBlock: 100,
    make: (n) => ({ timesUs: grid(n, 1e4), values: rounded(power(n, 1), 10) }),
  },
  {
    name: "J jitter, full mantissa",
    perBlock: 6000,
    make: (n) => ({ timesUs: jittered(n), values: power(n, 1) }),
  },
  {
    name: "J in columns of 100",
    perBlock: 100,
    make: (n) => ({ timesUs: jittered(n), values: power(n, 1) }),
  },
  {
    name: "R with holes",
    perBlock: 6000,
    make: (n) => ({ timesUs: gappy(n), values: rounded(power(n, 1), 10) }),
  },
  {
    name: "float32 of the curve",
    perBlock: 6000,
    make: (n) => ({ timesUs: grid(n, 1e4), values: power(n, 1).map(Math.fround) }),
  },
  {
    name: "float32 noise about 0",
    perBlock: 6000,
    make: (n) => ({ timesUs: grid(n, 1e4), values: drawn(n, (r) => Math.fround(gaussian(r))) }),
  },
  {
    name: "double noise about 0",
    perBlock: 6000,
    make: (n) => ({ timesUs: grid(n, 1e4), values: drawn(n, gaussian) }),
  },
  {
    name: "temperature 0.01, 1 Hz",
    perBlock: 3600,
    make: (n) => ({
      timesUs: grid(n, 1e6),
      values: rounded(
        drawn(n, (r, i) => 40 + 8 * Math.sin(i / 900) + 0.02 * gaussian(r)),
        100,
      ),
    }),
  },
  {
    name: "counter Wh, 1 Hz",
    perBlock: 3600,
    make: (n) => ({
      timesUs: grid(n, 1e6),
      values: drawn(n, (r, i) => 1e6 + 5 * i + Math.floor(3 * r())),
    }),
  },
  {
    name: "spindle speed steps",
    perBlock: 6000,
    make: (n) => ({ timesUs: grid(n, 1e4), values: drawn(n, (_, i) => 600 * ((i >> 9) % 7)) }),
  },
  {
    name: "0/1, Poisson times",
    perBlock: 3600,
    make: (n) => ({ timesUs: poisson(n), values: drawn(n, (r) => (r() < 0.5 ? 0 : 1)) }),
  },
  {
    name: "smooth sine, full mantissa",
    perBlock: 6000,
    make: (n) => ({
      timesUs: grid(n, 1e4),
      values: drawn(n, (_, i) => 100 + 30 * Math.sin(i / 200)),
    }),
  },
  {
    name: "R with a spike in 200",
    perBlock: 6000,
    make: (n) => {
      const r = createRandom(3);
      return {
        timesUs: grid(n, 1e4),
        values: rounded(
          power(n, 1).map((v) => (r() < 0.005 ? 1e6 : v)),
          10,
        ),
      };
    },
  },
  {
    name: "random bits",
    perBlock: 6000,
    make: (n) => {
      const r = createRandom(4);
      const u = new Uint32Array(2 * n).map(() => r() * 2 ** 32);
      return { timesUs: grid(n, 1e4), values: new Float64Array(u.buffer) };
    },
  },
];

/** Samples a second in the best of the rounds that fit into the time. */
function rate(samples: number, run: () => void): number {
  run();
  let best = 0;
  const end = performance.now() + budgetMs;
  do {
    const from = performance.now();
    run();
    best = Math.max(best, samples / (performance.now() - from));
  } while (performance.now() < end);
  return best * 1000;
}

function measure(kind: Kind): Record<string, string | number> {
  const total = Math.max(60_000, kind.perBlock * 10);
  const count = total - (total % kind.perBlock);
  const whole = kind.make(count);
  const columns: Column[] = [];
  for (let from = 0; from < count; from += kind.perBlock) {
    const to = from + kind.perBlock;
    columns.push({ timesUs: whole.timesUs.slice(from, to), values: whole.values.slice(from, to) });
  }
  const blocks = columns.map(encodeBlock);
  const out = { timesUs: new Float64Array(count), values: new Float64Array(count) };
  const decodeAll = () => {
    let offset = 0;
    for (const block of blocks) offset += decodeBlockInto(block, out, { offset });
  };
  decodeAll();
  for (const part of ["timesUs", "values"] as const) {
    if (Buffer.compare(bytesOf(whole[part]), bytesOf(out[part])) !== 0)
      throw new Error(`${kind.name}: ${part} differ`);
  }
  const zstd = (bytes: Uint8Array) => zstdCompressSync(bytes).length;
  const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0) / count;
  return {
    kind: kind.name,
    "a block": kind.perBlock,
    "B/sample": sum(blocks.map((b) => b.length)).toFixed(3),
    "+zstd": sum(blocks.map(zstd)).toFixed(3),
    "raw+zstd": sum(columns.map((c) => zstd(bytesOf(c.timesUs)) + zstd(bytesOf(c.values)))).toFixed(
      3,
    ),
    "encode M/s": (rate(count, () => columns.forEach((c) => void encodeBlock(c))) / 1e6).toFixed(0),
    "decode M/s": (rate(count, decodeAll) / 1e6).toFixed(0),
  };
}

function bytesOf(array: Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

console.table(kinds.filter((kind) => kind.name.includes(process.argv[2] ?? "")).map(measure));
