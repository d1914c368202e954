// Against which earlier period machines are compared.
const dayUs = 86_400e6;

export type Shift = "" | "-1d" | "-7d" | "-28d";

export const shifts: readonly (readonly [Shift, number])[] = [
  ["", 0],
  ["-1d", dayUs],
  ["-7d", 7 * dayUs],
  ["-28d", 28 * dayUs],
];

/** Undefined or unknown: no other period. Whole days, so that buckets of any width agree. */
export const shiftOf = (text: string | undefined): number =>
  shifts.find(([name]) => name === text)?.[1] ?? 0;
