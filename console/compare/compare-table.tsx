// The figures of each series in the range in view.

import { wattsPer } from "../../codec/power-unit.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { compareWords as words } from "../english/compare.ts";
import { Wide } from "../parts/wide.tsx";
import { dateTimeText, figure, kilowattHours, percent, trimNumber } from "../time/format.ts";
import { zone } from "../time/zone.ts";
import type { CompareSeries } from "./compare-series.ts";
import { nameOfSeries } from "./series-look.ts";

export type CompareTableProps = {
  signal: string;
  series: readonly CompareSeries[];
};

export function CompareTable({ signal, series }: CompareTableProps) {
  const { unit, factor } = shownUnit(series[0]?.unit ?? "");
  // Energy is the area under power only.
  const isPower = signal === "power";
  const label = words.table(signal);
  const first = series[0]?.whole;
  return (
    <Wide label={label}>
      <table class="grid-table compare-table" aria-label={label}>
        <caption class="paged-caption">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{words.series}</th>
            <th scope="col">{words.mean}</th>
            <th scope="col">{words.difference}</th>
            <th scope="col">{words.least}</th>
            <th scope="col">{words.peak}</th>
            {isPower && <th scope="col">{words.kwh}</th>}
            <th scope="col">{words.covered}</th>
          </tr>
        </thead>
        <tbody>
          {series.map((one, at) => {
            const { whole, shiftUs } = one;
            const watts = wattsPer(one.unit);
            const cells =
              whole === undefined
                ? undefined
                : {
                    mean: `${figure(whole.mean * factor)} ${unit}`,
                    difference:
                      at === 0 || first === undefined || first.mean === 0
                        ? "–"
                        : signed(((whole.mean - first.mean) / first.mean) * 100),
                    least: `${figure(whole.min * factor)} ${unit}`,
                    peak: `${figure(whole.max * factor)} ${unit}`,
                    peakAt: dateTimeText(whole.maxUs - shiftUs, zone.value),
                    kwh:
                      watts === undefined ? "–" : kilowattHours((whole.integral * watts) / 3.6e6),
                    covered: percent(whole.coverage),
                  };
            return (
              <tr key={`${one.machine} ${shiftUs}`}>
                <th scope="row">{nameOfSeries(one, one.grid.originUs, zone.value)}</th>
                <td>{cells?.mean ?? "–"}</td>
                <td>{cells?.difference ?? "–"}</td>
                <td>{cells?.least ?? "–"}</td>
                <td>
                  {cells?.peak ?? "–"}{" "}
                  {cells && (
                    <span class="soft">
                      {words.peakAt} {cells.peakAt}
                    </span>
                  )}
                </td>
                {isPower && <td>{cells?.kwh ?? "–"}</td>}
                <td>{cells?.covered ?? "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Wide>
  );
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${trimNumber(value, 1)} %`;
