// Words of the frame around the views, and those that several views use.
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";

export const product = "Millrace";

/** The views, in the order of the navigation. */
export const viewNames = {
  fleet: "Fleet",
  errors: "Errors",
  energy: "Energy",
  compare: "Compare",
  add: "Add a machine",
  system: "System",
} as const;

export const stateWords: Readonly<Record<MachineState, string>> = {
  [MachineState.UNSPECIFIED]: "Unknown",
  [MachineState.ACTIVE]: "Active",
  [MachineState.IDLE]: "Idle",
  [MachineState.FAULT]: "Fault",
  [MachineState.OFF]: "Off",
};
export const silentWord = "Silent";

export const severityWords: Readonly<Record<Severity, string>> = {
  [Severity.UNSPECIFIED]: "Unknown",
  [Severity.INFO]: "Info",
  [Severity.WARNING]: "Warning",
  [Severity.ERROR]: "Error",
  [Severity.CRITICAL]: "Critical",
};

export const frame = {
  skip: "Skip to the content",
  navigation: "Views",
  reference: "API reference",
  loading: "Loading …",
  again: "Try again",
  stale: (age: string) => `The last answer is ${age} old.`,
  scrolls: (label: string) => `${label}: scrolls sideways`,
  showTable: "Show as a table",
  hideTable: "Hide the table",
  theme: { light: "Light", dark: "Dark", label: "Colours" },
  zoneTitle: "Times are in this zone. Switch between your zone and UTC.",
  signOut: "Sign out",
  backToLive: "Back to live",
  live: "Live",
  last: "Last",
  from: "From",
  to: "To",
  apply: "Apply",
  close: "Close",
  notFound: "There is no such page.",
  toFleet: "To the fleet",
} as const;

export const connectionWords = {
  connecting: "Connecting …",
  live: (age: string) => `Live · ${age}`,
  quiet: (age: string) => `Live · no record for ${age}`,
  behind: (age: string) => `Behind by ${age} · reconnecting`,
  refused: "Not signed in",
} as const;

export const signInWords = {
  title: "Sign in",
  why: "This Millrace asks for an API key. It is kept in this tab until you close it.",
  refused: "The key is not valid: it is unknown, expired or revoked.",
  label: "API key",
  button: "Sign in",
  how: "An administrator makes one with:",
  command: "npx millrace keys create --name me --scope read --scope live --machine '*'",
} as const;

export const rangeWords = {
  title: "Range",
  presets: {
    "-5m": "5 min",
    "-15m": "15 min",
    "-1h": "1 h",
    "-8h": "8 h",
    "-24h": "24 h",
    "-7d": "7 d",
    "-30d": "30 d",
  } as Readonly<Record<string, string>>,
  typed: "-8h, 2026-12-01, 2026-12-01T08:00:00Z or now",
  invalid: "This is not a range: write -8h, a date, or RFC 3339, and a start before the end.",
} as const;

export const pickerWords = {
  filter: "Filter",
  some: (count: number) => `${count} chosen`,
  more: (count: number) => `${count} more: filter by name.`,
  nothing: "No name matches.",
  full: (most: number) => `At most ${most} can be chosen.`,
  clear: "Choose none",
} as const;
