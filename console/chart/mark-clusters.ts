// Marks of events that are closer than a mark is wide become one, which counts them. No drawing.
import type { ErrorNow } from "../live/messages.ts";
import type { View } from "./axis.ts";

export type Cluster = {
  /** The reports, ascending by time; at least one. */
  readonly reports: readonly ErrorNow[];
  /** Of the most severe one. */
  readonly worst: ErrorNow;
  /** In pixels from the plot's left edge. */
  readonly x: number;
};

/** `reports` must be ascending by time. */
export function clustersOf(
  reports: readonly ErrorNow[],
  { view, width, markPx = 16 }: { view: View; width: number; markPx?: number },
): Cluster[] {
  const clusters: { reports: ErrorNow[]; worst: ErrorNow; x: number; first: number }[] = [];
  for (const report of reports) {
    if (report.timeUs < view.fromUs || report.timeUs > view.toUs) continue;
    const x = ((report.timeUs - view.fromUs) / (view.toUs - view.fromUs)) * width;
    const open = clusters.at(-1);
    if (open !== undefined && x - open.first < markPx) {
      open.reports.push(report);
      open.x = (open.first + x) / 2;
      if (report.severity > open.worst.severity) open.worst = report;
    } else clusters.push({ reports: [report], worst: report, x, first: x });
  }
  return clusters.map(({ reports: all, worst, x }) => ({ reports: all, worst, x }));
}
