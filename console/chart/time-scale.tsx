// The labels of the time axis: times, and the date where it changes.
import type { ReadonlySignal } from "@preact/signals";
import { chartWords as words } from "../english/chart.ts";
import { type Axis, plotWidth, toX } from "./axis.ts";
import { colorOf } from "./canvas.ts";
import { LaneCanvas, type Pen } from "./lane-canvas.tsx";
import { gutterPx, rightPx } from "./lanes.ts";
import { ticksOf } from "./ticks.ts";

export function TimeScale({ axis, zone }: { axis: Axis; zone: ReadonlySignal<string> }) {
  const draw = ({ pen, width }: Pen) => {
    const view = axis.view.peek();
    const ticks = ticksOf(view, { width: plotWidth(width), timeZone: zone.peek() });
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const { timeUs, label, date } of ticks) {
      const x = toX(timeUs, view, width);
      const half = pen.measureText(label).width / 2;
      const at = Math.min(Math.max(x, gutterPx + half - 8), width - rightPx - half + 8);
      pen.fillStyle = colorOf("--soft");
      pen.fillText(label, at, 3);
      if (date !== undefined) {
        pen.fillStyle = colorOf("--faint");
        const wide = pen.measureText(date).width / 2;
        pen.fillText(date, Math.min(Math.max(x, gutterPx + wide - 8), width - rightPx - wide), 17);
      }
    }
  };
  return (
    <LaneCanvas
      height={32}
      label={words.timeScale}
      watch={() => {
        axis.view.value;
        zone.value;
      }}
      draw={draw}
    />
  );
}
