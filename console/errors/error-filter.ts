// Which error reports a reader wants to see, as the address says it, in the words of REST.
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { ErrorRecord } from "../live/messages.ts";

export type ErrorFilter = {
  /** Empty: all. */
  readonly machines: readonly string[];
  readonly severities: readonly Severity[];
  /** The code begins with this. */
  readonly code: string;
  /** Somewhere in the message, in any case. The page looks for it; REST has no such filter. */
  readonly text: string;
};

const severityNames = ["INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type SeverityName = (typeof severityNames)[number];

/** The severities, the worst first. */
export const severities: readonly (readonly [SeverityName, Severity])[] = severityNames
  .map((name) => [name, Severity[name]] as const)
  .toReversed();

export function readFilter(query: URLSearchParams): ErrorFilter {
  return {
    machines: query.getAll("machine"),
    severities: severities
      .filter(([name]) => query.getAll("severity").includes(name))
      .map(([, severity]) => severity),
    code: query.get("code_prefix") ?? "",
    text: query.get("text") ?? "",
  };
}

/** What the accessor filters by. */
export function matchesRequest(
  { machine, severity, code }: ErrorRecord,
  filter: ErrorFilter,
): boolean {
  return (
    (filter.machines.length === 0 || filter.machines.includes(machine)) &&
    (filter.severities.length === 0 || filter.severities.includes(severity)) &&
    code.startsWith(filter.code)
  );
}

export const matchesText = ({ message }: ErrorRecord, { text }: ErrorFilter): boolean =>
  text === "" || message.toLowerCase().includes(text.toLowerCase());
