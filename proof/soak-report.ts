// The verdict on a side of the soak, and the soak's figures for printing.
import { readFileSync } from "node:fs";
import type { KeptPostgres } from "./chaos/kept-postgres.ts";
import { judge, type Tally } from "./chaos/oracle.ts";
import type { RoundRecord } from "./chaos/record.ts";
import { readStored } from "./chaos/stored.ts";
import { type FleetOptions, type FleetTally, judgeFleet } from "./fleet-oracle.ts";
import type { HeapTrend } from "./heaps.ts";
import type { Side } from "./side.ts";
import type { Trend } from "./usage.ts";
import { judgeWatcher, type WatcherOutcome } from "./watcher-outcome.ts";

export type SideJudgement = {
  name: string;
  feeds: number;
  stored: Tally;
  fleet: FleetTally;
  watcher?: WatcherOutcome;
};

type Judging = {
  postgres: KeptPostgres;
  record: RoundRecord;
  machines: number;
  mayMiss?: FleetOptions["mayMiss"];
  outcomePath?: string;
};

/** Records every violation. */
export async function judgeSide(
  { name, database, subscribers, passing, seed }: Side,
  { postgres, record, machines, mayMiss, outcomePath }: Judging,
): Promise<SideJudgement> {
  const stored = await readStored(postgres.url(database));
  const feeds = [...subscribers, ...passing];
  const tally = judge({ stored, writers: [], subscribers: feeds, answers: [], record });
  const fleet = judgeFleet(stored, { machines, seed, ...(mayMiss ? { mayMiss } : {}) });
  for (const text of fleet.findings) record.violation(`side ${name}: ${text}`);
  const judged = { name, feeds: feeds.length, stored: tally, fleet };
  if (outcomePath === undefined) return judged;
  const watcher = JSON.parse(readFileSync(outcomePath, "utf8")) as WatcherOutcome;
  for (const text of judgeWatcher(watcher, stored)) record.violation(text);
  return { ...judged, watcher };
}

export type SoakFigures = {
  minutes: number;
  seed: number;
  counts: Record<string, number>;
  judged: readonly SideJudgement[];
  /** Batches left in the producers' spools at their end, by side. */
  left: readonly number[];
  trends: readonly Trend[];
  heapTrends: readonly HeapTrend[];
  gateway: Record<string, number>;
  deaths: number;
  violations: readonly string[];
};

export function printSoak(figures: SoakFigures): void {
  const { minutes, seed, counts, judged, left, trends, heapTrends, gateway, deaths, violations } =
    figures;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const kinds = Object.entries(counts).map(([name, n]) => `${n} ${name}`);
  console.log(`\n${minutes} min, seed ${seed}: ${total} faults (${kinds.join(", ")})`);
  for (const [i, { name, feeds, stored, fleet, watcher }] of judged.entries()) {
    const { samples, events, holes, holesUs } = fleet;
    console.log(
      `side ${name}: ${stored.batches} batches, ${samples} samples, ${events} states and errors, ${feeds} feeds; ` +
        `${stored.lost + fleet.lost} lost, ${stored.doubled + fleet.doubled} doubled, ${stored.gaps + fleet.gaps} gaps; ` +
        `${holes} holes of a dead producer (${(holesUs / 1e6 / Math.max(1, holes)).toFixed(2)} s on average); ${left[i]} batches left to drain` +
        `${watcher ? `; watching process: ${watcher.batches} batches, ${watcher.reconnects} reconnects` : ""}`,
    );
  }
  console.log(
    `the producer of side a died ${deaths} times; the gateway answered ${JSON.stringify(gateway)}`,
  );
  console.log(
    "\nprocess           lives  life s  RSS MB first→last (max)        MB/h   fds first→last (max)     fds/h",
  );
  for (const one of trends) {
    const rss = `${one.rssFirstMb.toFixed(1)}→${one.rssLastMb.toFixed(1)} (${one.rssMaxMb.toFixed(1)})`;
    const fds = `${one.fdsFirst}→${one.fdsLast} (${one.fdsMax})`;
    console.log(
      `${one.name.padEnd(16)} ${String(one.lives).padStart(6)} ${one.lastLifeS.toFixed(0).padStart(7)}  ${rss.padEnd(28)} ${one.rssSlopeMbPerHour.toFixed(1).padStart(7)}   ${fds.padEnd(22)} ${one.fdsSlopePerHour.toFixed(1).padStart(7)}`,
    );
  }
  console.log("\nprocess           after a collection, MB first→last (max)");
  for (const { name, firstMb, lastMb, maxMb, collections } of heapTrends)
    console.log(
      `${name.padEnd(16)} ${firstMb.toFixed(1)}→${lastMb.toFixed(1)} (${maxMb.toFixed(1)}) of ${collections}`,
    );
  console.log(violations.length === 0 ? "\nno violation" : `\n${violations.length} VIOLATIONS`);
  for (const text of violations) console.log(`  ${text}`);
}
