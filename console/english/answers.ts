// The texts of the answers for the range in view.
import { EnergyAbsence } from "#gen/millrace/v1/summary_pb.ts";

export const answerWords = {
  states: "Time in state",
  statesHow:
    "A state holds until the next one; the state before the range counts from its start. " +
    "The times add up to the range.",
  total: "Total",
  availability: "Availability",
  availabilityHow:
    "Availability is the time active or idle, divided by the time active, idle or in fault.",
  transitions: "Changes of state",
  silent: "Silent",
  silentHow: "A machine is silent when none of its signals has a record for ten minutes or more.",
  energy: "Energy",
  energyHow:
    "The area under the power between samples. Gaps are not filled: “covered” is the part of the " +
    "range that has samples.",
  inView: "In view",
  covered: "Covered",
  meanPower: "Mean power",
  peakPower: "Peak power",
  peakAt: "Peak at",
  showPeak: "Show the peak in the chart",
  byState: (state: string) => `while ${state.toLowerCase()}`,
  errors: "Errors",
  errorsHow:
    "Errors per running hour are errors divided by the hours active; the mean time between errors " +
    "is the time active divided by their number.",
  count: "In the range",
  perHour: "Per running hour",
  between: "Mean time between",
  codes: "By code",
  otherCodes: "other codes",
  noErrors: "No errors in this range.",
  noStates: "No state is known in this range.",
  notCovered: "No sample of power covers this range.",
  absence: {
    [EnergyAbsence.UNSPECIFIED]: "The energy is not known.",
    [EnergyAbsence.NO_POWER]: "The machine has not sent the signal “power”.",
    [EnergyAbsence.UNIT]: "The unit of “power” cannot be converted to watts.",
    [EnergyAbsence.NO_TIME]: "The range has not begun yet.",
    [EnergyAbsence.COUNTER]: "“power” is declared as a counter, so its values are not power.",
  } as Readonly<Record<EnergyAbsence, string>>,
  noSummary: "There are no figures for this machine.",
  earlier: "of the earlier range",
} as const;
