// Keeps the axis, the address and the present in step: a live range ends now and moves on; a
// gesture writes the address; the address moves the axis.
import { effect } from "@preact/signals";
import { setParameters } from "../address/address.ts";
import { range, rangeText, resolveRange, showRange } from "../address/range.ts";
import type { View } from "../chart/axis.ts";
import { connection, serverNowUs } from "../live/live.ts";
import type { MachineChart } from "./machine-chart.ts";

/** At most so many frames a second; fewer if a frame would move by less than half a pixel. */
const maxFps = 30;

export type LiveAxisOptions = {
  widthPx: () => number;
  /** Called with the time up to which the page knows all: nothing is drawn after it. */
  onNow: (nowUs: number) => void;
};

/** Up to when the page knows what happened: while the connection is broken, that is not now. */
function knownToUs(nowUs: number): number {
  const { kind, sinceMs, clockOffsetMs } = connection.peek();
  return kind === "behind" ? Math.min(nowUs, (sinceMs + clockOffsetMs) * 1_000) : nowUs;
}

export function startLiveAxis(
  chart: MachineChart,
  { widthPx, onNow }: LiveAxisOptions,
): Disposable {
  const { axis } = chart;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let liveSpanUs: number | undefined;
  let frame = 0;
  let drawnMs = 0;
  let drawnToUs = Number.NEGATIVE_INFINITY;

  const tick = (timeMs: number) => {
    frame = requestAnimationFrame(tick);
    const { fromUs, toUs } = axis.view.peek();
    const perPxMs = (toUs - fromUs) / Math.max(1, widthPx()) / 1_000;
    const everyMs = calm.matches ? 1_000 : Math.min(1_000, Math.max(1_000 / maxFps, perPxMs / 2));
    if (timeMs - drawnMs < everyMs) return;
    drawnMs = timeMs;
    const now = serverNowUs();
    // A range of the past is not drawn again because time goes on.
    if (toUs >= drawnToUs) {
      drawnToUs = knownToUs(now);
      onNow(drawnToUs);
    }
    if (liveSpanUs !== undefined) axis.show({ fromUs: now - liveSpanUs, toUs: now });
    chart.check();
  };
  frame = requestAnimationFrame(tick);

  axis.onGesture = (view: View) => {
    const now = serverNowUs();
    const span = view.toUs - view.fromUs;
    // Whoever keeps the present in view stays live: there is nothing after it.
    const isLive = liveSpanUs !== undefined && view.toUs > now - span / 50;
    if (isLive) setParameters({ from: `-${Math.round(span / 1_000)}ms`, to: undefined });
    else showRange(view.fromUs, view.toUs);
    chart.check({ moved: true });
  };
  const stop = effect(() => {
    const now = serverNowUs();
    const shown = range.value;
    const resolved = resolveRange(shown, now);
    if (resolved === undefined) return;
    const { fromUs, toUs, live } = resolved;
    liveSpanUs = live ? toUs - fromUs : undefined;
    const { fromUs: from, toUs: to } = axis.view.peek();
    // What a gesture wrote itself is shown already.
    if (rangeText(from) === rangeText(fromUs) && rangeText(to) === rangeText(toUs)) return;
    axis.show({ fromUs, toUs });
    chart.check({ moved: true });
  });
  return {
    [Symbol.dispose]() {
      stop();
      cancelAnimationFrame(frame);
      axis.onGesture = undefined;
    },
  };
}
