// The chart as tables: states, samples or buckets of each signal, and errors of the range in view.
import type { PlotData } from "../chart/plot-data.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { chartWords } from "../english/chart.ts";
import { severityWords, stateWords } from "../english/frame.ts";
import { machineWords } from "../english/machine.ts";
import { PagedTable } from "../parts/paged-table.tsx";
import { dateTimeText } from "../time/format.ts";
import { zone } from "../time/zone.ts";
import type { MachineChart } from "./machine-chart.ts";
import type { NumericSignal } from "./numeric-signals.ts";

export type TablesProps = { chart: MachineChart; signals: readonly NumericSignal[] };

const words = chartWords.table;

export function Tables({ chart, signals }: TablesProps) {
  const window = chart.window.value;
  window?.version.value;
  const { fromUs, toUs } = chart.axis.view.value;
  if (window === undefined) return null;
  const time = (us: number, digits = 0) => dateTimeText(us, zone.value, digits);
  const band = window.band.value;
  const intervals =
    band.kind === "intervals"
      ? band.intervals.filter((one) => one.toUs > fromUs && one.fromUs < toUs)
      : [];
  const reports = window.reports.value.filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
  return (
    <div class="chart-tables">
      {signals.map((signal) => {
        const data = window.answer.series.get(signal.name);
        return data && <ValueTable key={signal.name} {...{ signal, data, fromUs, toUs, time }} />;
      })}
      <PagedTable
        label={machineWords.state}
        columns={[words.from, words.to, words.state, words.reason]}
        count={intervals.length}
        row={(at) => {
          const one = intervals[at]!;
          const end = Number.isFinite(one.toUs) ? time(one.toUs, 3) : "";
          return [time(one.fromUs, 3), end, stateWords[one.state] ?? "", one.reason];
        }}
      />
      <PagedTable
        label={machineWords.errors}
        columns={[words.time, words.severity, words.code, words.message]}
        count={reports.length}
        row={(at) => {
          const { timeUs, severity, code, message } = reports[at]!;
          return [time(timeUs, 3), severityWords[severity] ?? "", code, message];
        }}
      />
    </div>
  );
}

type ValueTableProps = {
  signal: NumericSignal;
  data: PlotData;
  fromUs: number;
  toUs: number;
  time: (us: number, digits?: number) => string;
};

/** Values as they were sent, in the unit of the chart, to the last digit. */
function ValueTable({ signal, data, fromUs, toUs, time }: ValueTableProps) {
  const { unit, factor } = shownUnit(signal.unit);
  const label = unit === "" ? signal.name : `${signal.name} · ${unit}`;
  const number = (value: number) => String(Number((value * factor).toPrecision(12)));
  if (data.kind === "samples") {
    const { run } = data;
    const first = run.indexFrom(fromUs);
    return (
      <PagedTable
        label={label}
        columns={[words.time, words.value]}
        count={run.indexFrom(toUs) - first}
        row={(at) => [time(run.timesUs[first + at]!, 6), number(run.values[first + at]!)]}
      />
    );
  }
  const { grid } = data;
  const filled: number[] = [];
  const last = Math.min(grid.length - 1, grid.indexOf(toUs));
  for (let i = Math.max(0, grid.indexOf(fromUs)); i <= last; i++)
    if (grid.count[i]! > 0) filled.push(i);
  return (
    <PagedTable
      label={label}
      columns={[words.from, words.mean, words.min, words.max, words.samples]}
      count={filled.length}
      row={(at) => {
        const i = filled[at]!;
        const [mean, min, max] = [grid.meanOf(i), grid.min[i]!, grid.max[i]!].map(number);
        return [time(grid.startOf(i), 3), mean!, min!, max!, String(grid.count[i])];
      }}
    />
  );
}
