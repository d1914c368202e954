// Adds to a version the silences that an answer depends on, and the states beyond its window. It
// uses the silences themselves, which do not change when more records arrive in a minute that is
// already alive.
import type { Window } from "../history/line-area.ts";
import { cutSilences, toleranceUsOf } from "../history/silence.ts";
import type { Reads } from "../read/answer-revision.ts";
import { readSilences } from "../read/silences.ts";
import type { Head } from "../store/log.ts";
import type { Series } from "../store/series.ts";
import type { Touched } from "../store/touched.ts";
import { readWatermark } from "../store/watermark.ts";

/**
 * series: all series of the machines. windows: of each machine; ofIntervals: of each machine, as
 * far as the intervals that overlap a window extend.
 */
export type SilenceBasis =
  | { series: readonly Series[]; windows: readonly Window[] }
  | { series: readonly Series[]; ofIntervals: Window };

/** touched: its states beyond the window are in the order of the basis' machines. */
export async function tellSilences(
  database: Reads["database"],
  basis: SilenceBasis | undefined,
  { touched, head, abort }: { touched: Touched; head: Head; abort: AbortSignal },
): Promise<string[]> {
  if (basis === undefined) return [touched.beyond];
  const machines = [...Map.groupBy(basis.series, ({ machineId }) => machineId)];
  const { revision, committedUs: nowUs } = head;
  let beyond = touched.beyond;
  let windows = [];
  if ("windows" in basis) {
    windows = machines.flatMap(([machineId, series]) =>
      basis.windows.map((one) => ({ machineId, series, ...one })),
    );
  } else {
    if (nowUs === undefined) return [beyond];
    const reaches = (JSON.parse(beyond || "[]") as string[]).map((text) =>
      reachOf(text, basis.ofIntervals, nowUs),
    );
    beyond = JSON.stringify(
      reaches.map(({ fromUs, how, endUs }) => [fromUs, how, endUs ?? "lasts"]),
    );
    const withStates = machines.filter(([, series]) =>
      series.some(({ signal: name }) => name === "state"),
    );
    windows = withStates.map(([machineId, series], i) => ({ machineId, series, ...reaches[i]! }));
  }
  const asked = windows.filter(({ fromUs, toUs }) => fromUs < toUs);
  const watermark = await readWatermark(database, revision, { abort });
  const silences = await readSilences(database, asked, { revision, watermark, abort });
  const texts = asked.map(({ machineId, series, fromUs, toUs }, i) => {
    const own = cutSilences(silences[i]!, { fromUs, toUs }).map(
      (one) => `${one.fromUs}-${one.toUs}`,
    );
    return `${machineId} ${toleranceUsOf(series)} ${own.join(" ")}`;
  });
  return [beyond, texts.join("\n")];
}

/**
 * How far the intervals that overlap a window extend, from a text of beyondWindow(): when the last
 * one ends, "<", when the first began, and how. An interval that ends later than now still lasts.
 */
function reachOf(text: string, { fromUs }: Window, nowUs: number) {
  const [, next, first, how] = /^(-?\d+ )?<(?: (-?\d+) (.*))?$/s.exec(text)!;
  const endUs = next === undefined || Number(next) > nowUs ? undefined : Number(next);
  return { fromUs: first === undefined ? fromUs : Number(first), toUs: endUs ?? nowUs, endUs, how };
}
