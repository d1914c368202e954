// The comparison itself: a plot for each signal on one axis, with a line for each machine and period.
import { computed, type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { range, resolveRange, showLive, showRange } from "../address/range.ts";
import { Axis, type View } from "../chart/axis.ts";
import { Crosshair } from "../chart/crosshair.tsx";
import { listenToGestures } from "../chart/gestures.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { TimeScale } from "../chart/time-scale.tsx";
import { type PlotSeries, ValuePlot } from "../chart/value-plot.tsx";
import { clients } from "../contract/clients.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { chartWords } from "../english/chart.ts";
import { compareWords as words } from "../english/compare.ts";
import { serverNowUs } from "../live/live.ts";
import { zone } from "../time/zone.ts";
import { type CompareSeries, readCompared } from "./compare-series.ts";
import { CompareTable } from "./compare-table.tsx";
import { Legend } from "./legend.tsx";
import { planCompared } from "./plan-compared.ts";
import { Readings } from "./readings.tsx";
import { lookOfSeries } from "./series-look.ts";

export type ComparedProps = {
  machines: readonly string[];
  signals: readonly string[];
  /** Also as it was so long before; 0: not. */
  shiftUs: number;
  live: boolean;
};

/** The series of each signal, by its name. */
type BySignal = ReadonlyMap<string, readonly CompareSeries[]>;

const liveEveryMs = 5_000;
const restMs = 200;
const none: readonly CompareSeries[] = [];

export function Compared({ machines, signals, shiftUs, live }: ComparedProps) {
  const box = useRef<HTMLDivElement>(null);
  const { axis, asked } = useAxis(box);
  const endUs = useSignal(serverNowUs());
  const held = useSignal<BySignal>(new Map());
  const of = clients.value.signals;
  const { problem } = useAnswer(
    async (abort) => {
      const now = serverNowUs();
      const view = live ? { fromUs: now - (asked.toUs - asked.fromUs), toUs: now } : asked;
      const lines = machines.length * signals.length;
      const plan = planCompared(view, box.current!.clientWidth, lines);
      const read = (signal: string, shift: number) =>
        readCompared(of, { machines, signal, shiftUs: shift, ...plan, view, abort });
      const found = await Promise.all(
        signals.map(async (signal) => {
          const shifts = shiftUs === 0 ? [0] : [0, shiftUs];
          return [
            signal,
            (await Promise.all(shifts.map((one) => read(signal, one)))).flat(),
          ] as const;
        }),
      );
      endUs.value = now;
      if (live) axis.show(view);
      held.value = new Map(found);
    },
    [of, machines.join("\0"), signals.join("\0"), shiftUs, live, live ? spanOf(asked) : asked],
    live ? { everyMs: liveEveryMs } : {},
  );
  // An earlier period goes on after now, so the axis ends with the view.
  const drawEnd = useMemo(
    () => computed(() => (shiftUs === 0 ? endUs.value : axis.view.value.toUs)),
    [shiftUs],
  );
  const first = held.value.get(signals[0]!) ?? none;
  return (
    <section class="card compare-chart" aria-label={words.chart}>
      <p class="chart-status" role="status">
        {problem}
      </p>
      <Legend series={first} machines={machines} fromUs={axis.view.value.fromUs} />
      <div
        ref={box}
        class="lanes"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move it, as its role says.
        tabIndex={0}
        aria-label={words.chart}
        aria-describedby="chart-hint"
      >
        <p id="chart-hint" class="hidden-text">
          {chartWords.hint}
        </p>
        {signals.map((signal) => (
          <Lane
            key={signal}
            signal={signal}
            height={signals.length === 1 ? 340 : 200}
            {...{ axis, held, machines, drawEnd }}
          />
        ))}
        <TimeScale axis={axis} zone={zone} />
        <Crosshair axis={axis}>
          {(timeUs) => <Readings bySignal={held.value} timeUs={timeUs} />}
        </Crosshair>
      </div>
      {signals.map((signal) => (
        <CompareTable key={signal} signal={signal} series={held.value.get(signal) ?? none} />
      ))}
      <p class="how">{words.how}</p>
    </section>
  );
}

const spanOf = ({ fromUs, toUs }: View): number => toUs - fromUs;

type LaneProps = {
  axis: Axis;
  held: ReadonlySignal<BySignal>;
  signal: string;
  machines: readonly string[];
  drawEnd: ReadonlySignal<number>;
  height: number;
};

function Lane({ axis, held, signal, machines, drawEnd, height }: LaneProps) {
  const drawn = useComputed<readonly PlotSeries[]>(() =>
    (held.value.get(signal) ?? none).map((one, at) => ({
      data: { kind: "buckets", grid: one.grid, maxGapUs: one.maxGapUs },
      ...lookOfSeries(one, at, machines),
    })),
  );
  const series = held.value.get(signal) ?? none;
  const unit = shownUnit(series[0]?.unit ?? "");
  const differ = new Set(series.map((one) => one.unit)).size > 1;
  return (
    <>
      <div class="lane-title">
        {`${signal}${unit.unit === "" ? "" : ` · ${unit.unit}`}`}
        {differ && <span class="soft">{words.unitsDiffer}</span>}
      </div>
      <ValuePlot
        axis={axis}
        series={drawn}
        endUs={drawEnd}
        zone={zone}
        height={height}
        unit={unit}
        withZero={signal === "power"}
        label={words.lane(signal)}
      />
    </>
  );
}

/** The axis in step with the address, and the view once it rests. */
function useAxis(box: { current: HTMLDivElement | null }): { axis: Axis; asked: View } {
  const axis = useMemo(() => new Axis(resolveRange(range.peek(), serverNowUs())!), []);
  const [asked, setAsked] = useState(axis.view.peek());
  const { from, to } = range.value;
  useEffect(() => {
    const next = resolveRange({ from, to }, serverNowUs());
    if (next !== undefined) axis.show({ fromUs: next.fromUs, toUs: next.toUs });
  }, [from, to]);
  useEffect(() => {
    axis.onGesture = ({ fromUs, toUs }) => showRange(fromUs, toUs);
    return listenToGestures(box.current!, {
      axis,
      onAll: () => showLive("-7d"),
      onLive: () => showLive(),
      onMarking: () => {},
      onStep: (steps) => {
        const { fromUs, toUs } = axis.view.peek();
        const at = axis.cursorUs.peek() ?? (fromUs + toUs) / 2;
        axis.cursorUs.value = at + (steps * (toUs - fromUs)) / 200;
      },
    });
  }, []);
  const view = axis.view.value;
  useEffect(() => {
    if (view === asked) return;
    const timer = setTimeout(() => setAsked(axis.view.peek()), restMs);
    return () => clearTimeout(timer);
  }, [view]);
  return { axis, asked };
}
