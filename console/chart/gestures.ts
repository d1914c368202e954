// How a chart is moved: wheel, drag, pinch, double click, and keys. Everything ends in the axis.
import { type Axis, plotWidth, toTime } from "./axis.ts";
import { gutterPx } from "./lanes.ts";

export type GestureOptions = {
  axis: Axis;
  /** Shows the whole history. */
  onAll: () => void;
  onLive: () => void;
  /** Drawn while a range is marked with Shift, in pixels from the left edge; undefined: none. */
  onMarking: (range: { from: number; to: number } | undefined) => void;
  /** Moves the crosshair by so many steps. */
  onStep: (steps: number) => void;
};

/** One notch of a wheel. */
const notch = 1.2;

/** Listens on the box of the lanes until the returned function is called. */
export function listenToGestures(box: HTMLElement, options: GestureOptions): () => void {
  const life = new AbortController();
  const { signal } = life;
  const { axis, onMarking } = options;
  const xOf = (event: MouseEvent) => event.clientX - box.getBoundingClientRect().left;
  const timeAt = (x: number) => toTime(x, axis.view.peek(), box.clientWidth);
  const pointers = new Map<number, number>();
  let marking: number | undefined;

  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const { fromUs, toUs } = axis.view.peek();
    const perPx = (toUs - fromUs) / plotWidth(box.clientWidth);
    const lines = event.deltaMode === 1 ? 16 : 1;
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) axis.pan((event.deltaX || event.deltaY) * lines * perPx);
    else axis.zoom(timeAt(xOf(event)), notch ** ((event.deltaY * lines) / 100));
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as Element).closest("button, .overview")) return;
    const x = xOf(event);
    if (x < gutterPx) return;
    box.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, x);
    if (event.shiftKey && pointers.size === 1) marking = x;
  };
  const move = (event: PointerEvent) => {
    const x = xOf(event);
    axis.cursorUs.value = x < gutterPx ? undefined : timeAt(x);
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    if (marking !== undefined) {
      onMarking({ from: Math.min(marking, x), to: Math.max(marking, x) });
      return;
    }
    if (pointers.size === 1) axis.pan(timeAt(before) - timeAt(x));
    else pinch(event.pointerId, x);
    pointers.set(event.pointerId, x);
  };
  /** The times under two fingers stay under them. */
  const pinch = (moved: number, x: number) => {
    const [other] = [...pointers].find(([id]) => id !== moved)!.slice(1) as [number];
    const before = pointers.get(moved)!;
    const [wide, now] = [Math.abs(before - other), Math.abs(x - other)];
    if (wide > 10 && now > 10) axis.zoom(timeAt(other), wide / now);
  };
  const up = (event: PointerEvent) => {
    const x = xOf(event);
    if (pointers.delete(event.pointerId) && marking !== undefined) {
      const [from, to] = [Math.min(marking, x), Math.max(marking, x)];
      if (to - from > 4) axis.zoomTo(timeAt(from), timeAt(to));
      marking = undefined;
      onMarking(undefined);
    }
  };
  const leave = () => {
    if (pointers.size === 0) axis.leave();
  };
  const twice = (event: MouseEvent) => {
    if ((event.target as Element).closest("button, .overview")) return;
    axis.zoom(timeAt(xOf(event)), event.shiftKey ? 4 : 0.25);
  };
  box.addEventListener("wheel", wheel, { signal, passive: false });
  box.addEventListener("pointerdown", down, { signal });
  box.addEventListener("pointermove", move, { signal });
  box.addEventListener("pointerup", up, { signal });
  box.addEventListener("pointercancel", up, { signal });
  box.addEventListener("pointerleave", leave, { signal });
  box.addEventListener("dblclick", twice, { signal });
  box.addEventListener("keydown", (event) => onKey(event, options), { signal });
  return () => life.abort();
}

function onKey(event: KeyboardEvent, { axis, onAll, onLive, onStep }: GestureOptions): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey)
    return;
  const { fromUs, toUs } = axis.view.peek();
  const middle = axis.cursorUs.peek() ?? (fromUs + toUs) / 2;
  const step = (toUs - fromUs) / 8;
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => (event.shiftKey ? onStep(-1) : axis.pan(-step)),
    ArrowRight: () => (event.shiftKey ? onStep(1) : axis.pan(step)),
    "+": () => axis.zoom(middle, 0.5),
    "=": () => axis.zoom(middle, 0.5),
    "-": () => axis.zoom(middle, 2),
    Home: onAll,
    End: onLive,
    Escape: () => axis.pin(undefined),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}
