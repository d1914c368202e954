// What the crosshair of a comparison says: the value of each series.
import { valueAt } from "../chart/plot-data.ts";
import type { ShownUnit } from "../chart/shown-unit.ts";
import { chartWords } from "../english/chart.ts";
import { dateTimeText, figure } from "../time/format.ts";
import { offsetText, zone } from "../time/zone.ts";
import type { CompareSeries } from "./compare-series.ts";
import { nameOfSeries } from "./series-look.ts";

export type ReadingsProps = {
  series: readonly CompareSeries[];
  unit: ShownUnit;
  timeUs: number;
};

export function Readings({ series, unit: { unit, factor }, timeUs }: ReadingsProps) {
  return (
    <>
      <div class="soft">
        {dateTimeText(timeUs, zone.value)} {offsetText(timeUs, zone.value)}
      </div>
      {series.map((one) => {
        const { grid, maxGapUs, machine, shiftUs } = one;
        const value = valueAt({ kind: "buckets", grid, maxGapUs }, timeUs);
        return (
          <div key={`${machine} ${shiftUs}`}>
            {shiftUs === 0 ? machine : nameOfSeries(one, timeUs, zone.value)}{" "}
            <b>
              {value === undefined ? chartWords.noValue : `${figure(value.value * factor)} ${unit}`}
            </b>
          </div>
        );
      })}
    </>
  );
}
