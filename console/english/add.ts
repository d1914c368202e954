// The texts of "Add a machine".
export const addWords = {
  title: "Add a machine",
  why: "A machine exists as soon as its first record is stored. Choose how it sends, and watch here.",
  machine: "Name of the machine",
  signal: "Signal",
  unit: "Unit",
  tabs: {
    curl: "curl",
    file: "File",
    typescript: "TypeScript",
    python: "Python",
    producer: "Producer",
  },
  copy: "Copy",
  copied: "Copied.",
  needsKey: "This Millrace asks for a key. Make one that may write, and put it into KEY:",
  curl: "Sends one sample, with the time at which it arrives. Run it in a terminal.",
  typescript:
    "Save it as machine.mjs and run node machine.mjs, with Node 20 or newer. It sends a sample a " +
    "second, until you stop it.",
  python: "Needs Python 3 and nothing else. It sends a sample a second, until you stop it.",
  producer:
    "The producer numbers what it sends, keeps it on disk until it is stored, and sends each " +
    "record once. Run it in the folder of Millrace, with a file or a pipe of rows.",
  waiting: (machine: string) => `Waiting for the first record of ${machine} …`,
  seen: (machine: string, signal: string, time: string) =>
    `First record seen: ${machine}, ${signal}, at ${time}.`,
  open: "Open the machine",
  known: (machine: string) => `Records of ${machine} are stored. Waiting for a new one …`,
} as const;

export const fileWords = {
  drop: "Drop a CSV or NDJSON file here, or",
  choose: "choose a file",
  empty: "The file has no line. Choose another.",
  binary: "The file is not text. Save it as CSV or NDJSON in UTF-8, and choose that file.",
  unreadable:
    "The browser cannot read the file. It may have been moved, deleted or changed, or you may not " +
    "read it. Choose it again.",
  ndjson: "NDJSON: each line is a row as GET /signals returns it. Rows are sent as they are.",
  csv: (delimiter: string, count: number) =>
    `CSV with ${count} columns, separated by ${delimiter}.`,
  delimiters: { ",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes" },
  column: "Column",
  role: "Meaning",
  signal: "Signal",
  unit: "Unit",
  roles: {
    time: "Time",
    machine: "Machine",
    signal: "Name of the signal",
    value: "Value of that signal",
    unit: "Unit of that value",
    state: "State",
    reason: "Reason of the state",
    severity: "Severity of an error",
    code: "Code of an error",
    message: "Message of an error",
    sample: "Values of a signal",
    ignore: "Not stored",
  },
  machine: "Machine, where no column names it",
  oneSignal: "Signal, where no column names it",
  epoch: "Times that are numbers count",
  epochs: {
    "": "milliseconds",
    s: "seconds",
    ms: "milliseconds",
    us: "microseconds",
    ns: "nanoseconds",
  },
  zone: "A time without a zone is taken as UTC, and a date with dots as DD.MM.YYYY.",
  preview: (count: number) => `The first ${count} rows, as they will be stored`,
  bad: (count: number) =>
    count === 1 ? "1 bad line" : `${count.toLocaleString("en-GB")} bad lines`,
  line: "Line",
  reason: "Reason",
  send: "Store the rows",
  sending: (share: string) => `Storing … ${share}`,
  cancel: "Cancel",
  canceled: "Canceled. What was sent so far is stored.",
  done: (accepted: number, rejected: number) =>
    `${accepted.toLocaleString("en-GB")} records stored, ${rejected.toLocaleString("en-GB")} refused.`,
  first: (count: number) => `The first ${count.toLocaleString("en-GB")} are listed.`,
  saveBad: (listed: number, count: number) =>
    listed < count
      ? `Save the first ${listed.toLocaleString("en-GB")} of the list`
      : "Save the list",
  decimal: "Numbers are written",
  decimals: { point: "1234.5", comma: "1234,5" },
  another: "Another file",
  failed: (reason: string) => `The upload ended: ${reason}. Store the rows again: none is doubled.`,
} as const;
