// After a round, queries every accessor for everything: compacted or not, packed or not, in sums or
// in samples, the answer equals the log.
import { setTimeout as sleep } from "node:timers/promises";
import { readColumns, readRange } from "../../client/read.ts";
import { epochUs } from "./batches.ts";
import { reach, reasonOf } from "./clients.ts";
import { digestOfColumn, errorText, revisionOf, stateText } from "./content.ts";
import { expectedColumns } from "./oracle.ts";
import { createRandom } from "./random.ts";
import type { RoundRecord } from "./record.ts";
import type { Stored } from "./stored.ts";

type Judging = { ports: readonly number[]; record: RoundRecord; compacted: boolean };

export async function judgeSettled(
  stored: Stored,
  { ports, record, compacted }: Judging,
): Promise<void> {
  const commits = [...stored.commits.values()];
  const expected = expectedColumns(commits, { revision: stored.head, machines: [], signals: [] });
  for (const [i, port] of ports.entries()) {
    const who = `accessor ${i + 1}, ${compacted ? "compacted" : "in part compacted"}`;
    using clients = reach([port], createRandom(1));
    const client = clients.signals;
    const abort = AbortSignal.timeout(60_000);
    try {
      // If another accessor has done all the compaction, this one may still be starting after its
      // last fault.
      await served(client, abort);
      for (const format of ["blocks", "columns"] as const) {
        const { series, cursor } = await readColumns({ client, format, abort });
        if (revisionOf(cursor) < stored.head)
          record.violation(
            `${who}: reads at ${revisionOf(cursor)}, and ${stored.head} is committed`,
          );
        const got = new Map(
          series.map((one) => [`${one.machine} ${one.signal}`, digestOfColumn(one.column)]),
        );
        for (const key of new Set([...expected.keys(), ...got.keys()]))
          if (got.get(key) !== expected.get(key))
            record.violation(`${who}: ${key} as ${format} is not what the log holds`);
        if (format === "columns") await judgeSums(series, { client, who, record, abort });
      }
      const states: string[] = [];
      const errors: string[] = [];
      for await (const { stateChanges, errorReports } of readRange({
        client,
        signals: ["state", "error"],
        abort,
      })) {
        states.push(
          ...stateChanges.map(({ machine, record: one }) => `${machine} ${stateText(one)}`),
        );
        errors.push(
          ...errorReports.map(({ machine, record: one }) => `${machine} ${errorText(one)}`),
        );
      }
      const all = (list: "states" | "errors") =>
        commits.flatMap((commit) =>
          commit[list].map((text) => `${commit.content.machine} ${text}`),
        );
      if (states.sort().join("\n") !== all("states").sort().join("\n"))
        record.violation(`${who}: the states are not what the log holds`);
      if (errors.sort().join("\n") !== all("errors").sort().join("\n"))
        record.violation(`${who}: the errors are not what the log holds`);
    } catch (error) {
      record.violation(`${who}: does not answer: ${reasonOf(error)}`);
    }
  }
}

async function served(
  client: ReturnType<typeof reach>["signals"],
  abort: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await client.getLatest({}, { signal: abort, timeoutMs: 1_000 });
      return;
    } catch (error) {
      if (abort.aborted) throw error;
      await sleep(50);
    }
  }
}

type Sums = {
  client: ReturnType<typeof reach>["signals"];
  who: string;
  record: RoundRecord;
  abort: AbortSignal;
};

/** Compares buckets of everything with a plain count, smallest and largest. */
async function judgeSums(
  series: Awaited<ReturnType<typeof readColumns>>["series"],
  { client, who, record, abort }: Sums,
): Promise<void> {
  const names = [...new Set(series.map((one) => one.signal))];
  if (names.length === 0) return;
  const at = (timeUs: number) => ({ seconds: BigInt(Math.floor(timeUs / 1e6)), nanos: 0 });
  const window = { startTime: at(epochUs - 24 * 3600e6), endTime: at(epochUs + 24 * 3600e6) };
  const request = {
    signals: names,
    ...window,
    resolution: { case: "width" as const, value: { seconds: 3600n, nanos: 0 } },
  };
  const answer = await client.aggregateSamples(request, { signal: abort });
  for (const one of answer.series) {
    const stored = series.find(
      ({ machine, signal: name }) => machine === one.machine && name === one.signal,
    );
    // A series is registered before the first commit with samples of it, which may have failed.
    const values = stored?.column.values ?? [];
    const count = one.buckets.reduce((sum, bucket) => sum + Number(bucket.count), 0);
    const filled = one.buckets.filter((bucket) => bucket.count > 0n);
    const min = Math.min(...filled.map((bucket) => bucket.min!));
    const max = Math.max(...filled.map((bucket) => bucket.max!));
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    if (count !== values.length || min !== low || max !== high)
      record.violation(
        `${who}: buckets of ${one.machine} ${one.signal} say ${count} samples in ${min}..${max}, and there are ${values.length} in ${low}..${high}`,
      );
  }
}
