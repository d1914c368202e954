// A small line of the last minute: band from least to greatest value, line of the means. It ends
// where its data ends.
import { useEffect, useRef } from "preact/hooks";
import type { Seconds } from "../live/second-ring.ts";
import { colorOf, onLook, perFrame, prepare } from "./canvas.ts";
import { sparkRuns } from "./spark-shape.ts";

export type SparklineProps = {
  seconds: Seconds;
  /** The right edge, by the server's clock. */
  nowUs: number;
  label: string;
};

export function Sparkline({ seconds, nowUs, label }: SparklineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef({ seconds, nowUs });
  newest.current = { seconds, nowUs };
  const asked = useRef<() => void>(undefined);
  useEffect(() => {
    const element = canvas.current!;
    let inView = true;
    using stack = new DisposableStack();
    const frames = stack.use(perFrame(() => inView && draw(element, newest.current)));
    stack.use(onLook(element, frames.ask));
    const observer = new IntersectionObserver(([entry]) => {
      inView = entry!.isIntersecting;
      if (inView) frames.ask();
    });
    observer.observe(element);
    stack.defer(() => observer.disconnect());
    asked.current = frames.ask;
    const owned = stack.move();
    return () => owned.dispose();
  }, []);
  // Once a second is enough for a line of a minute.
  const second = Math.floor(nowUs / 1e6);
  useEffect(() => asked.current?.(), [second]);
  return <canvas ref={canvas} class="sparkline" role="img" aria-label={label} />;
}

function draw(canvas: HTMLCanvasElement, { seconds, nowUs }: { seconds: Seconds; nowUs: number }) {
  const ready = prepare(canvas);
  if (ready === undefined) return;
  const { pen, width, height } = ready;
  for (const run of sparkRuns(seconds, nowUs, { width, height })) {
    pen.beginPath();
    for (const { x, high } of run) pen.lineTo(x, high);
    for (const { x, low } of run.toReversed()) pen.lineTo(x, low);
    pen.closePath();
    pen.fillStyle = colorOf("--band");
    pen.fill();
    pen.beginPath();
    for (const { x, mean } of run) pen.lineTo(x, mean);
    // A second alone is a dot.
    if (run.length === 1) pen.arc(run[0]!.x, run[0]!.mean, 1, 0, 7);
    pen.strokeStyle = colorOf("--accent");
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.stroke();
  }
}
