// What the crosshair of a comparison says: the value of each series.
import { valueAt } from "../chart/plot-data.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { chartWords } from "../english/chart.ts";
import { dateTimeText, figure } from "../time/format.ts";
import { offsetText, zone } from "../time/zone.ts";
import type { CompareSeries } from "./compare-series.ts";
import { nameOfSeries } from "./series-look.ts";

export type ReadingsProps = {
  bySignal: ReadonlyMap<string, readonly CompareSeries[]>;
  timeUs: number;
};

export function Readings({ bySignal, timeUs }: ReadingsProps) {
  return (
    <>
      <div class="soft">
        {dateTimeText(timeUs, zone.value)} {offsetText(timeUs, zone.value)}
      </div>
      {[...bySignal].map(([signal, series]) => (
        <div key={signal}>
          {bySignal.size > 1 && <div class="soft">{signal}</div>}
          {series.map((one) => (
            <Reading key={`${one.machine} ${one.shiftUs}`} series={one} timeUs={timeUs} />
          ))}
        </div>
      ))}
    </>
  );
}

function Reading({ series, timeUs }: { series: CompareSeries; timeUs: number }) {
  const { grid, maxGapUs, machine, shiftUs } = series;
  const { unit, factor } = shownUnit(series.unit);
  const value = valueAt({ kind: "buckets", grid, maxGapUs }, timeUs);
  return (
    <div>
      {shiftUs === 0 ? machine : nameOfSeries(series, timeUs, zone.value)}{" "}
      <b>{value === undefined ? chartWords.noValue : `${figure(value.value * factor)} ${unit}`}</b>
    </div>
  );
}
