// Packs int32s into a stream: predict, cut into groups, pack each at its own width, patch the
// outliers. See docs/block-format.md.
import type { ByteWriter } from "./byte-writer.ts";
import { type GroupPlan, groupSize, halfRange, planGroup } from "./group-plan.ts";
import { maxBlockCount } from "./header.ts";
import { type Prediction, predictor, toResiduals } from "./predictor.ts";

/** What a group is packed from. */
type Group = { residuals: Int32Array; plan: GroupPlan };
const makeGroup = (): Group => ({
  residuals: new Int32Array(groupSize),
  plan: { width: 0, centre: 0, patches: 0, costBits: 0 },
});
let group = makeGroup();
let spare = makeGroup();
const payload = new Int32Array(maxBlockCount + 1);
const payloadBytes = new Uint8Array(payload.buffer);
const patchHigh = new Uint32Array(groupSize);

/**
 * The codes worth trying. The first is the safest guess, so the others must beat it by more than
 * chance in the sampled groups can explain.
 */
const candidates = [
  predictor.ema + 2,
  predictor.ema,
  predictor.ema + 4,
  predictor.none,
  predictor.linear,
] as const;
const sampledGroups = 6;
const warmUp = 16;
const luck = 1.015;

/** Appends x[0..count) as an integer stream. Arithmetic is modulo 2^32, so any int32s will do. */
export function writeIntStream(writer: ByteWriter, x: Int32Array, count: number): void {
  if (isZero(x, count)) {
    writer.u8(predictor.zero);
    return;
  }
  if (count <= groupSize) {
    writer.u8(chooseForOneGroup(x, count));
    writeGroupHead(writer, count);
    packGroup(count, 0);
    writer.append(payloadBytes.subarray(0, (count * group.plan.width + 7) >>> 3));
    return;
  }
  const code = choosePredictor(x, count);
  writer.u8(code);
  const { residuals, plan } = group;
  const state: Prediction = { value: 0, trend: 0 };
  let bytes = 0;
  for (let from = 0; from < count; from += groupSize) {
    const length = Math.min(groupSize, count - from);
    toResiduals(x, residuals, { code, from, length, state });
    planGroup(residuals, length, plan);
    writeGroupHead(writer, length);
    // Every group but the last fills whole words, so each starts at a word.
    packGroup(length, bytes >>> 2);
    bytes += (length * plan.width + 7) >>> 3;
  }
  writer.append(payloadBytes.subarray(0, bytes));
}

function isZero(x: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (x[i] !== 0) return false;
  return true;
}

/**
 * Chooses as choosePredictor does, but for a stream of one group, such as a second of samples. It
 * tries the whole group, so it leaves the cheapest plan in `group`, ready to be packed.
 */
function chooseForOneGroup(x: Int32Array, count: number): number {
  let best: number = candidates[0];
  let bestCost = Number.POSITIVE_INFINITY;
  for (const code of candidates) {
    const cost = planWhole(spare, x, { code, count });
    if (isHopeless(cost, count)) {
      planWhole(group, x, { code: predictor.none, count });
      return predictor.none;
    }
    const handicapped = code === candidates[0] ? cost : cost * luck;
    if (handicapped >= bestCost) continue;
    best = code;
    bestCost = handicapped;
    [group, spare] = [spare, group];
  }
  return best;
}

function planWhole(
  { residuals, plan }: Group,
  x: Int32Array,
  { code, count }: { code: number; count: number },
): number {
  toResiduals(x, residuals, { code, from: 0, length: count, state: { value: 0, trend: 0 } });
  planGroup(residuals, count, plan);
  return plan.costBits;
}

/** The low halves of full mantissas: no prediction can help. */
const isHopeless = (costBits: number, count: number) => costBits > 31 * count;

/** Plans a few groups under each candidate and takes the cheapest. */
function choosePredictor(x: Int32Array, count: number): number {
  const groups = Math.ceil(count / groupSize);
  const tried = Math.min(groups, sampledGroups);
  let best: number = candidates[0];
  let bestCost = Number.POSITIVE_INFINITY;
  const { residuals, plan } = group;
  const state: Prediction = { value: 0, trend: 0 };
  for (const code of candidates) {
    let cost = 0;
    for (let g = 0; g < tried; g++) {
      const from = Math.floor((g * groups) / tried) * groupSize;
      const length = Math.min(groupSize, count - from);
      state.value = 0;
      state.trend = 0;
      if (from > 0) {
        // Let the prediction settle on what comes before the group.
        const lead = from - warmUp;
        state.value = x[lead - 1]!;
        toResiduals(x, residuals, { code, from: lead, length: warmUp, state });
      }
      toResiduals(x, residuals, { code, from, length, state });
      planGroup(residuals, length, plan);
      cost += plan.costBits;
    }
    if (isHopeless(cost, Math.min(count, tried * groupSize))) return predictor.none;
    const handicapped = code === candidates[0] ? cost : cost * luck;
    if (handicapped < bestCost) {
      best = code;
      bestCost = handicapped;
    }
  }
  return best;
}

function writeGroupHead(writer: ByteWriter, length: number): void {
  const { residuals, plan } = group;
  const { width, centre, patches } = plan;
  writer.u8(width | (centre === 0 ? 0 : 64) | (patches === 0 ? 0 : 128));
  if (centre !== 0) writer.signedVarint(centre);
  if (patches === 0) return;

  const base = (centre - halfRange(width)) | 0;
  writer.reserve(2 + patches * 5 + 8);
  const at = writer.length;
  const bytes = writer.bytes;
  let found = 0;
  let all = 0;
  for (let i = 0; i < length; i++) {
    const high = ((residuals[i]! - base) | 0) >> width;
    if (high === 0) continue;
    // Zigzag minus 1: a patch is never 0, so the nearest two need no more than one bit.
    const zigzag = ((high << 1) ^ (high >> 31)) - 1;
    bytes[at + 2 + found] = i;
    patchHigh[found++] = zigzag;
    all |= zigzag;
  }
  const highWidth = 32 - Math.clz32(all);
  bytes[at] = found;
  bytes[at + 1] = highWidth;
  writer.length = at + 2 + found;
  writePatchBits(writer, found, highWidth);
}

/**
 * Appends the first `count` of `patchHigh` at `width` bits each, lowest bit first, padded to a
 * byte.
 */
function writePatchBits(writer: ByteWriter, count: number, width: number): void {
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < count; i++) {
    let rest = patchHigh[i]!;
    let bits = width;
    while (bits > 0) {
      const take = Math.min(bits, 8 - pendingBits);
      pending |= (rest & ((1 << take) - 1)) << pendingBits;
      rest >>>= take;
      bits -= take;
      pendingBits += take;
      if (pendingBits === 8) {
        writer.u8(pending);
        pending = 0;
        pendingBits = 0;
      }
    }
  }
  if (pendingBits > 0) writer.u8(pending);
}

/** Packs the planned group into `payload` from word `at` on, lowest bit first. */
function packGroup(length: number, at: number): void {
  const { residuals, plan } = group;
  const { width } = plan;
  if (width === 0) return;
  const base = (plan.centre - halfRange(width)) | 0;
  let word = at;
  if (width === 32) {
    for (let i = 0; i < length; i++) payload[word++] = (residuals[i]! - base) | 0;
    return;
  }
  const mask = 0xffff_ffff >>> (32 - width);
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < length; i++) {
    const packed = (residuals[i]! - base) & mask;
    pending |= packed << pendingBits;
    pendingBits += width;
    if (pendingBits >= 32) {
      payload[word++] = pending;
      pendingBits -= 32;
      pending = pendingBits === 0 ? 0 : packed >>> (width - pendingBits);
    }
  }
  if (pendingBits > 0) payload[word] = pending;
}
