// Which state each pixel of a band shows. Where several fall on one pixel, the one that needs most
// attention wins, so that no short fault is lost by zooming out. No drawing.
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { View } from "./axis.ts";
import type { Interval } from "./lanes.ts";

/** Greater wins. */
const weights: Readonly<Record<MachineState, number>> = {
  [MachineState.UNSPECIFIED]: 0,
  [MachineState.OFF]: 1,
  [MachineState.ACTIVE]: 2,
  [MachineState.IDLE]: 3,
  [MachineState.FAULT]: 4,
};

export const weightOf = (state: MachineState): number => weights[state] ?? 0;

/** A block of the band that is drawn as one, in pixels from the plot's left edge. */
export type BandBlock = {
  readonly from: number;
  readonly to: number;
  readonly state: MachineState;
  readonly silent: boolean;
};

/**
 * The blocks of a band of `width` pixels, from left to right, that do not overlap. Nothing lies
 * after `endUs`; what no interval covers is left out.
 */
export function bandBlocks(
  intervals: readonly Interval[],
  { view, endUs, width }: { view: View; endUs: number; width: number },
): BandBlock[] {
  const toPx = (us: number) => ((us - view.fromUs) / (view.toUs - view.fromUs)) * width;
  const last = Math.min(width, toPx(endUs));
  const pieces: BandBlock[] = [];
  const add = (fromUs: number, toUs: number, state: MachineState, silent: boolean) => {
    const from = Math.max(0, toPx(fromUs));
    const to = Math.min(last, toPx(Math.min(toUs, endUs)));
    if (to > from || (from === 0 ? to > 0 : to >= from && from < last))
      pieces.push({ from, to, state, silent });
  };
  for (const { fromUs, toUs, state, silentFromUs } of intervals) {
    if (toUs <= view.fromUs || fromUs >= view.toUs || fromUs >= endUs) continue;
    if (silentFromUs === undefined || silentFromUs >= toUs) add(fromUs, toUs, state, false);
    else {
      if (silentFromUs > fromUs) add(fromUs, silentFromUs, state, false);
      add(Math.max(fromUs, silentFromUs), toUs, state, true);
    }
  }
  return mergeNarrow(pieces);
}

/** Blocks below a pixel become pixels of the state with the greatest weight. */
function mergeNarrow(pieces: readonly BandBlock[]): BandBlock[] {
  const blocks: BandBlock[] = [];
  let pixel: BandBlock | undefined;
  const flush = () => {
    if (pixel !== undefined) blocks.push(pixel);
    pixel = undefined;
  };
  for (const piece of pieces) {
    const column = Math.floor(piece.from);
    if (piece.to - piece.from >= 1.5) {
      flush();
      const before = blocks.at(-1);
      blocks.push({ ...piece, from: Math.max(piece.from, before?.to ?? 0) });
      continue;
    }
    if (pixel !== undefined && Math.floor(pixel.from) === column) {
      const worse = weightOf(piece.state) > weightOf(pixel.state) ? piece : pixel;
      pixel = { from: pixel.from, to: column + 1, state: worse.state, silent: worse.silent };
      continue;
    }
    flush();
    const from = Math.max(piece.from, blocks.at(-1)?.to ?? 0);
    pixel = { ...piece, from, to: Math.max(piece.to, Math.min(from + 1, column + 1)) };
  }
  flush();
  return blocks.filter(({ from, to }) => to > from);
}
