// The lanes of a machine on their one time axis: states, values, errors, and the whole history.
import { computed, type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { readTime } from "../../codec/row/time.ts";
import { parameter, parameters, setParameters } from "../address/address.ts";
import { rangeText, showLive, showRange } from "../address/range.ts";
import { Crosshair } from "../chart/crosshair.tsx";
import { ErrorMarks } from "../chart/error-marks.tsx";
import { listenToGestures } from "../chart/gestures.ts";
import { Overview } from "../chart/overview.tsx";
import { shownUnit } from "../chart/shown-unit.ts";
import { StateBand } from "../chart/state-band.tsx";
import { TimeScale } from "../chart/time-scale.tsx";
import { type PlotSeries, ValuePlot } from "../chart/value-plot.tsx";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { chartWords } from "../english/chart.ts";
import { frame } from "../english/frame.ts";
import { machineWords as words } from "../english/machine.ts";
import { connection, serverNowUs } from "../live/live.ts";
import { ageText } from "../time/format.ts";
import { nowUs as browserNowUs } from "../time/now.ts";
import { zone } from "../time/zone.ts";
import { readHistory } from "./history.ts";
import { startLiveAxis } from "./live-axis.ts";
import type { MachineChart } from "./machine-chart.ts";
import { nextSample } from "./next-sample.ts";
import type { NumericSignal } from "./numeric-signals.ts";
import { Readout } from "./readout.tsx";
import { shownSignals, withLane, withoutLane } from "./shown-signals.ts";
import { bandWithSilence } from "./state-history.ts";
import { Tables } from "./tables.tsx";

export type LanesProps = {
  name: string;
  chart: MachineChart;
  /** Since when the machine has been silent, by the feed; undefined while records come. */
  silentFromUs: ReadonlySignal<number | undefined>;
};

export function Lanes({ name, chart, silentFromUs }: LanesProps) {
  const box = useRef<HTMLDivElement>(null);
  const [marking, setMarking] = useState<{ from: number; to: number }>();
  const endUs = useSignal(serverNowUs());
  const { axis } = chart;
  const chosen = { hide: parameters("hide"), show: parameters("show") };
  const { shown, hidden } = shownSignals(chart.signals.value, chosen);
  const names = shown.map((signal) => signal.name).join("\n");
  useEffect(() => chart.show(shown.map((signal) => signal.name)), [chart, names]);
  const history = useHistory(name, chart.signals.value[0]?.name);
  useEffect(() => {
    const element = box.current!;
    using stack = new DisposableStack();
    const observer = new ResizeObserver(([entry]) => chart.resize(entry!.contentRect.width));
    observer.observe(element);
    stack.defer(() => observer.disconnect());
    stack.use(
      startLiveAxis(chart, {
        widthPx: () => element.clientWidth,
        onNow: (now) => {
          endUs.value = now;
        },
      }),
    );
    stack.defer(
      listenToGestures(element, {
        axis,
        onAll: () => {
          const { fromUs, toUs } = history.span.peek();
          showRange(fromUs, toUs, { push: true });
        },
        onLive: () => showLive(),
        onMarking: setMarking,
        onStep: (steps) => nextSample(chart, steps),
      }),
    );
    const atUs = momentOf(parameter("at"));
    if (atUs !== undefined) axis.pin(atUs);
    axis.onPin = (timeUs) =>
      setParameters({ at: timeUs === undefined ? undefined : rangeText(timeUs) });
    stack.defer(() => {
      axis.onPin = undefined;
    });
    const owned = stack.move();
    return () => owned.dispose();
  }, [chart]);
  const isTable = parameter("table") === "1";
  const window = chart.window;
  const band = useComputed(() => {
    const data = window.value?.band.value;
    return data && bandWithSilence(data, silentFromUs.value);
  });
  const reports = useComputed(() => window.value?.reports.value ?? []);
  return (
    <section class="card machine-chart" aria-label={words.chart(name)}>
      <Status chart={chart} />
      <div
        ref={box}
        role="application"
        class="lanes"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move it, as its role says.
        tabIndex={0}
        aria-label={words.chart(name)}
        aria-describedby="chart-hint"
      >
        <p id="chart-hint" class="hidden-text">
          {chartWords.hint}
        </p>
        <div class="lane-title">{words.state}</div>
        <StateBand axis={axis} data={band} endUs={endUs} label={chartWords.stateBand(name)} />
        <TimeScale axis={axis} zone={zone} />
        {shown.map((signal, at) => (
          <ValueLane
            key={signal.name}
            name={name}
            chart={chart}
            signal={signal}
            endUs={endUs}
            height={at === 0 ? 280 : 130}
            onHide={() => setParameters(withoutLane(chosen, signal.name))}
          />
        ))}
        <div class="lane-title">{words.errors}</div>
        <ErrorMarks
          axis={axis}
          reports={reports}
          zone={zone}
          label={words.errorMarks(name)}
          onPick={([first]) => axis.pin(first!.timeUs)}
        />
        {marking && (
          <div
            class="marking"
            style={{ left: `${marking.from}px`, width: `${marking.to - marking.from}px` }}
          />
        )}
        <Crosshair axis={axis}>
          {(timeUs) => <Readout chart={chart} signals={shown} timeUs={timeUs} />}
        </Crosshair>
      </div>
      <div class="lane-title">{words.wholeHistory}</div>
      <Overview axis={axis} span={history.span} grid={history.grid} />
      <Hidden hidden={hidden} onShow={(signal) => setParameters(withLane(chosen, signal))} />
      <p class="toolbar">
        <button
          type="button"
          class="button"
          aria-expanded={isTable}
          onClick={() => setParameters({ table: isTable ? undefined : "1" })}
        >
          {isTable ? frame.hideTable : frame.showTable}
        </button>
      </p>
      {isTable && <Tables chart={chart} signals={shown} />}
    </section>
  );
}

function momentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const us = readTime(text, { nowUs: BigInt(Math.floor(serverNowUs())) });
  return typeof us === "bigint" ? Number(us) : undefined;
}

type ValueLaneProps = {
  name: string;
  chart: MachineChart;
  signal: NumericSignal;
  endUs: ReadonlySignal<number>;
  height: number;
  onHide: () => void;
};

function ValueLane({ name, chart, signal, endUs, height, onHide }: ValueLaneProps) {
  const series = useMemo(
    () =>
      computed<readonly PlotSeries[]>(() => {
        const window = chart.window.value;
        window?.version.value;
        const data = window?.answer.series.get(signal.name);
        return data === undefined ? [] : [{ data, color: "--accent" }];
      }),
    [chart, signal.name],
  );
  const unit = shownUnit(signal.unit);
  const title = unit.unit === "" ? signal.name : `${signal.name} · ${unit.unit}`;
  return (
    <>
      <div class="lane-title">
        {title}
        <span class="grow" />
        <button
          type="button"
          class="lane-hide"
          aria-label={words.hide(signal.name)}
          title={words.hide(signal.name)}
          onClick={onHide}
        >
          ×
        </button>
      </div>
      <ValuePlot
        axis={chart.axis}
        series={series}
        endUs={endUs}
        zone={zone}
        height={height}
        unit={unit}
        withZero={signal.name === "power"}
        label={words.plot(title, name)}
      />
    </>
  );
}

/** What the chart must say of itself, in a line that always has its place. */
function Status({ chart }: { chart: MachineChart }) {
  const { kind, sinceMs } = connection.value;
  const window = chart.window.value;
  const behindUs = Math.max(0, browserNowUs.value - sinceMs * 1000);
  const behind = kind === "behind" ? words.behind(ageText(behindUs)) : "";
  const cut = window?.answer.reportsCut ? words.cut(window.reports.value.length) : "";
  const shares = window?.band.value.kind === "shares" ? words.shares : "";
  const reading = window === undefined ? words.reading : "";
  return (
    <p class="chart-status" role="status">
      {chart.problem.value ?? (behind || cut || reading || shares)}
    </p>
  );
}

type HiddenProps = { hidden: readonly NumericSignal[]; onShow: (name: string) => void };

function Hidden({ hidden, onShow }: HiddenProps) {
  if (hidden.length === 0) return null;
  return (
    <p class="toolbar soft hidden-signals">
      {words.hidden}
      {hidden.map(({ name }) => (
        <button
          type="button"
          key={name}
          class="button quiet"
          aria-label={words.show(name)}
          onClick={() => onShow(name)}
        >
          {name}
        </button>
      ))}
    </p>
  );
}

const historyEveryMs = 60_000;

/** The span and shape of the whole history, as signals that the overview draws. */
function useHistory(machine: string, signal: string | undefined) {
  const span = useSignal({ fromUs: serverNowUs() - 3_600e6, toUs: serverNowUs() });
  const grid = useSignal<Awaited<ReturnType<typeof readHistory>>["grid"]>(undefined);
  const answer = useAnswer(
    (abort) => readHistory(clients.value, { machine, signal, nowUs: serverNowUs(), abort }),
    [clients.value, machine, signal],
    { everyMs: historyEveryMs },
  );
  useEffect(() => {
    if (answer.value === undefined) return;
    span.value = answer.value.span;
    grid.value = answer.value.grid;
  }, [answer.value]);
  return { span, grid };
}
