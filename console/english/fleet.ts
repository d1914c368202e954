// The fleet's texts.
export const fleetWords = {
  title: "Fleet",
  filter: "Filter by name",
  states: "Filter by state",
  byLabel: (key: string) => `Filter by ${key}`,
  anyOf: (key: string) => `${key}: any`,
  label: (key: string, value: string) => `${key}: ${value}`,
  all: "All",
  kwNow: "kW now",
  kwhToday: "kWh today",
  errorsHour: "errors last hour",
  errorsPerHour: (count: number) =>
    count === 1 ? "1 error/h" : `${count.toLocaleString("en-GB")} errors/h`,
  noDataSince: (time: string) => `no data since ${time}`,
  age: (age: string) => `${age} old`,
  ageTitle: "Age of the newest record",
  noPower: "no power signal",
  none: "No machine has sent anything yet.",
  add: "Add a machine",
  noneMatches: "No machine matches the filter.",
  clear: "Show all machines",
  noKwh: "– kWh today",
  spark: (name: string, least: string, most: string) =>
    `Power of ${name} in the last minute: between ${least} and ${most} kW`,
  sparkEmpty: (name: string) => `No power of ${name} in the last minute`,
  tile: (name: string, state: string) => `${name}: ${state}`,
} as const;
