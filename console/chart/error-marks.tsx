// The lane of error reports: a mark for each, or for those that are too close to tell apart.
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { chartWords as words } from "../english/chart.ts";
import { severityWords } from "../english/frame.ts";
import type { ErrorNow } from "../live/messages.ts";
import { lookOfSeverity } from "../look/state-look.ts";
import { Shape } from "../parts/marks.tsx";
import { clockText } from "../time/format.ts";
import { type Axis, plotWidth } from "./axis.ts";
import { gutterPx } from "./lanes.ts";
import { clustersOf } from "./mark-clusters.ts";

export type ErrorMarksProps = {
  axis: Axis;
  /** Ascending by time. */
  reports: ReadonlySignal<readonly ErrorNow[]>;
  zone: ReadonlySignal<string>;
  onPick: (reports: readonly ErrorNow[]) => void;
  label: string;
};

export function ErrorMarks({ axis, reports, zone, onPick, label }: ErrorMarksProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const view = axis.view.value;
  const clusters = width === 0 ? [] : clustersOf(reports.value, { view, width: plotWidth(width) });
  return (
    <section ref={box} class="error-marks" aria-label={label}>
      {clusters.map(({ reports: here, worst, x }) => (
        <button
          type="button"
          key={`${here[0]!.timeUs} ${here[0]!.code}`}
          class="error-mark"
          style={{ transform: `translateX(${(gutterPx + x).toFixed(1)}px)` }}
          title={titleOf(here, zone.value)}
          aria-label={titleOf(here, zone.value)}
          onClick={() => onPick(here)}
        >
          <Shape look={lookOfSeverity[worst.severity] ?? "unknown"} />
          {here.length > 1 && <span class="numbers">{here.length}</span>}
        </button>
      ))}
    </section>
  );
}

const listed = 8;

function titleOf(reports: readonly ErrorNow[], timeZone: string): string {
  const lines = reports
    .slice(-listed)
    .map(
      ({ timeUs, severity, code, message }) =>
        `${clockText(timeUs, timeZone, 3)} ${severityWords[severity] ?? ""} ${code} ${message}`,
    );
  if (reports.length === 1) return lines.join("\n");
  const count = words.errorsHere(reports.length);
  return `${count}${reports.length > listed ? words.newest : ""}:\n${lines.join("\n")}`;
}
