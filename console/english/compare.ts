// The texts of the comparison.
export const compareWords = {
  title: "Compare",
  machines: "Machines",
  pick: "Choose machines",
  signal: "Signal",
  against: "Against",
  againstNone: "nothing else",
  againstDay: "the day before",
  againstWeek: "the week before",
  againstMonth: "four weeks before",
  begin: "Choose up to six machines to see them on one axis.",
  most: 6,
  chart: "Machines on one time axis",
  shifted: (name: string, date: string) => `${name}, from ${date}`,
  table: "Figures of the range in view",
  series: "Series",
  mean: "Mean",
  peak: "Greatest",
  peakAt: "at",
  least: "Least",
  kwh: "kWh",
  difference: "Mean to the first",
  covered: "Covered",
  how:
    "Mean, least and greatest value are of the samples in view; kWh is the area under the power. " +
    "An earlier period is shown on the same axis, moved by its distance.",
  unitsDiffer: "The signals have different units: their values are not comparable.",
} as const;
