// Moves the crosshair to the next sample or bucket of the first signal.
import type { MachineChart } from "./machine-chart.ts";

export function nextSample(chart: MachineChart, steps: number): void {
  const { axis } = chart;
  const { fromUs, toUs } = axis.view.peek();
  const at = axis.cursorUs.peek() ?? (fromUs + toUs) / 2;
  const [data] = chart.window.peek()?.answer.series.values() ?? [];
  if (data === undefined) {
    axis.cursorUs.value = at + (steps * (toUs - fromUs)) / 200;
  } else if (data.kind === "buckets") {
    const { grid } = data;
    axis.cursorUs.value = grid.startOf(grid.indexOf(at) + steps) + grid.widthUs / 2;
  } else {
    const { run } = data;
    const here = run.indexFrom(at);
    const isOn = run.timesUs[here] === at;
    const next = steps > 0 ? here + (isOn ? steps : steps - 1) : here + steps;
    const timeUs = run.timesUs[Math.min(run.length - 1, Math.max(0, next))];
    if (timeUs !== undefined) axis.cursorUs.value = timeUs;
  }
}
