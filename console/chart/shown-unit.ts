// The unit in which values are shown: watts as kilowatts, everything else as it was sent.
export type ShownUnit = {
  readonly unit: string;
  /** One of the sent unit in the shown one. */
  readonly factor: number;
};

const kilo = new Map([
  ["W", "kW"],
  ["Wh", "kWh"],
]);

export function shownUnit(unit: string): ShownUnit {
  const larger = kilo.get(unit);
  return larger === undefined ? { unit, factor: 1 } : { unit: larger, factor: 1e-3 };
}
