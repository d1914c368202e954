// Several machines on one time axis, or machines now and some time before.
import { computed, signal as createSignal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { parameter, parameters, setParameters } from "../address/address.ts";
import { range, rangeText, resolveRange, showLive, showRange } from "../address/range.ts";
import { Axis } from "../chart/axis.ts";
import { Crosshair } from "../chart/crosshair.tsx";
import { listenToGestures } from "../chart/gestures.ts";
import { shownUnit } from "../chart/shown-unit.ts";
import { TimeScale } from "../chart/time-scale.tsx";
import { type PlotSeries, ValuePlot } from "../chart/value-plot.tsx";
import { clients } from "../contract/clients.ts";
import { readMachineNames } from "../contract/machine-names.ts";
import { restPath } from "../contract/rest.ts";
import { useAnswer } from "../contract/use-answer.ts";
import { chartWords } from "../english/chart.ts";
import { compareWords as words } from "../english/compare.ts";
import { rangeWords } from "../english/frame.ts";
import { ExportMenu } from "../exports/export-menu.tsx";
import { serverNowUs } from "../live/live.ts";
import { MachinePicker } from "../parts/machine-picker.tsx";
import { Notice, Problem } from "../parts/notice.tsx";
import { RangePicker } from "../parts/range-picker.tsx";
import { zone } from "../time/zone.ts";
import { readCompared } from "./compare-series.ts";
import { CompareTable } from "./compare-table.tsx";
import { planCompared } from "./plan-compared.ts";
import { Readings } from "./readings.tsx";
import { lookOfSeries, nameOfSeries } from "./series-look.ts";
import { shiftOf, shifts } from "./shifts.ts";
import { SignalPicker } from "./signal-picker.tsx";
import "../chart/chart.css";
import "./compare.css";

const liveEveryMs = 5_000;
const restMs = 200;

export default function CompareView() {
  const chosen = parameters("machine").slice(0, words.most);
  const of = clients.value.signals;
  const names = useAnswer((abort) => readMachineNames(of, abort), [of], { everyMs: 60_000 });
  const signal = parameter("signal") ?? "power";
  const against = parameter("against") ?? "";
  const { from, to } = range.value;
  const resolved = resolveRange({ from, to }, serverNowUs());
  return (
    <>
      <div class="toolbar">
        <h1>{words.title}</h1>
        <MachinePicker
          label={words.machines}
          none={words.pick}
          names={names.value ?? []}
          chosen={chosen}
          max={words.most}
          onChoose={(machine) => setParameters({ machine })}
        />
        <SignalPicker machines={chosen} chosen={signal} />
        <label class="toolbar">
          <span class="soft">{words.against}</span>
          <select
            class="field"
            value={against}
            onChange={({ currentTarget: { value } }) =>
              setParameters({ against: value === "" ? undefined : value })
            }
          >
            {shifts.map(([name], at) => (
              <option key={name} value={name}>
                {[words.againstNone, words.againstDay, words.againstWeek, words.againstMonth][at]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="toolbar">
        <RangePicker />
        <span class="grow" />
        {chosen.length > 0 && resolved !== undefined && (
          <ExportMenu
            fileName={words.title}
            items={() => [
              {
                what: signal,
                rows: true,
                path: restPath(`/signals/${signal}/buckets`, {
                  machine: chosen,
                  from: rangeText(resolved.fromUs),
                  to: resolved.live ? undefined : rangeText(resolved.toUs),
                }),
              },
            ]}
            chart={() => {
              const element = document.querySelector<HTMLElement>(".compare-chart");
              return element === null
                ? undefined
                : { element, title: chosen.join(", "), subtitle: `${from} – ${to ?? "now"}` };
            }}
          />
        )}
      </div>
      {chosen.length === 0 ? (
        <Notice>{words.begin}</Notice>
      ) : resolved === undefined ? (
        <Problem text={rangeWords.invalid} />
      ) : (
        <Compared
          machines={chosen}
          signal={signal}
          shiftUs={shiftOf(against)}
          live={resolved.live}
        />
      )}
    </>
  );
}

type ComparedProps = { machines: string[]; signal: string; shiftUs: number; live: boolean };

function Compared({ machines, signal, shiftUs, live }: ComparedProps) {
  const box = useRef<HTMLDivElement>(null);
  const axis = useMemo(() => new Axis(resolveRange(range.peek(), serverNowUs())!), []);
  const endUs = useSignal(serverNowUs());
  const [asked, setAsked] = useState(axis.view.peek());
  const { from, to } = range.value;
  // The address moves the axis.
  useEffect(() => {
    const next = resolveRange({ from, to }, serverNowUs());
    if (next !== undefined) axis.show({ fromUs: next.fromUs, toUs: next.toUs });
  }, [from, to]);
  useEffect(() => {
    axis.onGesture = ({ fromUs, toUs }) => showRange(fromUs, toUs);
    const element = box.current!;
    return listenToGestures(element, {
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
    const timer = setTimeout(() => setAsked(axis.view.peek()), restMs);
    return () => clearTimeout(timer);
  }, [view]);
  const of = clients.value.signals;
  const answer = useAnswer(
    async (abort) => {
      const now = serverNowUs();
      const span = asked.toUs - asked.fromUs;
      const shown = live ? { fromUs: now - span, toUs: now } : asked;
      const plan = planCompared(shown, box.current!.clientWidth, machines.length);
      const all = await Promise.all(
        (shiftUs === 0 ? [0] : [0, shiftUs]).map((shift) =>
          readCompared(of, { machines, signal, shiftUs: shift, ...plan, view: shown, abort }),
        ),
      );
      endUs.value = now;
      if (live) axis.show(shown);
      return all.flat();
    },
    [of, machines.join("\0"), signal, shiftUs, live, live ? asked.toUs - asked.fromUs : asked],
    live ? { everyMs: liveEveryMs } : {},
  );
  const series = answer.value ?? [];
  const held = useMemo(() => createSignal(series), []);
  held.value = series;
  const drawn = useComputed<readonly PlotSeries[]>(() =>
    held.value.map((one, at) => ({
      data: { kind: "buckets", grid: one.grid, maxGapUs: one.maxGapUs },
      ...lookOfSeries(one, at, machines),
    })),
  );
  const unit = shownUnit(series[0]?.unit ?? "");
  // What an earlier period shows is not after now on the axis, so the axis ends with the view.
  const drawEnd = useMemo(
    () => computed(() => (shiftUs === 0 ? endUs.value : axis.view.value.toUs)),
    [shiftUs],
  );
  return (
    <section class="card compare-chart" aria-label={words.chart}>
      <p class="chart-status" role="status">
        {answer.problem ??
          (new Set(series.map((one) => one.unit)).size > 1 ? words.unitsDiffer : "")}
      </p>
      <ul class="compare-legend">
        {series.map((one, at) => (
          <li key={`${one.machine} ${one.shiftUs}`}>
            <svg width="30" height="10" aria-hidden="true">
              <line
                x1="1"
                x2="29"
                y1="5"
                y2="5"
                stroke={`var(${lookOfSeries(one, at, machines).color})`}
                stroke-width="2.5"
                stroke-dasharray={lookOfSeries(one, at, machines).dash.join(" ")}
              />
            </svg>
            {nameOfSeries(one, view.fromUs, zone.value)}
          </li>
        ))}
      </ul>
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
        <div class="lane-title">{`${signal}${unit.unit === "" ? "" : ` · ${unit.unit}`}`}</div>
        <ValuePlot
          axis={axis}
          series={drawn}
          endUs={drawEnd}
          zone={zone}
          height={340}
          unit={unit}
          withZero={signal === "power"}
          label={words.chart}
        />
        <TimeScale axis={axis} zone={zone} />
        <Crosshair axis={axis}>
          {(timeUs) => <Readings series={series} unit={unit} timeUs={timeUs} />}
        </Crosshair>
      </div>
      <CompareTable series={series} unit={unit} isPower={signal === "power"} />
    </section>
  );
}
