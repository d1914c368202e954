// Whether the samples around a view are few enough to be shown one by one.
import type { View } from "../chart/axis.ts";
import { samplesIn } from "./how-many.ts";
import type { WindowAnswer } from "./window-answer.ts";

/** Samples of a window, which is three times the view, of one series. */
const maxRaw = 24_000;
/** Samples of a window, of all series. */
const maxRawOfAll = 240_000;

/** What an answer shows of a view; nothing of it known: buckets come first. */
export function isRawEnough(answer: WindowAnswer, { fromUs, toUs }: View): boolean {
  if (answer.series.size === 0) return answer.raw;
  const span = toUs - fromUs;
  const window = { fromUs: fromUs - span, toUs: toUs + span };
  const most = Math.min(maxRaw, maxRawOfAll / Math.max(1, answer.series.size));
  // With some play, so that it does not go to and fro at the border.
  const bound = answer.raw ? 1.5 * most : most;
  for (const data of answer.series.values()) {
    const count = samplesIn({ data, known: answer.plan }, window);
    if (count === undefined || count > bound) return false;
  }
  return true;
}
