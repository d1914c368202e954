// What the fleet looks like at one moment, from unary reads. The feed goes on after its cursor, so
// that no record is missing between the two. Reads after the first may see later records too: these
// come again by the feed, and what is folded from them is the same the second time.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { wattsPer } from "../../codec/power-unit.ts";
import { toDuration, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { MachineFolding, sparkSeconds } from "./machine-folding.ts";

export type SnapshotClient = Pick<
  Client<typeof SignalService>,
  "getLatest" | "listStateIntervals" | "aggregateSamples" | "querySignals"
>;

/** Most error reports that are read for the counts of the last hour. */
const maxErrors = 20_000;

export type Snapshot = { machines: Map<string, MachineFolding>; cursor: string };

export async function readSnapshot(
  client: SnapshotClient,
  { nowUs, abort }: { nowUs: number; abort: AbortSignal },
): Promise<Snapshot> {
  const machines = new Map<string, MachineFolding>();
  const folding = (name: string): MachineFolding => {
    let one = machines.get(name);
    if (one === undefined) {
      one = new MachineFolding(name);
      machines.set(name, one);
    }
    return one;
  };
  const options = { signal: abort };
  let cursor = "";
  for (let pageToken = ""; ; ) {
    const page = await client.getLatest({ pageToken }, options);
    if (cursor === "") cursor = page.cursor;
    for (const one of page.signals) folding(one.machine).begin(one);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  if (machines.size === 0) return { machines, cursor };
  await Promise.all([
    readStates(client, { nowUs, options, folding }),
    readSparks(client, { nowUs, options, folding }),
    readErrors(client, { nowUs, options, folding }),
  ]);
  return { machines, cursor };
}

type Part = {
  nowUs: number;
  options: { signal: AbortSignal };
  folding: (name: string) => MachineFolding;
};

/** Since when each machine is in its state: a repeated state does not begin anew. */
async function readStates(client: SnapshotClient, { nowUs, options, folding }: Part) {
  for (let pageToken = ""; ; ) {
    const page = await client.listStateIntervals(
      { startTime: toTimestamp(nowUs - 1e6), pageSize: 10_000, pageToken },
      options,
    );
    for (const { machine, startTime, endTime } of page.intervals)
      if (endTime === undefined) folding(machine).stateBegan(toTimeUs(startTime)!);
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}

async function readSparks(client: SnapshotClient, { nowUs, options, folding }: Part) {
  const startTime = toTimestamp((Math.floor(nowUs / 1e6) - sparkSeconds) * 1e6);
  for (let pageToken = ""; ; ) {
    const page = await client.aggregateSamples(
      {
        signals: ["power"],
        startTime,
        resolution: { case: "width", value: toDuration(1e6) },
        pageToken,
      },
      options,
    );
    for (const { machine, unit, buckets } of page.series) {
      const watts = wattsPer(unit);
      if (watts === undefined) continue;
      // Samples of the newest second may come again by the feed. Least and greatest value stay the
      // same, and the mean hardly moves; without them the line would have a hole.
      for (const { startTime: start, count, min = 0, max = 0, mean = 0 } of buckets)
        folding(machine).ring.addSecond(toTimeUs(start)!, {
          count: Number(count),
          min: min * watts,
          max: max * watts,
          mean: mean * watts,
        });
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}

async function readErrors(client: SnapshotClient, { nowUs, options, folding }: Part) {
  let count = 0;
  for (let pageToken = ""; count < maxErrors; ) {
    const page = await client.querySignals(
      { signal: "error", startTime: toTimestamp(nowUs - 3_600e6), pageSize: 10_000, pageToken },
      options,
    );
    for (const { machine, time, record } of page.signals) {
      if (record.case !== "errorReport") continue;
      const { severity, code, message } = record.value;
      folding(machine).addError({ timeUs: toTimeUs(time)!, severity, code, message });
    }
    count += page.signals.length;
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}
