// The commit of each sample of a block, as runs of (count, revision) in varints. Keeps the order
// (time, revision, position) exact across series at about 0.03 bytes a sample.

/**
 * Runs of equal revisions, in order: pairs of varints, the count and the zigzag difference to the
 * run before (to 0 for the first).
 */
export function encodeCommitRuns(revisions: Float64Array): Uint8Array {
  const bytes: number[] = [];
  let before = 0;
  for (let start = 0; start < revisions.length; ) {
    const revision = revisions[start]!;
    let end = start + 1;
    while (end < revisions.length && revisions[end] === revision) end++;
    writeVarint(bytes, end - start);
    const difference = revision - before;
    writeVarint(bytes, difference < 0 ? -2 * difference - 1 : 2 * difference);
    before = revision;
    start = end;
  }
  return Uint8Array.from(bytes);
}

/** The revision of each of a block's samples. Fails if the runs do not add up to `count`. */
export function decodeCommitRuns(bytes: Uint8Array, count: number): Float64Array {
  const revisions = new Float64Array(count);
  let offset = 0;
  let filled = 0;
  let revision = 0;
  const readVarint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[offset++];
      if (byte === undefined || scale > 2 ** 49)
        throw new RangeError("the runs of commits are cut short");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (offset < bytes.length) {
    const length = readVarint();
    const zigzag = readVarint();
    revision += zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
    if (filled + length > count)
      throw new RangeError("the runs of commits are longer than the block");
    revisions.fill(revision, filled, filled + length);
    filled += length;
  }
  if (filled !== count) throw new RangeError("the runs of commits are shorter than the block");
  return revisions;
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}
