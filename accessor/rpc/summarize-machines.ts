// The answers of SummarizeMachines, in pages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type SummarizeMachinesRequest,
  SummarizeMachinesRequestSchema,
  type SummarizeMachinesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toTimestamp } from "../../samples/timestamps.ts";
import type { Reads } from "../read/as-of.ts";
import { summarizeMachine } from "../read/machine-summary.ts";
import { readWatermark } from "../store/watermark.ts";
import { checkMachines } from "./check-request.ts";
import { PageRoom } from "./page-room.ts";
import { openPage, type Paging } from "./paging.ts";
import { atOnce, someAtOnce } from "./some-at-once.ts";
import { headOf, pagedWindow, windowAt } from "./window.ts";

const maxMachines = 1_000;
/** Of a summary without its codes of errors. */
const summaryBytes = 1_100;

export async function summarizeMachines(
  reads: Reads,
  request: SummarizeMachinesRequest,
  { signal, ...paging }: Paging & { signal: AbortSignal },
): Promise<MessageInitShape<typeof SummarizeMachinesResponseSchema>> {
  checkMachines(request.machines);
  const { token, encode } = openPage(SummarizeMachinesRequestSchema, request, paging);
  const head = await headOf(reads, request, { token, signal });
  const { revision } = head;
  const window = token === undefined ? windowAt(head, request) : pagedWindow(request, token.after.timeUs);
  const series = await reads.catalog.select({ machines: request.machines, signals: [] });
  const byMachine = [...Map.groupBy(series, ({ machine }) => machine)];
  const start = byMachine.findIndex(([, [first]]) => first!.machineId === token?.after.revision) + 1;
  const watermark = await readWatermark(reads.database, revision, { signal });
  const room = new PageRoom(request.pageSize || maxMachines);
  const machines: MessageInitShape<typeof MachineSummarySchema>[] = [];
  let full = false;
  for (let at = start; at < byMachine.length && room.rows > 0 && !full; at += atOnce) {
    const some = byMachine.slice(at, at + Math.min(atOnce, room.rows));
    const found = await someAtOnce(some, ([machine, mine]) => {
      const { machineId } = mine[0]!;
      return summarizeMachine(reads, { machine, machineId, series: mine, ...window, revision, watermark, signal });
    });
    for (const summary of found) {
      full ||= !room.take(bytesOfSummary(summary));
      if (!full) machines.push(summary);
    }
  }
  const end = start + machines.length;
  const last = { timeUs: window.toUs, revision: byMachine[end - 1]?.[1][0]?.machineId ?? 0, position: 0 };
  return {
    machines,
    nextPageToken: end < byMachine.length ? encode({ revision, after: last }) : "",
    cursor: reads.cursors.encode(revision),
    endTime: toTimestamp(window.toUs),
  };
}

function bytesOfSummary({ errors }: MessageInitShape<typeof MachineSummarySchema>): number {
  let bytes = summaryBytes;
  for (const { code = "" } of errors?.byCode ?? []) bytes += 20 + Buffer.byteLength(code);
  return bytes;
}
