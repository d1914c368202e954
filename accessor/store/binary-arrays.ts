// Arrays as binary parameters: PostgreSQL reads them without parsing text. (pg cannot read binary
// rows: it decodes every field as UTF-8.)

type Write<T> = (target: Buffer, offset: number, value: T) => void;

/** none: an array without elements. */
type Kind<T> = { oid: number; sizeOf: (value: T) => number; write: Write<T>; none: Buffer };

const kind = <T>(oid: number, sizeOf: (value: T) => number, write: Write<T>): Kind<T> => {
  const none = Buffer.alloc(12);
  none.writeInt32BE(oid, 8);
  return { oid, sizeOf, write, none };
};
const fixed = <T>(oid: number, size: number, write: Write<T>): Kind<T> =>
  kind(oid, () => size, write);

const int2: Kind<number> = fixed(21, 2, (target, offset, value) =>
  target.writeInt16BE(value, offset),
);
const int4: Kind<number> = fixed(23, 4, (target, offset, value) =>
  target.writeInt32BE(value, offset),
);
const int8: Kind<number> = fixed(20, 8, (target, offset, value) => {
  // In two halves: a BigInt for each would cost an allocation. |value| < 2^53.
  const high = Math.floor(value / 2 ** 32);
  target.writeInt32BE(high, offset);
  target.writeUInt32BE(value - high * 2 ** 32, offset + 4);
});
const float8: Kind<number> = fixed(701, 8, (target, offset, value) =>
  target.writeDoubleBE(value, offset),
);
const bool: Kind<boolean> = fixed(16, 1, (target, offset, value) =>
  target.writeUInt8(value ? 1 : 0, offset),
);
const bytea: Kind<Uint8Array> = kind(
  17,
  (value) => value.byteLength,
  (target, offset, value) => target.set(value, offset),
);
const text: Kind<string> = kind(
  25,
  (value) => Buffer.byteLength(value),
  (target, offset, value) => target.write(value, offset),
);

/**
 * One-dimensional arrays as binary parameters (pg sends a Buffer as binary); null elements allowed.
 */
export const toArray = {
  int2: (values: readonly (number | null)[]) => encode(int2, values),
  int4: (values: readonly (number | null)[]) => encode(int4, values),
  int8: (values: readonly (number | null)[]) => encode(int8, values),
  float8: (values: readonly (number | null)[]) => encode(float8, values),
  bool: (values: readonly (boolean | null)[]) => encode(bool, values),
  bytea: (values: readonly (Uint8Array | null)[]) => encode(bytea, values),
  text: (values: readonly (string | null)[]) => encode(text, values),
};

// Dimensions, has-nulls, element type; then length and lower bound of the one dimension; then each
// element's length and bytes.
function encode<T>({ oid, sizeOf, write, none }: Kind<T>, values: readonly (T | null)[]): Buffer {
  // Most batches lack most kinds of records, and pg copies what it sends.
  if (values.length === 0) return none;
  let size = 20;
  for (const value of values) size += 4 + (value === null ? 0 : sizeOf(value));
  const target = Buffer.allocUnsafe(size);
  target.writeInt32BE(1, 0);
  target.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  target.writeInt32BE(oid, 8);
  target.writeInt32BE(values.length, 12);
  target.writeInt32BE(1, 16);
  let offset = 20;
  for (const value of values) {
    const length = value === null ? -1 : sizeOf(value);
    target.writeInt32BE(length, offset);
    offset += 4;
    if (value === null) continue;
    write(target, offset, value);
    offset += length;
  }
  return target;
}

/** Infinite ends as numbers that int8 can hold. */
export function clamp(timeUs: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, timeUs));
}
