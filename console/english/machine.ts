// The texts of a machine's view.
export const machineWords = {
  unknown: (name: string) => `No machine named “${name}” has sent anything yet.`,
  nameTitle: "The name that it sends under",
  label: (key: string, value: string) => `${key}: ${value}`,
  state: "State",
  errors: "Errors",
  errorMarks: (name: string) => `Errors of ${name} over time`,
  wholeHistory: "Whole history",
  now: "now",
  noPower: "no power signal",
  age: (age: string) => `newest record ${age} ago`,
  reading: "Reading …",
  behind: (age: string) =>
    `The connection is broken. The chart is behind by ${age} and resumes without a gap.`,
  cut: (count: number) =>
    `Only the first ${count.toLocaleString("en-GB")} errors of the range are marked. Zoom in to see all.`,
  shares: "Zoomed out: each column shows how its time divides into states.",
  rate: (signal: string) => `${signal} (count)`,
  hide: (signal: string) => `Hide ${signal}`,
  show: (signal: string) => `Show ${signal}`,
  hidden: "Hidden:",
  plot: (signal: string, name: string) => `${signal} of ${name} over time`,
  samplesOf: "samples",
  chart: (name: string) => `Chart of ${name}`,
  invalidRange: "The address has no valid range. Choose one above.",
} as const;
