// The texts of the energy view.
export const energyWords = {
  title: "Energy",
  days: (count: number) => `${count} days`,
  period: "Period",
  machines: "Machine",
  allMachines: "All machines",
  price: "Price per kWh",
  priceWrong: "This is no price. Type a number, such as 0.32.",
  currency: "Currency",
  total: "All chosen machines",
  byDay: "Energy by day and state",
  kwh: "kWh",
  idleKwh: "Idle",
  idleCost: "Idle cost",
  quarter: "Highest quarter hour",
  covered: "Covered",
  day: "Day",
  soFar: "so far",
  sum: (days: number) => `${days} days`,
  without: (names: readonly string[]) =>
    `No energy is known in these days for ${names.slice(0, 20).join(", ")}` +
    (names.length > 20 ? ` and ${names.length - 20} more.` : "."),
  details: (name: string) => `Days of ${name}`,
  how:
    "The energy of a day is the area under the power between samples, by the state that the " +
    "machine was in. Days begin at midnight of the zone shown. Gaps are not filled: “covered” is " +
    "the part of the day that has samples.",
  costHow: "The idle cost is the energy while idle times the price.",
  quarterHow:
    "The highest quarter hour is the greatest mean power of a quarter of an hour that the clock " +
    "shows (00, 15, 30, 45).",
  none: "No machine has energy in these days.",
  noPrice: "Type a price to see what idling costs.",
  bar: (day: string, kwh: string) => `${day}: ${kwh} kWh`,
} as const;
