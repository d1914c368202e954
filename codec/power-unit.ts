// How many watts one of a power unit is. No I/O.

const prefixes: Readonly<Record<string, number>> = {
  u: 1e-6,
  // Two characters look the same: the micro sign and the Greek letter.
  "\u00b5": 1e-6,
  "\u03bc": 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};

/**
 * Watts in one of the unit; undefined if that is unknown, because the unit measures something else
 * (VA, var, kWh) or has several meanings (hp, ton). "", a unit that is not declared yet, is W. Case
 * matters, as in SI (mW and MW); "KW" is read as kW, since meters write it and it cannot mean
 * anything else. The same as `watts_per` in the database.
 */
export function wattsPer(unit: string): number | undefined {
  if (unit === "") return 1;
  const [, prefix = "", base] = /^(.?)(W|J\/s)$/u.exec(unit) ?? [];
  if (base === undefined) return undefined;
  return prefixes[prefix === "K" ? "k" : prefix];
}
