// The texts of the errors' view.
export const errorsWords = {
  title: "Errors",
  machine: "Machine",
  allMachines: "All machines",
  severity: "Severity",
  code: "Code begins with",
  text: "Text in the message",
  time: "Time",
  codeColumn: "Code",
  message: "Message",
  byCode: "By code",
  bySeverity: "By severity",
  otherCodes: "other codes",
  countsHow: "Counts of the whole range for these machines, whatever else is filtered.",
  exportNote:
    "The file has all errors of the range whose code begins so; the text in the message is not " +
    "part of the export.",
  none: "No errors in this range.",
  noneMatches: "No error in this range matches the filter.",
  fresh: (count: number) =>
    count === 1 ? "1 new error" : `${count.toLocaleString("en-GB")} new errors`,
  shown: (count: number) => `${count.toLocaleString("en-GB")} shown`,
  more: "Older errors are being read …",
  all: "These are all errors of the range.",
  bound: (count: number) =>
    `The table holds ${count.toLocaleString("en-GB")} errors. Choose a shorter range or a filter to see older ones.`,
  toMoment: (machine: string, time: string) => `${machine} at ${time}: show this moment`,
  clear: "Clear the filter",
  table: "Errors, newest first",
} as const;
