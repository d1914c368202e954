// Reads the error reports of a machine around a view. Its sides may hold more than fit: then they
// are left out, and are read when the view moves there.
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { View } from "../chart/axis.ts";
import type { ErrorNow } from "../live/messages.ts";
import { maxReports } from "./report-list.ts";
import type { ReadWindowOptions } from "./window-answer.ts";

export type ReadReports = {
  /** Ascending by time. */
  readonly reports: readonly ErrorNow[];
  /** There are more in the window than these. */
  readonly reportsCut: boolean;
  /** The part of the window that these are of: the first ones, if the view has too many. */
  readonly reportsSpan: View;
};

export async function readReports(
  options: Pick<ReadWindowOptions, "client" | "machine" | "plan" | "view" | "abort">,
  minCursor: string,
): Promise<ReadReports> {
  const { plan } = options;
  const view = {
    fromUs: Math.max(plan.fromUs, options.view.fromUs),
    toUs: Math.min(plan.toUs, options.view.toUs),
  };
  const [here, before, after] = await Promise.all([
    readPart(options, { span: view, most: maxReports, minCursor }),
    readPart(options, {
      span: { fromUs: plan.fromUs, toUs: view.fromUs },
      most: maxReports / 4,
      minCursor,
    }),
    readPart(options, {
      span: { fromUs: view.toUs, toUs: plan.toUs },
      most: maxReports / 4,
      minCursor,
    }),
  ]);
  // Another reading would bring no more.
  if (here.cut) return { reports: here.reports, reportsCut: true, reportsSpan: plan };
  return {
    reports: [
      ...(before.cut ? [] : before.reports),
      ...here.reports,
      ...(after.cut ? [] : after.reports),
    ],
    reportsCut: before.cut || after.cut,
    reportsSpan: {
      fromUs: before.cut ? view.fromUs : plan.fromUs,
      toUs: after.cut ? view.toUs : plan.toUs,
    },
  };
}

type Part = { reports: ErrorNow[]; cut: boolean };

async function readPart(
  { client, machine, abort }: Pick<ReadWindowOptions, "client" | "machine" | "abort">,
  { span, most, minCursor }: { span: View; most: number; minCursor: string },
): Promise<Part> {
  const reports: ErrorNow[] = [];
  if (span.toUs <= span.fromUs) return { reports, cut: false };
  for (let pageToken = ""; ; ) {
    const page = await client.querySignals(
      {
        signal: "error",
        machines: [machine],
        startTime: toTimestamp(span.fromUs),
        endTime: toTimestamp(span.toUs),
        pageSize: 10_000,
        pageToken,
        minCursor,
      },
      { signal: abort },
    );
    for (const { time, record } of page.signals) {
      if (record.case !== "errorReport") continue;
      const { severity, code, message } = record.value;
      reports.push({ timeUs: toTimeUs(time)!, severity, code, message });
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return { reports, cut: false };
    if (reports.length >= most) return { reports, cut: true };
  }
}
