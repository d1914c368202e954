// The one time axis of a chart: what is in view, and where the crosshair is. Lanes read it;
// gestures change it.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { gutterPx, rightPx } from "./lanes.ts";

export type View = { readonly fromUs: number; readonly toUs: number };

export type AxisLimits = {
  /** The shortest span. Default 10 ms. */
  readonly minSpanUs?: number;
  /** The longest span. Default 20 years. */
  readonly maxSpanUs?: number;
};

export class Axis {
  readonly #view: Signal<View>;
  readonly #minSpanUs: number;
  readonly #maxSpanUs: number;
  /** Where the crosshair is; undefined: nowhere. */
  readonly cursorUs = signal<number | undefined>(undefined);
  /** The moment that was asked for: the crosshair goes back to it. */
  #pinnedUs: number | undefined;
  /** Called after somebody moved or zoomed the view. */
  onGesture: ((view: View) => void) | undefined;
  /** Called after another moment was pinned. */
  onPin: ((timeUs: number | undefined) => void) | undefined;

  constructor(
    view: View,
    { minSpanUs = 10_000, maxSpanUs = 20 * 365 * 86_400e6 }: AxisLimits = {},
  ) {
    this.#view = signal(view);
    this.#minSpanUs = minSpanUs;
    this.#maxSpanUs = maxSpanUs;
  }

  get view(): ReadonlySignal<View> {
    return this.#view;
  }

  /** Shows a range, within the limits of spans. Not a gesture. */
  show(view: View): void {
    const { fromUs, toUs } = this.#view.peek();
    if (view.fromUs === fromUs && view.toUs === toUs) return;
    this.#view.value = view;
  }

  /** Puts the crosshair on a moment, where it stays until another is pinned; undefined: none. */
  pin(timeUs: number | undefined): void {
    const isOther = timeUs !== this.#pinnedUs;
    this.#pinnedUs = timeUs;
    this.cursorUs.value = timeUs;
    if (isOther) this.onPin?.(timeUs);
  }

  /** The pointer has left: the crosshair goes back to the pinned moment, or nowhere. */
  leave(): void {
    this.cursorUs.value = this.#pinnedUs;
  }

  /** Moves the view, as somebody asked for. */
  pan(byUs: number): void {
    const { fromUs, toUs } = this.#view.peek();
    this.#gesture({ fromUs: fromUs + byUs, toUs: toUs + byUs });
  }

  /** Shows `factor` times as much time, with `atUs` staying where it is. */
  zoom(atUs: number, factor: number): void {
    this.#gesture(zoomed(this.#view.peek(), { atUs, factor, limits: this.#limits }));
  }

  /** Shows exactly this range, as somebody asked for. */
  zoomTo(fromUs: number, toUs: number): void {
    const middle = (fromUs + toUs) / 2;
    this.#gesture(zoomed({ fromUs, toUs }, { atUs: middle, factor: 1, limits: this.#limits }));
  }

  get #limits(): readonly [number, number] {
    return [this.#minSpanUs, this.#maxSpanUs];
  }

  #gesture(view: View): void {
    this.#view.value = view;
    this.onGesture?.(view);
  }
}

/** The view with `factor` times the span, cut to the limits, and `atUs` at the same place. */
export function zoomed(
  { fromUs, toUs }: View,
  {
    atUs,
    factor,
    limits: [least, most],
  }: { atUs: number; factor: number; limits: readonly [number, number] },
): View {
  const span = toUs - fromUs;
  const next = Math.min(most, Math.max(least, span * factor));
  const share = (atUs - fromUs) / span;
  const start = atUs - share * next;
  return { fromUs: start, toUs: start + next };
}

/** The place of a time in a lane of this width, in pixels from the lane's left edge. */
export const toX = (timeUs: number, { fromUs, toUs }: View, width: number): number =>
  gutterPx + ((timeUs - fromUs) / (toUs - fromUs)) * plotWidth(width);

/** The time at a place. */
export const toTime = (x: number, { fromUs, toUs }: View, width: number): number =>
  fromUs + ((x - gutterPx) / plotWidth(width)) * (toUs - fromUs);

/** The width that data has, between the margins; at least 1. */
export const plotWidth = (width: number): number => Math.max(1, width - gutterPx - rightPx);
