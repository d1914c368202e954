// How series are told apart: colour and dash of the line, and a name that says the period.
import { compareWords as words } from "../english/compare.ts";
import { dateTimeText } from "../time/format.ts";
import type { CompareSeries } from "./compare-series.ts";

const dashes: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [1, 3]];

/** An earlier period has the colour of its machine, or the second one if there is only one. */
export function lookOfSeries(
  { machine, shiftUs }: CompareSeries,
  at: number,
  machines: readonly string[],
): { color: string; dash: readonly number[] } {
  const index = Math.max(0, machines.indexOf(machine));
  const isEarlier = shiftUs > 0;
  const color = isEarlier && machines.length === 1 ? 1 : index;
  return {
    color: `--series-${(color % 6) + 1}`,
    dash: isEarlier ? [6, 4] : (dashes[at % dashes.length] ?? []),
  };
}

export const nameOfSeries = (
  { machine, shiftUs }: CompareSeries,
  fromUs: number,
  timeZone: string,
): string =>
  shiftUs === 0
    ? machine
    : words.shifted(machine, dateTimeText(fromUs - shiftUs, timeZone).slice(0, 16));
