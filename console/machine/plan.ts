// Which window to ask for, for what is in view: three times as wide, in buckets of a round width,
// so that moving a little asks for nothing.
import type { View } from "../chart/axis.ts";
import { bucketWidth, type PlanOptions } from "../chart/bucket-width.ts";

export type WindowPlan = {
  /** Multiples of widthUs. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly widthUs: number;
};

export function planWindow(view: View, options: PlanOptions): WindowPlan {
  const widthUs = bucketWidth(view, options);
  const span = view.toUs - view.fromUs;
  return {
    fromUs: Math.floor((view.fromUs - span) / widthUs) * widthUs,
    toUs: Math.ceil((view.toUs + span) / widthUs) * widthUs,
    widthUs,
  };
}

/**
 * Whether a window still serves a view: it has all of it, with some more at the sides that may have
 * data, and its buckets are about as wide as they should be.
 */
export function serves(
  window: WindowPlan,
  view: View,
  { nowUs, ...options }: PlanOptions & { nowUs: number },
): boolean {
  const marginUs = (view.toUs - view.fromUs) / 10;
  const wanted = bucketWidth(view, options);
  return (
    window.fromUs <= view.fromUs - marginUs / 2 &&
    window.toUs >= Math.min(view.toUs + marginUs, nowUs + marginUs) &&
    window.widthUs <= wanted * 2.5 &&
    window.widthUs >= wanted / 2.5
  );
}
