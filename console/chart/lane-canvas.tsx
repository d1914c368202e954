// A canvas that is drawn again, once a frame at most, whenever a signal that it reads changes, or
// its box, or the colours.
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { onLook, perFrame, prepare } from "./canvas.ts";

export type Pen = { pen: CanvasRenderingContext2D; width: number; height: number };

export type LaneCanvasProps = {
  class?: string;
  height: number;
  label: string;
  /** Signals that the drawing depends on are read here. */
  watch: () => void;
  draw: (pen: Pen) => void;
};

export function LaneCanvas(props: LaneCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(props);
  newest.current = props;
  useEffect(() => {
    const element = canvas.current!;
    using stack = new DisposableStack();
    const frames = stack.use(
      perFrame(() => {
        const ready = prepare(element);
        if (ready !== undefined) newest.current.draw(ready);
      }),
    );
    stack.use(onLook(element, frames.ask));
    stack.defer(
      effect(() => {
        newest.current.watch();
        frames.ask();
      }),
    );
    const owned = stack.move();
    return () => owned.dispose();
  }, []);
  return (
    <canvas
      ref={canvas}
      class={`lane-canvas ${props.class ?? ""}`}
      role="img"
      aria-label={props.label}
      style={{ height: `${props.height}px` }}
    />
  );
}
