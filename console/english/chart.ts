// The chart's texts.
export const chartWords = {
  timeScale: "Time axis",
  stateBand: (name: string) => `States of ${name} over time`,
  overview: "The whole history. The frame is what is in view.",
  frame: "Range in view: arrow keys move it, plus and minus zoom",
  hint:
    "Arrow keys move, plus and minus zoom, Home shows the whole history, End goes back to live. " +
    "Shift with arrow keys moves the crosshair.",
  samples: (count: number) =>
    count === 1 ? "1 sample" : `${count.toLocaleString("en-GB")} samples`,
  errorsHere: (count: number) => (count === 1 ? "1 error" : `${count} errors`),
  newest: ", the newest",
  noValue: "no value",
  table: {
    time: "Time",
    from: "From",
    to: "To",
    state: "State",
    reason: "Reason",
    mean: "Mean",
    min: "Least",
    max: "Greatest",
    value: "Value",
    severity: "Severity",
    code: "Code",
    message: "Message",
    samples: "Samples",
    page: (page: number, pages: number) => `Page ${page} of ${pages}`,
    before: "Previous page",
    next: "Next page",
    empty: "There is nothing in this range.",
  },
} as const;
