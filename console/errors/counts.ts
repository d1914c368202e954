// How many errors there were in a range, by severity and by code: sums over machines of what
// SummarizeMachines gives.
import type { Client } from "@connectrpc/connect";
import type { Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import type { ErrorSummary } from "#gen/millrace/v1/summary_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";

export type ErrorCounts = {
  readonly total: number;
  readonly bySeverity: ReadonlyMap<Severity, number>;
  /** The most frequent first. */
  readonly byCode: readonly (readonly [string, number])[];
  readonly otherCodes: number;
};

export type CountOptions = {
  machines: readonly string[];
  fromUs: number;
  /** Undefined: up to now. */
  toUs: number | undefined;
  abort: AbortSignal;
};

export async function countErrors(
  client: Pick<Client<typeof SignalService>, "summarizeMachines">,
  { machines, fromUs, toUs, abort }: CountOptions,
): Promise<ErrorCounts> {
  const summaries: ErrorSummary[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.summarizeMachines(
      {
        machines: [...machines],
        startTime: toTimestamp(fromUs),
        ...(toUs === undefined ? {} : { endTime: toTimestamp(toUs) }),
        pageToken,
      },
      { signal: abort },
    );
    for (const { errors } of page.machines) if (errors !== undefined) summaries.push(errors);
    pageToken = page.nextPageToken;
    if (pageToken === "") return sumOf(summaries);
  }
}

export function sumOf(summaries: readonly ErrorSummary[]): ErrorCounts {
  const bySeverity = new Map<Severity, number>();
  const codes = new Map<string, number>();
  let [total, otherCodes] = [0, 0];
  for (const one of summaries) {
    total += Number(one.count);
    otherCodes += Number(one.otherCodes);
    for (const { severity, count } of one.bySeverity)
      bySeverity.set(severity, (bySeverity.get(severity) ?? 0) + Number(count));
    for (const { code, count } of one.byCode)
      codes.set(code, (codes.get(code) ?? 0) + Number(count));
  }
  const byCode = [...codes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return { total, bySeverity, byCode, otherCodes };
}
