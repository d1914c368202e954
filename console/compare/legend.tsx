// Which line is which: colour and dash, with the machine and, of an earlier period, its date.
import type { LegendLine } from "../exports/chart-image.ts";
import { zone } from "../time/zone.ts";
import type { CompareSeries } from "./compare-series.ts";
import { lookOfSeries, nameOfSeries } from "./series-look.ts";

export type LegendProps = {
  series: readonly CompareSeries[];
  machines: readonly string[];
  /** Where the view begins. */
  fromUs: number;
};

export function Legend({ series, machines, fromUs }: LegendProps) {
  return (
    <ul class="compare-legend">
      {series.map((one, at) => {
        const { color, dash } = lookOfSeries(one, at, machines);
        return (
          <li key={`${one.machine} ${one.shiftUs}`}>
            <svg width="30" height="10" aria-hidden="true">
              <line
                x1="1"
                x2="29"
                y1="5"
                y2="5"
                stroke={`var(${color})`}
                stroke-width="2.5"
                stroke-dasharray={dash.join(" ")}
              />
            </svg>
            {nameOfSeries(one, fromUs, zone.value)}
          </li>
        );
      })}
    </ul>
  );
}

/** The legend as the page shows it, for an image. */
export function legendLines(chart: Element): LegendLine[] {
  return [...chart.querySelectorAll(".compare-legend li")].map((item) => {
    const { stroke, strokeDasharray } = getComputedStyle(item.querySelector("line")!);
    const dash = strokeDasharray.split(/[ ,]+/).map(Number.parseFloat).filter(Number.isFinite);
    return { color: stroke, dash, text: item.textContent ?? "" };
  });
}
