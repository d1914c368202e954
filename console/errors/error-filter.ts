// Which error reports a reader wants to see, as the address says it, in the words of REST.
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { ErrorRecord } from "../live/messages.ts";

export type ErrorFilter = {
  /** Empty: all. */
  readonly machines: readonly string[];
  readonly severities: readonly Severity[];
  /** The code is this one; empty: any. */
  readonly code: string;
  /** The code begins with this. */
  readonly codePrefix: string;
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
    code: query.get("code") ?? "",
    codePrefix: query.get("code_prefix") ?? "",
    text: query.get("text") ?? "",
  };
}

/** Something is left out. */
export const isFiltered = ({ machines, severities: chosen, ...texts }: ErrorFilter): boolean =>
  machines.length + chosen.length > 0 || texts.code + texts.codePrefix + texts.text !== "";

/** All of the filter but the text. */
export function matchesRequest(
  { machine, severity, code }: ErrorRecord,
  filter: ErrorFilter,
): boolean {
  return (
    (filter.machines.length === 0 || filter.machines.includes(machine)) &&
    (filter.severities.length === 0 || filter.severities.includes(severity)) &&
    (filter.code === "" || code === filter.code) &&
    code.startsWith(filter.codePrefix)
  );
}

export const matchesText = ({ message }: ErrorRecord, { text }: ErrorFilter): boolean =>
  text === "" || message.toLowerCase().includes(text.toLowerCase());
