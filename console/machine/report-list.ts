// Error reports ascending by time, each once: from an answer, and live.
import type { ErrorNow } from "../live/messages.ts";

/** Most reports that a window holds. */
export const maxReports = 40_000;

const isSame = (a: ErrorNow, b: ErrorNow): boolean =>
  a.timeUs === b.timeUs &&
  a.severity === b.severity &&
  a.code === b.code &&
  a.message === b.message;

/** The list with a report at its place; the same list if it has it already, or is full. */
export function withReport(reports: readonly ErrorNow[], report: ErrorNow): readonly ErrorNow[] {
  let at = reports.length;
  while (at > 0 && reports[at - 1]!.timeUs > report.timeUs) at--;
  for (let i = at - 1; i >= 0 && reports[i]!.timeUs === report.timeUs; i--)
    if (isSame(reports[i]!, report)) return reports;
  if (reports.length >= maxReports) return reports;
  return [...reports.slice(0, at), report, ...reports.slice(at)];
}
