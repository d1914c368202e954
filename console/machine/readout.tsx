// What the crosshair says: the exact time, the state, and the value of each signal.

import { type ValueAt, valueAt } from "../chart/plot-data.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { chartWords } from "../english/chart.ts";
import { stateWords } from "../english/frame.ts";
import { dateTimeText, figure } from "../time/format.ts";
import { offsetText, zone } from "../time/zone.ts";
import type { MachineChart } from "./machine-chart.ts";
import type { NumericSignal } from "./numeric-signals.ts";

export type ReadoutProps = {
  chart: MachineChart;
  signals: readonly NumericSignal[];
  timeUs: number;
};

export function Readout({ chart, signals, timeUs }: ReadoutProps) {
  const window = chart.window.value;
  window?.version.value;
  const values = signals.map((signal) => {
    const data = window?.answer.series.get(signal.name);
    return [signal, data && valueAt(data, timeUs)] as const;
  });
  // The time of the sample itself, where there is one.
  const sample = values.find(([, value]) => value?.count === 1 && value.min === undefined)?.[1];
  const shownUs = sample?.timeUs ?? timeUs;
  const { fromUs, toUs } = chart.axis.view.value;
  const digits = toUs - fromUs > 3_600e6 ? 0 : toUs - fromUs > 1e6 ? 3 : 6;
  const state = window?.stateAt(shownUs);
  return (
    <>
      <div class="soft">
        {dateTimeText(shownUs, zone.value, digits)} {offsetText(shownUs, zone.value)}
      </div>
      {state && (
        <div>
          <b>{stateWords[state.state]}</b> {state.reason}
        </div>
      )}
      {values.map(([{ name, unit: sent }, value]) => {
        const { unit, factor } = shownUnit(sent);
        return (
          <div key={name}>
            {name}{" "}
            <b>
              {value === undefined ? chartWords.noValue : `${figure(value.value * factor)} ${unit}`}
            </b>
            {value !== undefined && <Spread value={value} factor={factor} />}
          </div>
        );
      })}
    </>
  );
}

/** Of a bucket with several samples. */
function Spread({ value: { min, max, count }, factor }: { value: ValueAt; factor: number }) {
  if (min === undefined || max === undefined || count <= 1) return null;
  return (
    <span class="soft">
      {" "}
      {figure(min * factor)} – {figure(max * factor)}, {chartWords.samples(count)}
    </span>
  );
}
