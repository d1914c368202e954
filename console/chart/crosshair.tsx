// A line through all lanes at one time, and what the values are there.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Axis, toX } from "./axis.ts";
import { gutterPx, rightPx } from "./lanes.ts";

export type CrosshairProps = {
  axis: Axis;
  /** What is said beside the line. */
  children: (timeUs: number) => ComponentChildren;
};

export function Crosshair({ axis, children }: CrosshairProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const timeUs = axis.cursorUs.value;
  const x = timeUs === undefined ? -1 : toX(timeUs, axis.view.value, width);
  const isSeen = timeUs !== undefined && x >= gutterPx && x <= width - rightPx;
  const isRight = x > width / 2;
  return (
    <div ref={box} class="crosshair">
      {isSeen && (
        <>
          <div class="crosshair-line" style={{ transform: `translateX(${x.toFixed(1)}px)` }} />
          <div
            class="crosshair-box numbers"
            style={isRight ? { right: `${width - x + 10}px` } : { left: `${x + 10}px` }}
          >
            {children(timeUs)}
          </div>
        </>
      )}
    </div>
  );
}
