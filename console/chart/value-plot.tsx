// A plot of values over the shared time axis. One uPlot for its whole life draws scales, grid and
// labels; the series are drawn into it from typed arrays, which uPlot's own paths would join over
// gaps.
import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { type Axis, plotWidth } from "./axis.ts";
import { colorOf, onLook, perFrame } from "./canvas.ts";
import { gutterPx, rightPx } from "./lanes.ts";
import { extentInView, type PlotData } from "./plot-data.ts";
import type { ShownUnit } from "./shown-unit.ts";
import { ticksOf } from "./ticks.ts";
import { valuePaths } from "./value-paths.ts";
import { labelsOf, labelText, type ValueRange, valueRange } from "./value-range.ts";
import "uplot/dist/uPlot.min.css";

export type PlotSeries = {
  readonly data: PlotData;
  /** A token of the colour, such as "--accent". */
  readonly color: string;
  readonly dash?: readonly number[];
};

export type ValuePlotProps = {
  axis: Axis;
  /** Drawn again whenever it changes. */
  series: ReadonlySignal<readonly PlotSeries[]>;
  /** Nothing is drawn after this time. */
  endUs: ReadonlySignal<number>;
  zone: ReadonlySignal<string>;
  height: number;
  /** The unit of the labels. */
  unit: ShownUnit;
  /** The scale always has 0: for power, not for temperatures. */
  withZero: boolean;
  /** For screen readers. */
  label: string;
};

export function ValuePlot(props: ValuePlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const newest = useRef(props);
  newest.current = props;
  useEffect(() => {
    const plot = openPlot(box.current!, () => newest.current);
    return () => plot[Symbol.dispose]();
  }, []);
  return (
    <div
      ref={box}
      class="value-plot"
      role="img"
      aria-label={props.label}
      style={{ height: `${props.height}px` }}
    />
  );
}

function openPlot(box: HTMLElement, props: () => ValuePlotProps): Disposable {
  let range: ValueRange | undefined;
  const ratio = () => window.devicePixelRatio || 1;
  const zone = () => props().zone.peek();
  const view = () => props().axis.view.peek();
  const plot = new UPlot(
    {
      width: Math.max(50, box.clientWidth),
      height: props().height,
      padding: [8, rightPx, 4, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [view().fromUs, view().toUs] },
        y: { range: () => [range?.low ?? 0, range?.high ?? 1] },
      },
      axes: [
        {
          size: 0,
          ticks: { show: false },
          stroke: () => colorOf("--faint"),
          grid: { stroke: () => colorOf("--line"), width: 1 },
          splits: ({ width }) =>
            ticksOf(view(), { width: plotWidth(width), timeZone: zone() }).map(
              ({ timeUs }) => timeUs,
            ),
          values: (_, splits) => splits.map(() => ""),
        },
        {
          size: gutterPx,
          ticks: { show: false },
          stroke: () => colorOf("--faint"),
          font: "11px system-ui, sans-serif",
          grid: { stroke: () => colorOf("--line"), width: 1 },
          splits: () => (range === undefined ? [] : labelsOf(range)),
          values: (_, splits) => {
            const { factor } = props().unit;
            return splits.map((value) => labelText(value * factor, (range?.step ?? 1) * factor));
          },
        },
      ],
      series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
      hooks: { draw: [(drawn) => drawSeries(drawn, props(), ratio())] },
    },
    [
      [0, 1],
      [null, null],
    ],
    box,
  );
  using stack = new DisposableStack();
  const draw = () => {
    const { series, withZero } = props();
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { data } of series.peek()) {
      const [low, high] = extentInView(data, view());
      least = Math.min(least, low);
      most = Math.max(most, high);
    }
    // Without a value there is nothing to label.
    if (least <= most) range = valueRange(least, most, { withZero, old: range });
    plot.batch(() => {
      plot.setScale("x", { min: view().fromUs, max: view().toUs });
      plot.setScale("y", { min: range?.low ?? 0, max: range?.high ?? 1 });
    });
    plot.redraw(false, true);
  };
  const frames = stack.use(perFrame(draw));
  const resize = () => {
    const { clientWidth } = box;
    if (clientWidth > 0 && clientWidth !== plot.width)
      plot.setSize({ width: clientWidth, height: props().height });
    frames.ask();
  };
  stack.use(onLook(box, resize));
  stack.defer(
    effect(() => {
      const { axis, series, endUs, zone: timeZone } = props();
      axis.view.value;
      series.value;
      endUs.value;
      timeZone.value;
      frames.ask();
    }),
  );
  stack.defer(() => plot.destroy());
  return stack.move();
}

function drawSeries(plot: UPlot, { axis, series, endUs }: ValuePlotProps, ratio: number): void {
  const { ctx: pen, bbox } = plot;
  const scale = {
    x: (timeUs: number) => plot.valToPos(timeUs, "x", true),
    y: (value: number) => plot.valToPos(value, "y", true),
  };
  pen.save();
  pen.beginPath();
  pen.rect(bbox.left, bbox.top - 2 * ratio, bbox.width, bbox.height + 4 * ratio);
  pen.clip();
  for (const { data, color, dash = [] } of series.peek()) {
    const frame = { view: axis.view.peek(), endUs: endUs.peek(), scale };
    const { band, line, dots } = valuePaths(data, frame);
    if (band !== undefined) {
      pen.globalAlpha = 0.2;
      pen.fillStyle = colorOf(color);
      pen.fill(band);
      pen.globalAlpha = 1;
    }
    pen.strokeStyle = colorOf(color);
    pen.lineWidth = 1.4 * ratio;
    pen.lineJoin = "round";
    pen.setLineDash(dash.map((part) => part * ratio));
    pen.stroke(line);
    pen.setLineDash([]);
    if (dots !== undefined) {
      pen.fillStyle = colorOf(color);
      pen.fill(dots);
    }
  }
  pen.restore();
}
