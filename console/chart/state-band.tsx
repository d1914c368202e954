// The band of states: colour, pattern, shape and word. Zoomed out to shares, each column shows how
// its time divides.
import type { ReadonlySignal } from "@preact/signals";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { stateWords } from "../english/frame.ts";
import { lookOfState, shapeOf } from "../look/state-look.ts";
import { type Axis, plotWidth, toX, type View } from "./axis.ts";
import { bandBlocks, weightOf } from "./band-columns.ts";
import { colorOf } from "./canvas.ts";
import { LaneCanvas, type Pen } from "./lane-canvas.tsx";
import { gutterPx, type Interval, type StateShares } from "./lanes.ts";

export type BandData =
  | { readonly kind: "intervals"; readonly intervals: readonly Interval[] }
  | { readonly kind: "shares"; readonly shares: readonly StateShares[] };

export type StateBandProps = {
  axis: Axis;
  data: ReadonlySignal<BandData | undefined>;
  /** Nothing is drawn after this time. */
  endUs: ReadonlySignal<number>;
  label: string;
  height?: number;
};

export function StateBand({ axis, data, endUs, label, height = 28 }: StateBandProps) {
  return (
    <LaneCanvas
      class="state-band"
      height={height}
      label={label}
      watch={() => {
        axis.view.value;
        data.value;
        endUs.value;
      }}
      draw={(pen) => {
        const band = data.peek();
        if (band === undefined) return;
        const frame = { view: axis.view.peek(), endUs: endUs.peek() };
        if (band.kind === "intervals") drawIntervals(pen, band.intervals, frame);
        else drawShares(pen, band.shares, frame);
      }}
    />
  );
}

type Frame = { view: View; endUs: number };

function drawIntervals(
  { pen, width, height }: Pen,
  intervals: readonly Interval[],
  { view, endUs }: Frame,
): void {
  const blocks = bandBlocks(intervals, { view, endUs, width: plotWidth(width) });
  pen.textBaseline = "middle";
  pen.font = "600 11.5px system-ui, sans-serif";
  for (const { from, to, state, silent } of blocks) {
    const [x, wide] = [gutterPx + from, to - from];
    // A hair of the surface between neighbours, where there is room for it.
    fillState(pen, { x, y: 0, width: wide > 3 ? wide - 1 : wide, height, state, silent });
    if (wide < 20) continue;
    const look = lookOfState[state] ?? "unknown";
    pen.save();
    pen.translate(x + 6, height / 2 - 6);
    pen.fillStyle = inkOn(state, silent);
    pen.fill(new Path2D(shapeOf[look]), "evenodd");
    pen.restore();
    const word = stateWords[state] ?? "";
    if (wide > pen.measureText(word).width + 34) {
      pen.fillStyle = inkOn(state, silent);
      pen.fillText(word, x + 23, height / 2 + 0.5);
    }
  }
}

/** Dark ink on light fills, light ink on dark ones: both themes have fills of middle lightness. */
function inkOn(state: MachineState, silent: boolean): string {
  if (silent) return colorOf("--silent-text");
  return state === MachineState.UNSPECIFIED ? colorOf("--unknown-text") : "#0b0e13";
}

function drawShares(
  { pen, width, height }: Pen,
  shares: readonly StateShares[],
  { view, endUs }: Frame,
): void {
  for (const { fromUs, toUs, timeUs } of shares) {
    if (toUs <= view.fromUs || fromUs >= view.toUs || fromUs >= endUs) continue;
    const x = Math.max(gutterPx, toX(fromUs, view, width));
    const end = toX(Math.min(toUs, endUs, view.toUs), view, width);
    const whole = toUs - fromUs;
    let y = 0;
    // The fault on top, where it is seen.
    const parts = [...timeUs].sort(([a], [b]) => weightOf(b) - weightOf(a));
    for (const [state, us] of parts) {
      if (us <= 0) continue;
      const high = Math.min(
        height - y,
        Math.max((us / whole) * height, weightOf(state) === 4 ? 2 : 0),
      );
      const box = { x, y, width: Math.max(0.5, end - x), height: high, state };
      fillState(pen, { ...box, silent: false });
      y += high;
    }
  }
}

type Box = {
  x: number;
  y: number;
  width: number;
  height: number;
  state: MachineState;
  silent: boolean;
};

function fillState(
  pen: CanvasRenderingContext2D,
  { x, y, width, height, state, silent }: Box,
): void {
  const look = lookOfState[state] ?? "unknown";
  pen.globalAlpha = silent ? 0.28 : 1;
  pen.fillStyle = colorOf(`--${look}`);
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = 1;
  if (state !== MachineState.FAULT || width < 4) return;
  // A pattern for eyes that do not tell red from green.
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = "#00000047";
  pen.lineWidth = 2;
  pen.beginPath();
  for (let at = x - height - ((x - height) % 7); at < x + width; at += 7) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
  pen.stroke();
  pen.restore();
}
