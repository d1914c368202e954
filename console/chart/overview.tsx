// The whole history, small: a frame shows what is in view, and moves it.
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { chartWords as words } from "../english/chart.ts";
import { type Axis, plotWidth, toTime, toX, type View } from "./axis.ts";
import { colorOf } from "./canvas.ts";
import { LaneCanvas, type Pen } from "./lane-canvas.tsx";
import { rightPx } from "./lanes.ts";
import type { SeriesGrid } from "./series-grid.ts";

export type OverviewProps = {
  axis: Axis;
  /** The whole history, from its first record to now. */
  span: ReadonlySignal<View>;
  grid: ReadonlySignal<SeriesGrid | undefined>;
};

const heightPx = 40;
/** A frame is at least so wide, so that one can take hold of it. */
const leastFramePx = 6;

export function Overview({ axis, span, grid }: OverviewProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => dragFrame(box.current!, { axis, span: () => span.peek() }), []);
  const onKeyDown = (event: KeyboardEvent) => {
    const { fromUs, toUs } = axis.view.peek();
    const length = toUs - fromUs;
    const middle = (fromUs + toUs) / 2;
    if (event.key === "ArrowLeft") axis.pan(-length / 2);
    else if (event.key === "ArrowRight") axis.pan(length / 2);
    else if (event.key === "+") axis.zoom(middle, 0.5);
    else if (event.key === "-") axis.zoom(middle, 2);
    else if (event.key === "Home") axis.zoomTo(span.peek().fromUs, span.peek().toUs);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={box}
      role="application"
      class="overview"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move it, as its role says.
      tabIndex={0}
      aria-label={words.frame}
      onKeyDown={onKeyDown}
    >
      <LaneCanvas
        height={heightPx}
        label={words.overview}
        watch={() => {
          axis.view.value;
          span.value;
          grid.value;
        }}
        draw={(pen) => draw(pen, { view: axis.view.peek(), span: span.peek(), grid: grid.peek() })}
      />
    </div>
  );
}

type Drawn = { view: View; span: View; grid: SeriesGrid | undefined };

function draw({ pen, width, height }: Pen, { view, span, grid }: Drawn): void {
  if (grid !== undefined) {
    let most = 0;
    for (const value of grid.max) if (value > most) most = value;
    const y = (value: number) => height - 2 - (Math.max(0, value) / (most || 1)) * (height - 6);
    const line = new Path2D();
    pen.fillStyle = colorOf("--band");
    for (let i = 0; i < grid.length; i++) {
      if (grid.count[i] === 0) continue;
      const x = toX(grid.startOf(i), span, width);
      const wide = Math.max(1, toX(grid.startOf(i + 1), span, width) - x);
      pen.fillRect(x, y(grid.max[i]!), wide, height - y(grid.max[i]!));
      const isJoined = i > 0 && grid.count[i - 1]! > 0;
      if (isJoined) line.lineTo(x + wide / 2, y(grid.meanOf(i)));
      else {
        line.moveTo(x, y(grid.meanOf(i)));
        line.lineTo(x + wide / 2, y(grid.meanOf(i)));
      }
    }
    pen.strokeStyle = colorOf("--accent");
    pen.lineWidth = 1;
    pen.stroke(line);
  }
  const { left, right } = frameOf(view, span, width);
  pen.fillStyle = colorOf("--band");
  pen.fillRect(left, 1, right - left, height - 2);
  pen.strokeStyle = colorOf("--accent");
  pen.lineWidth = 1.5;
  pen.strokeRect(left, 1, right - left, height - 2);
}

function frameOf(view: View, span: View, width: number): { left: number; right: number } {
  const bound = (x: number) =>
    Math.min(width - rightPx, Math.max(width - rightPx - plotWidth(width), x));
  const [left, right] = [bound(toX(view.fromUs, span, width)), bound(toX(view.toUs, span, width))];
  const more = Math.max(0, leastFramePx - (right - left)) / 2;
  return { left: left - more, right: right + more };
}

/** Drag moves the frame, its edges resize it, and a click elsewhere brings it there. */
function dragFrame(box: HTMLElement, { axis, span }: { axis: Axis; span: () => View }): () => void {
  let held: { kind: "move" | "left" | "right"; x: number; view: View } | undefined;
  const xOf = (event: PointerEvent) => event.clientX - box.getBoundingClientRect().left;
  const down = (event: PointerEvent) => {
    const x = xOf(event);
    const { left, right } = frameOf(axis.view.peek(), span(), box.clientWidth);
    const view = axis.view.peek();
    const nearLeft = Math.abs(x - left) < 6 && right - left > 20;
    const nearRight = Math.abs(x - right) < 6 && right - left > 20;
    if (x < left - 6 || x > right + 6) {
      const at = toTime(x, span(), box.clientWidth);
      axis.pan(at - (view.fromUs + view.toUs) / 2);
    }
    held = {
      kind: nearLeft ? "left" : nearRight ? "right" : "move",
      x,
      view: axis.view.peek(),
    };
    box.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (held === undefined) return;
    const { kind, view } = held;
    const { fromUs, toUs } = span();
    const byUs = ((xOf(event) - held.x) / plotWidth(box.clientWidth)) * (toUs - fromUs);
    const leastUs = 10_000;
    if (kind === "left") axis.zoomTo(Math.min(view.fromUs + byUs, view.toUs - leastUs), view.toUs);
    else if (kind === "right")
      axis.zoomTo(view.fromUs, Math.max(view.toUs + byUs, view.fromUs + leastUs));
    else axis.zoomTo(view.fromUs + byUs, view.toUs + byUs);
  };
  const up = () => {
    held = undefined;
  };
  box.addEventListener("pointerdown", down);
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", up);
  box.addEventListener("pointercancel", up);
  return () => {
    box.removeEventListener("pointerdown", down);
    box.removeEventListener("pointermove", move);
    box.removeEventListener("pointerup", up);
    box.removeEventListener("pointercancel", up);
  };
}
